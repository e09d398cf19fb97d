namespace Fairlead.SystemTests;

/// <summary>A Dropbear server on the loopback with keys of its own, and users of each type whom it lets in as root.</summary>
internal sealed class DropbearServerRig : IDisposable
{
    private Peer? server;

    private DropbearServerRig(Folder folder, int port) => (Folder, Port) = (folder, port);

    public Folder Folder { get; }

    public int Port { get; }

    /// <summary>A file with the server's keys.</summary>
    public string KnownHosts => Path.Combine(Folder.Path, "known_hosts");

    /// <summary>A tunnel to it, as it stands in a configuration.</summary>
    public string Tunnel => $"{{ ssh: \"root@127.0.0.1:{Port}\", identity: {UserKey("ssh-ed25519")}, known_hosts: {KnownHosts} }}";

    private string Home => Path.Combine(Folder.Path, "home");

    /// <summary>Whether it has a key that signs by an algorithm.</summary>
    public bool HasHostKey(string algorithm) => File.Exists(HostKey(algorithm));

    /// <summary>The server's key that signs by an algorithm, in Dropbear's form.</summary>
    public string HostKey(string algorithm) => KeyOf("host", algorithm);

    /// <summary>The user's key that signs by an algorithm, in OpenSSH's form.</summary>
    public string UserKey(string algorithm) => KeyOf("user", algorithm);

    /// <summary>Starts one.</summary>
    /// <param name="hostKeys">By which algorithms its keys sign; none: four, which is as many as it takes.</param>
    public static async Task<DropbearServerRig> StartAsync(params string[] hostKeys)
    {
        Peers.RequireRoot();
        var dropbear = Peers.Require("dropbear", "dropbear-bin");
        var rig = new DropbearServerRig(new Folder(), FreePorts.One());
        try
        {
            var ssh = Directory.CreateDirectory(Path.Combine(rig.Home, ".ssh"));
            var types = SshKeys.Types.DistinctBy(known => (known.Type, known.Bits)).ToList();
            foreach (var (algorithm, type, bits) in types)
                await SshKeys.MakeAsync(rig.UserKey(algorithm), type, bits);
            var hosts = types.Where(known => hostKeys.Length > 0 ? hostKeys.Contains(known.Algorithm) : known.Algorithm != "ecdsa-sha2-nistp521").ToList();
            foreach (var (algorithm, type, bits) in hosts)
                await Dropbear.MakeKeyAsync(rig.HostKey(algorithm), type, bits);
            File.WriteAllLines(rig.KnownHosts, hosts.Select(known => $"[127.0.0.1]:{rig.Port} {SshKeys.Public(rig.HostKey(known.Algorithm))}"));
            File.WriteAllLines(Path.Combine(ssh.FullName, "authorized_keys"), types.Select(known => SshKeys.Public(rig.UserKey(known.Algorithm))));
            rig.Folder.Write("passwd", $"root:x:0:0:root:{rig.Home}:/bin/sh\n");
            // It looks for a user's keys in his home and nowhere else: this process sees another home of root than everybody else.
            rig.server = await Peers.StartAsync(rig.Port, Peers.Require("unshare", "util-linux"), ["-m", "--propagation", "private", "/bin/sh", "-c", $"mount --bind {rig.Folder.Path}/passwd /etc/passwd && exec \"$0\" \"$@\"",
                dropbear, "-F", "-E", "-s", "-P", Path.Combine(rig.Folder.Path, "pid"), "-p", $"127.0.0.1:{rig.Port}", .. hosts.SelectMany(known => (string[])["-r", rig.HostKey(known.Algorithm)])]);
            return rig;
        }
        catch
        {
            rig.Dispose();
            throw;
        }
    }

    /// <summary>Lets another key in.</summary>
    public void Admit(string line) => File.AppendAllText(Path.Combine(Home, ".ssh", "authorized_keys"), $"{line}\n");

    public void Dispose()
    {
        server?.Dispose();
        Folder.Dispose();
    }

    private string KeyOf(string owner, string algorithm)
    {
        var (_, type, bits) = SshKeys.Types.First(known => known.Algorithm == algorithm);
        return Path.Combine(Folder.Path, $"{owner}-{type}-{bits}");
    }
}
