using System.Net;

namespace Fairlead.Bench;

/// <summary>Paths of the keys that every SSH server and client in here has: without passphrases, for the owner of the folder alone.</summary>
/// <param name="Host">The private key of servers.</param>
/// <param name="User">The private key that clients log in with.</param>
/// <param name="Authorized">Its public half, which is a file of authorized keys as it is.</param>
sealed record SshKeys(string Host, string User, string Authorized)
{
    const string Program = "ssh-keygen";

    public static SshKeys New(Workshop workshop)
    {
        string host = Generate("host", workshop), user = Generate("user", workshop);
        return new(host, user, user + ".pub");
    }

    /// <summary>A file for a client that knows this server and no other: it has nobody to ask.</summary>
    /// <param name="server">Where it listens.</param>
    /// <param name="workshop">Where the file is.</param>
    public string KnownHosts(IPEndPoint server, Workshop workshop) =>
        workshop.NewFile("known_hosts", $"[{server.Address}]:{server.Port} {File.ReadAllText(Host + ".pub")}");

    static string Generate(string name, Workshop workshop)
    {
        var path = workshop.NewFile(name);
        var said = workshop.Run(new(Programs.PathOf(Program), "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path), TimeSpan.FromSeconds(10));
        return File.Exists(path) ? path : throw new MeasureException($"{Program} made no key: {said.Trim()}");
    }
}
