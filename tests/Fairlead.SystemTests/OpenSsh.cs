namespace Fairlead.SystemTests;

/// <summary>An OpenSSH server and a client that may log in there as root by a key of their own.</summary>
internal sealed class OpenSsh : IDisposable
{
    private readonly string ssh;
    private readonly Folder folder;
    private readonly Peer server;

    private OpenSsh(string ssh, Folder folder, Peer server, int port) => (this.ssh, this.folder, this.server, Port) = (ssh, folder, server, port);

    /// <summary>Where the server listens on the loopback.</summary>
    public int Port { get; }

    public static async Task<OpenSsh> StartAsync()
    {
        Peers.RequireRoot();
        var sshd = Peers.Require("sshd", "openssh-server");
        var ssh = Peers.Require("ssh", "openssh-client");
        var keygen = Peers.Require("ssh-keygen", "openssh-client");
        Directory.CreateDirectory("/run/sshd");
        var folder = new Folder();
        foreach (var key in new[] { "host", "user" })
            Assert.Equal(0, (await Peers.RunAsync(keygen, "-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(folder.Path, key))).Status);
        var port = Peers.FreePort();
        var configuration = folder.Write("sshd.conf", $"""
            ListenAddress 127.0.0.1:{port}
            HostKey {folder.Path}/host
            AuthorizedKeysFile {folder.Path}/user.pub
            PidFile none
            StrictModes no
            UsePAM no
            PermitRootLogin prohibit-password
            """);
        return new OpenSsh(ssh, folder, await Peers.StartAsync(port, sshd, "-D", "-e", "-f", configuration), port);
    }

    /// <summary>Runs a command on the server, to its end.</summary>
    /// <param name="port">Where the client connects.</param>
    /// <param name="command">The command.</param>
    /// <param name="options">Further options of ssh(1).</param>
    public Task<(int Status, string Output)> RunAsync(int port, string command, params string[] options) => Peers.RunAsync(ssh, [
        "-F", "none", "-i", $"{folder.Path}/user", "-p", $"{port}", "-o", "StrictHostKeyChecking=accept-new", "-o", $"UserKnownHostsFile={folder.Path}/known",
        "-o", "BatchMode=yes", .. options, "root@127.0.0.1", command]);

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
    }
}
