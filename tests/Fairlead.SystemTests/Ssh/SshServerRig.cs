using System.Diagnostics;
using System.Globalization;

namespace Fairlead.SystemTests;

/// <summary>An OpenSSH server on the loopback with keys of its own, and a user whom it lets in as root.</summary>
internal sealed class SshServerRig : IDisposable
{
    /// <summary>A user whom only <see cref="StartAsync(string, string?)"/> with a password knows.</summary>
    public const string PasswordUser = "tunneller";

    private readonly string sshd, configuration;
    private readonly bool hasPassword;
    private Peer? server;

    private SshServerRig(string sshd, Folder folder, int port, bool hasPassword)
    {
        (this.sshd, Folder, Port, this.hasPassword) = (sshd, folder, port, hasPassword);
        configuration = Path.Combine(folder.Path, "sshd.conf");
    }

    public Folder Folder { get; }

    public int Port { get; }

    /// <summary>The server's key.</summary>
    public string HostKey => Path.Combine(Folder.Path, "host");

    /// <summary>The user's key.</summary>
    public string UserKey => Path.Combine(Folder.Path, "user");

    /// <summary>A file with the server's key.</summary>
    public string KnownHosts => Path.Combine(Folder.Path, "known_hosts");

    /// <summary>What it has said.</summary>
    public string Log => File.ReadAllText(LogFile);

    /// <summary>A tunnel to it, as it stands in a configuration.</summary>
    public string Tunnel => $"{{ ssh: \"root@127.0.0.1:{Port}\", identity: {UserKey}, known_hosts: {KnownHosts} }}";

    /// <summary>How often somebody was let in.</summary>
    public int Logins => Log.Split('\n').Count(line => line.Contains("Accepted publickey for root", StringComparison.Ordinal));

    private string LogFile => Path.Combine(Folder.Path, "log");

    /// <summary>Starts one.</summary>
    /// <param name="more">Lines of sshd_config(5) that come before the rig's own, so that they count.</param>
    /// <param name="password">
    /// The password of <see cref="PasswordUser"/>, whom this machine does not know: the server sees other files of users, and of PAM, than everybody else. Null: there is no such user.
    /// </param>
    public static async Task<SshServerRig> StartAsync(string more = "", string? password = null)
    {
        Peers.RequireRoot();
        var sshd = Peers.Require("sshd", "openssh-server");
        Directory.CreateDirectory("/run/sshd");
        var rig = new SshServerRig(sshd, new Folder(), FreePorts.One(), password is not null);
        try
        {
            await SshKeys.MakeAsync(rig.HostKey);
            await SshKeys.MakeAsync(rig.UserKey);
            rig.Folder.Write("known_hosts", $"[127.0.0.1]:{rig.Port} {SshKeys.Public(rig.HostKey)}\n");
            rig.Folder.Write("sshd.conf", $"""
                {more}
                ListenAddress 127.0.0.1:{rig.Port}
                HostKey {rig.HostKey}
                AuthorizedKeysFile {rig.UserKey}.pub
                PidFile none
                StrictModes no
                UsePAM no
                PermitRootLogin prohibit-password
                GatewayPorts clientspecified
                MaxStartups 200
                LogLevel VERBOSE

                """);
            if (password is not null)
                await rig.WriteUserAsync(password);
            await rig.StartServerAsync();
            return rig;
        }
        catch
        {
            rig.Dispose();
            throw;
        }
    }

    /// <summary>Runs a command on it, to its end.</summary>
    /// <param name="port">Where the client connects.</param>
    /// <param name="command">The command.</param>
    /// <param name="options">Further options of ssh(1).</param>
    public Task<(int Status, string Output)> RunAsync(int port, string command, params string[] options) => OpenSshClient.RunAsync(UserKey, "root", port, [.. options, "127.0.0.1", command]);

    /// <summary>Ends the server and everybody who is connected.</summary>
    public void Stop()
    {
        server?.Dispose();
        server = null;
    }

    /// <summary>Starts it again at the same port.</summary>
    public async Task StartServerAsync()
    {
        string[] arguments = ["-D", "-E", LogFile, "-f", configuration];
        server = hasPassword
            ? await Peers.StartAsync(Port, Peers.Require("unshare", "util-linux"), ["-m", "--propagation", "private", "/bin/sh", "-c", Mounts, sshd, .. arguments])
            : await Peers.StartAsync(Port, sshd, arguments);
    }

    // The mounts are this process's alone, and gone with it.
    private string Mounts =>
        $"for file in passwd shadow pam.d; do mount --bind {Folder.Path}/$file /etc/$file || exit 1; done; exec \"$0\" \"$@\"";

    private async Task WriteUserAsync(string password)
    {
        var (status, hash) = await Peers.RunAsync(Peers.Require("openssl", "openssl"), "passwd", "-6", password);
        Assert.True(status == 0, hash);
        Folder.Write("passwd", $"{File.ReadAllText("/etc/passwd").TrimEnd()}\n{PasswordUser}:x:60123:65534::/nonexistent:/bin/sh\n");
        Folder.Write("shadow", $"{File.ReadAllText("/etc/shadow").TrimEnd()}\n{PasswordUser}:{hash.Trim()}:19000:0:99999:7:::\n");
        // The server looks for the keys of a user as that user.
        File.SetUnixFileMode(Folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var pam = Directory.CreateDirectory(Path.Combine(Folder.Path, "pam.d"));
        File.WriteAllText(Path.Combine(pam.FullName, "sshd"), "auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\npassword required pam_deny.so\n");
    }

    /// <summary>Stops the processes of the connections that there are: their sockets stay, and nobody is behind them. <see cref="KillSessions"/> ends them.</summary>
    public async Task FreezeSessionsAsync() => await Peers.RunAsync("kill", ["-STOP", .. Sessions()]);

    /// <summary>Ends the processes of the connections that there are, without a goodbye. The server goes on.</summary>
    public void KillSessions()
    {
        foreach (var id in Sessions())
        {
            try
            {
                using var process = Process.GetProcessById(int.Parse(id, CultureInfo.InvariantCulture));
                process.Kill();
            }
            catch (ArgumentException)
            {
                // One that looked whether the server listens, and has ended meanwhile.
            }
        }
    }

    private IEnumerable<string> Sessions() =>
        Directory.GetDirectories("/proc").Select(Path.GetFileName).OfType<string>().Where(name => int.TryParse(name, CultureInfo.InvariantCulture, out _) && ParentOf(name) == server!.Id);

    public void Dispose()
    {
        Stop();
        Folder.Dispose();
    }

    // proc(5): the fourth field of stat, behind a name in brackets that may have anything in it.
    private static int? ParentOf(string process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
