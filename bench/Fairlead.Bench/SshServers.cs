using System.Net;

namespace Fairlead.Bench;

/// <summary>The servers of SSH, which let in one key and let it forward.</summary>
static class SshServers
{
    /// <summary>Fairlead's.</summary>
    public static Command Hub(string fairlead, IPEndPoint address, Workshop workshop)
    {
        var keys = workshop.SshKeys;
        return new(fairlead, "run", workshop.NewFile("hub.yaml",
            $$"""
            admin: off
            access_log: { file: "-" }
            hub: { listen: "{{address}}", host_keys: {{keys.Host}}, authorized_keys: {{keys.Authorized}}, max_connections: 4000, max_connections_per_source: off, max_connections_per_prefix: off, max_listens: 4000 }
            """));
    }

    /// <summary>OpenSSH's.</summary>
    /// <param name="address">Where it listens.</param>
    /// <param name="workshop">Where its files are.</param>
    /// <param name="cipher">The only one that it takes.</param>
    public static Command Sshd(IPEndPoint address, Workshop workshop, string cipher)
    {
        var keys = workshop.SshKeys;
        // Where root's sshd is confined until somebody has logged in; a package that has never been started has not made it.
        if (Environment.IsPrivilegedProcess)
            Directory.CreateDirectory("/run/sshd");
        return new(Programs.PathOf("sshd"), "-D", "-e", "-f", workshop.NewFile("sshd.conf",
            $"""
            ListenAddress {address}
            PidFile none
            HostKey {keys.Host}
            AuthorizedKeysFile {keys.Authorized}
            StrictModes no
            UsePAM no
            PermitRootLogin yes
            MaxStartups 1000
            Ciphers {cipher}
            """));
    }
}
