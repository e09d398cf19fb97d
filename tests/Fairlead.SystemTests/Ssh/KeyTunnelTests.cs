using System.Diagnostics;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>Keys with a passphrase, in agents, and with certificates, to a server of OpenSSH.</summary>
public sealed class KeyTunnelTests
{
    [Fact(Timeout = 60000)]
    public async Task A_key_with_a_passphrase_logs_in_and_a_wrong_one_is_told()
    {
        using var server = await SshServerRig.StartAsync();
        await EncryptAsync(server.UserKey, "secret words");
        using var folder = new Folder();
        await using (var fairlead = await RunAsync(folder, With(server, $"passphrase: \"file:{Secret(folder, "secret words")}\"")))
            await fairlead.WaitForAsync("tunnel_up");
        await using (var fairlead = await RunAsync(folder, With(server, $"passphrase: \"file:{Secret(folder, "other words")}\"")))
            Assert.Contains("the passphrase is not that of the private key; give the right one", await DownAsync(fairlead), StringComparison.Ordinal);
        await using (var fairlead = await RunAsync(folder, With(server, "agent: off")))
            Assert.Contains("is encrypted with a passphrase (aes256-ctr), and none is given", await DownAsync(fairlead), StringComparison.Ordinal);
        Assert.Equal(1, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task On_a_terminal_the_passphrase_is_asked_for_and_not_shown()
    {
        using var server = await SshServerRig.StartAsync();
        await EncryptAsync(server.UserKey, "secret words");
        using var terminal = new TypedInto(server.Folder.Path, "ssh", "-o", "IdentityAgent=none", "-i", server.UserKey, "-o", $"UserKnownHostsFile={server.KnownHosts}", "-p", $"{server.Port}", "-D", "0", "root@127.0.0.1");
        foreach (var passphrase in new[] { "other words", "secret words" })
        {
            await terminal.WaitForAsync($"Passphrase of {server.UserKey}: ", once: passphrase == "other words");
            terminal.Type($"{passphrase}\n");
        }
        await Until.TrueAsync(() => terminal.Log.Contains("tunnel_up", StringComparison.Ordinal));
        Assert.DoesNotContain("words", terminal.Shown, StringComparison.Ordinal);
        Assert.DoesNotContain("words", terminal.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task What_the_server_asks_is_asked_on_the_terminal_and_the_answer_is_not_shown()
    {
        using var server = await SshServerRig.StartAsync("UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no", "correct horse");
        using var terminal = new TypedInto(server.Folder.Path, "ssh", "-F", "none", "-o", "PubkeyAuthentication=no", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-p", $"{server.Port}", "-D", "0",
            $"{SshServerRig.PasswordUser}@127.0.0.1");
        foreach (var answer in new[] { "wrong horse", "correct horse" })
        {
            await terminal.WaitForAsync("Password: ", once: answer == "wrong horse");
            terminal.Type($"{answer}\n");
        }
        await Until.TrueAsync(() => terminal.Log.Contains("tunnel_up", StringComparison.Ordinal));
        Assert.Contains("Accepted keyboard-interactive/pam for ", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("horse", terminal.Shown, StringComparison.Ordinal);
        Assert.DoesNotContain("horse", terminal.Log, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("ed25519", "256")]
    [InlineData("rsa", "2048")]
    [InlineData("ecdsa", "384")]
    public async Task An_agent_signs_under_run(string type, string bits)
    {
        using var server = await SshServerRig.StartAsync();
        using var agent = await Agent.StartAsync();
        var key = await SshKeys.MakeAsync(Path.Combine(agent.Folder.Path, "key"), type, bits);
        await agent.AddAsync(key);
        File.Copy($"{key}.pub", $"{server.UserKey}.pub", overwrite: true);
        using var folder = new Folder();
        // The file that is named has another key.
        await using var fairlead = await RunAsync(folder, With(server, $"agent: {agent.Path}"));
        await fairlead.WaitForAsync("tunnel_up");
        Assert.Equal(1, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task The_agent_of_the_environment_is_asked_unless_it_is_off_and_only_for_named_keys_where_that_is_said()
    {
        using var server = await SshServerRig.StartAsync();
        using var agent = await Agent.StartAsync();
        var (other, key) = (await SshKeys.MakeAsync(Path.Combine(agent.Folder.Path, "other")), server.UserKey);
        await agent.AddAsync(key);
        await agent.AddAsync(other);
        string[] Command(string identity, params string[] options) =>
            ["ssh", "--log-format", "json", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-i", identity, "-D", "0", .. options, "root@127.0.0.1"];
        async Task<bool> LogsInAsync(params string[] command)
        {
            await using var fairlead = Running.Start(command, readErrors: true, ("SSH_AUTH_SOCK", agent.Path));
            return (await fairlead.WaitForAsync(entry => entry.GetProperty("event").GetString() is "tunnel_up" or "tunnel_down")).GetProperty("event").GetString() == "tunnel_up";
        }

        Assert.True(await LogsInAsync(Command(other)));
        Assert.False(await LogsInAsync(Command(other, "-o", "IdentitiesOnly=yes")));
        // Its public part alone says which of the agent's is meant.
        Assert.True(await LogsInAsync(Command($"{key}.pub", "-o", "IdentitiesOnly=yes")));
        Assert.False(await LogsInAsync(Command(other, "-o", "IdentityAgent=none")));
        Assert.True(await LogsInAsync(Command(other, "-o", "IdentityAgent=$SSH_AUTH_SOCK")));
        Assert.True(await LogsInAsync(Command(other, "-o", "IdentityAgent=SSH_AUTH_SOCK")));
    }

    [Fact(Timeout = 60000)]
    public async Task A_key_that_is_held_to_a_destination_is_used_there_and_nowhere_else()
    {
        using var server = await SshServerRig.StartAsync();
        using var elsewhere = await SshServerRig.StartAsync();
        using var agent = await Agent.StartAsync();
        var key = await SshKeys.MakeAsync(Path.Combine(agent.Folder.Path, "key"));
        await agent.AddAsync("-h", $"[127.0.0.1]:{server.Port}", "-H", server.KnownHosts, key);
        foreach (var rig in new[] { server, elsewhere })
            File.Copy($"{key}.pub", $"{rig.UserKey}.pub", overwrite: true);
        using var folder = new Folder();
        await using (var fairlead = await RunAsync(folder, With(server, $"agent: {agent.Path}")))
            await fairlead.WaitForAsync("tunnel_up");
        await using (var fairlead = await RunAsync(folder, With(elsewhere, $"agent: {agent.Path}")))
            await DownAsync(fairlead);
        Assert.Equal((1, 0), (server.Logins, elsewhere.Logins));
    }

    [Theory(Timeout = 60000)]
    [InlineData("beside the key")]
    [InlineData("named")]
    [InlineData("in the agent")]
    public async Task A_certificate_of_the_user_logs_in(string where)
    {
        using var ca = await CertificateAuthority.MakeAsync();
        using var server = await SshServerRig.StartAsync($"TrustedUserCAKeys {ca.Key}.pub\nAuthorizedKeysFile none");
        using var agent = await Agent.StartAsync();
        var certificate = await ca.SignAsync(server.UserKey, "-n", "root");
        if (where == "in the agent")
            await agent.AddAsync(server.UserKey);
        if (where == "named")
        {
            File.Move(certificate, certificate = Path.Combine(server.Folder.Path, "elsewhere.pub"));
            await using var fairlead = Running.Start("ssh", "--log-format", "json", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-o", "IdentityAgent=none",
                "-o", $"CertificateFile={certificate}", "-i", server.UserKey, "-D", "0", "root@127.0.0.1");
            await fairlead.WaitForAsync("tunnel_up");
        }
        else
        {
            using var folder = new Folder();
            var stranger = await SshKeys.MakeAsync(Path.Combine(folder.Path, "stranger"));
            var identity = where == "in the agent" ? stranger : server.UserKey;
            await using var fairlead = await RunAsync(folder, With(server, $"agent: {(where == "in the agent" ? agent.Path : "off")}").Replace(server.UserKey, identity, StringComparison.Ordinal));
            await fairlead.WaitForAsync("tunnel_up");
        }
        await Until.TrueAsync(() => server.Log.Contains("Accepted certificate ID \"test\"", StringComparison.Ordinal) || server.Log.Contains("ED25519-CERT", StringComparison.Ordinal));
    }

    [Theory(Timeout = 60000)]
    [InlineData("ed25519", "256")]
    [InlineData("rsa", "2048")]
    [InlineData("ecdsa", "521")]
    public async Task A_host_is_believed_by_its_certificate(string type, string bits)
    {
        using var ca = await CertificateAuthority.MakeAsync(type, bits);
        var host = await SshKeys.MakeAsync(Path.Combine(ca.Folder.Path, "host"), type, bits);
        var certificate = await ca.SignAsync(host, "-h", "-n", "127.0.0.1");
        using var server = await SshServerRig.StartAsync($"HostKey {host}\nHostCertificate {certificate}");
        using var folder = new Folder();
        File.WriteAllText(server.KnownHosts, $"@cert-authority [127.0.0.1]:* {SshKeys.Public(ca.Key)}\n");
        await using (var fairlead = await RunAsync(folder, server.Tunnel))
            Assert.Equal(await SshKeys.FingerprintAsync(host), (await fairlead.WaitForAsync("tunnel_up")).GetProperty("host_key").GetString());
        // For another name it is nothing.
        await using (var fairlead = await RunAsync(folder, server.Tunnel.Replace("root@127.0.0.1", "root@localhost", StringComparison.Ordinal)))
            await DownAsync(fairlead);
        File.AppendAllText(server.KnownHosts, $"@cert-authority [localhost]:* {SshKeys.Public(ca.Key)}\n");
        await using (var fairlead = await RunAsync(folder, server.Tunnel.Replace("root@127.0.0.1", "root@localhost", StringComparison.Ordinal)))
            Assert.Contains("is not believed, as it is for 127.0.0.1", await DownAsync(fairlead), StringComparison.Ordinal);
        File.AppendAllText(server.KnownHosts, $"@revoked * {SshKeys.Public(ca.Key)}\n");
        await using (var fairlead = await RunAsync(folder, server.Tunnel))
            Assert.Contains("must not be believed any more", await DownAsync(fairlead), StringComparison.Ordinal);
        Assert.Equal(1, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task Known_keys_follow_what_the_server_proves()
    {
        using var keys = new Folder();
        var (next, gone) = (await SshKeys.MakeAsync(Path.Combine(keys.Path, "next"), "rsa", "2048"), await SshKeys.MakeAsync(Path.Combine(keys.Path, "gone"), "ecdsa", "256"));
        using var server = await SshServerRig.StartAsync($"HostKey {next}");
        var name = $"[127.0.0.1]:{server.Port}";
        var before = $"# mine\nexample.com {SshKeys.Public(gone)}\n{name} {SshKeys.Public(server.HostKey)}\n{name} {SshKeys.Public(gone)} a comment\n";
        async Task ConnectAsync(params string[] options)
        {
            await using var fairlead = Running.Start(["ssh", "--log-format", "json", "-F", "none", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-o", "IdentityAgent=none", "-i", server.UserKey, "-D", "0", .. options, "root@127.0.0.1"]);
            await fairlead.WaitForAsync("tunnel_up");
            if (options.Contains("UpdateHostKeys=yes"))
                await fairlead.WaitForAsync("host_keys_followed");
        }

        // A file that is named is the user's to change.
        File.WriteAllText(server.KnownHosts, before);
        await ConnectAsync();
        await ConnectAsync("-o", "UpdateHostKeys=no");
        Assert.Equal(before, File.ReadAllText(server.KnownHosts));
        await ConnectAsync("-o", "UpdateHostKeys=yes");
        Assert.Equal($"# mine\nexample.com {SshKeys.Public(gone)}\n{name} {SshKeys.Public(server.HostKey)}\n{name} {SshKeys.Public(next)}\n", File.ReadAllText(server.KnownHosts));
        // By the new one alone it is known too.
        File.WriteAllText(server.KnownHosts, $"{name} {SshKeys.Public(next)}\n");
        await ConnectAsync();
    }

    [Fact(Timeout = 60000)]
    public async Task A_key_signs_by_the_algorithm_that_is_accepted()
    {
        using var server = await SshServerRig.StartAsync("PubkeyAcceptedAlgorithms rsa-sha2-256");
        var rsa = await SshKeys.MakeAsync(Path.Combine(server.Folder.Path, "rsa"), "rsa", "2048");
        File.Copy($"{rsa}.pub", $"{server.UserKey}.pub", overwrite: true);
        string[] command = ["ssh", "--log-format", "json", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-o", "IdentityAgent=none", "-i", rsa, "-D", "0"];
        // The server says that it verifies both, and accepts one.
        await using (var fairlead = Running.Start([.. command, "root@127.0.0.1"]))
            await fairlead.WaitForAsync("tunnel_down");
        await using (var fairlead = Running.Start([.. command, "-o", "PubkeyAcceptedAlgorithms=rsa-sha2-256", "root@127.0.0.1"]))
            await fairlead.WaitForAsync("tunnel_up");
    }

    [Fact(Timeout = 60000)]
    public async Task Keys_of_RSA_that_are_too_short_are_not_used_and_not_believed()
    {
        using var agent = await Agent.StartAsync();
        var rsa = await SshKeys.MakeAsync(Path.Combine(agent.Folder.Path, "rsa"), "rsa", "2048");
        await agent.AddAsync(rsa);
        using var server = await SshServerRig.StartAsync($"HostKey {rsa}");
        File.AppendAllText(server.KnownHosts, $"[127.0.0.1]:{server.Port} {SshKeys.Public(rsa)}\n");
        File.Copy($"{rsa}.pub", $"{server.UserKey}.pub", overwrite: true);
        string[] command = ["ssh", "--log-format", "json", "-F", "none", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-o", $"IdentityAgent={agent.Path}", "-i", $"{rsa}.pub", "-D", "0", "root@127.0.0.1"];
        await using (var fairlead = Running.Start([.. command[..^1], "-o", "RequiredRSASize=2048", "root@127.0.0.1"]))
            await fairlead.WaitForAsync("tunnel_up");
        // The agent's.
        await using (var fairlead = Running.Start([.. command[..^1], "-o", "RequiredRSASize=3072", "root@127.0.0.1"]))
        {
            Assert.Contains("is an RSA key of 2048 bits, and RequiredRSASize asks for 3072", (await fairlead.WaitForAsync("tunnel_key_left_out")).GetProperty("reason").GetString(), StringComparison.Ordinal);
            Assert.Contains("lets nobody in", await DownAsync(fairlead), StringComparison.Ordinal);
        }
        // The server's.
        await using (var fairlead = Running.Start([.. command[..^1], "-o", "RequiredRSASize=3072", "-o", "HostKeyAlgorithms=rsa-sha2-512", "root@127.0.0.1"]))
            Assert.Contains("shows an RSA key of 2048 bits, and RequiredRSASize asks for 3072", await DownAsync(fairlead), StringComparison.Ordinal);
        Assert.Equal(1, server.Logins);
    }

    [Fact(Timeout = 60000)]
    public async Task A_certificate_counts_by_the_signatures_that_are_taken_of_authorities()
    {
        using var ca = await CertificateAuthority.MakeAsync("rsa", "2048");
        var host = await SshKeys.MakeAsync(Path.Combine(ca.Folder.Path, "host"));
        var certificate = await ca.SignAsync(host, "-h", "-n", "127.0.0.1");
        using var server = await SshServerRig.StartAsync($"HostKey {host}\nHostCertificate {certificate}");
        File.WriteAllText(server.KnownHosts, $"@cert-authority [127.0.0.1]:* {SshKeys.Public(ca.Key)}\n");
        string[] command = ["ssh", "--log-format", "json", "-F", "none", "-p", $"{server.Port}", "-o", $"UserKnownHostsFile={server.KnownHosts}", "-o", "IdentityAgent=none", "-i", server.UserKey, "-D", "0"];
        await using (var fairlead = Running.Start([.. command, "-o", "CASignatureAlgorithms=rsa-sha2-512", "root@127.0.0.1"]))
            await fairlead.WaitForAsync("tunnel_up");
        await using (var fairlead = Running.Start([.. command, "-o", "CASignatureAlgorithms=-rsa-sha2-512", "root@127.0.0.1"]))
            Assert.Contains("is signed by rsa-sha2-512, which CASignatureAlgorithms does not have", await DownAsync(fairlead), StringComparison.Ordinal);
    }

    private static string With(SshServerRig server, string more) => $"{server.Tunnel[..^1]}, {more} }}";

    private static string Secret(Folder folder, string text)
    {
        var path = folder.Write("secret", text);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return path;
    }

    private static async Task EncryptAsync(string key, string passphrase)
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("ssh-keygen", "openssh-client"), "-q", "-p", "-P", "", "-N", passphrase, "-f", key);
        Assert.True(status == 0, output);
    }

    private static async Task<string> DownAsync(Running fairlead) => (await fairlead.WaitForAsync("tunnel_down")).GetProperty("reason").GetString()!;

    private static Task<Running> RunAsync(Folder folder, string tunnel) => Running.RunAsync(folder, $$"""
        tunnels: { office: {{tunnel}} }
        forwards: [ { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:1", via: office } ]
        """);

    /// <summary>OpenSSH's agent, with nothing in it.</summary>
    private sealed class Agent : IDisposable
    {
        private readonly Process process;

        private Agent(Folder folder, Process process) => (Folder, this.process) = (folder, process);

        public Folder Folder { get; }

        public string Path => System.IO.Path.Combine(Folder.Path, "agent");

        public static async Task<Agent> StartAsync()
        {
            var folder = new Folder();
            var path = System.IO.Path.Combine(folder.Path, "agent");
            var agent = new Agent(folder, Process.Start(new ProcessStartInfo(Peers.Require("ssh-agent", "openssh-client"), ["-D", "-a", path]) { RedirectStandardOutput = true })!);
            await Until.TrueAsync(() => File.Exists(path));
            return agent;
        }

        public async Task AddAsync(params string[] arguments)
        {
            var (status, output) = await Peers.RunAsync("/usr/bin/env", [$"SSH_AUTH_SOCK={Path}", Peers.Require("ssh-add", "openssh-client"), .. arguments]);
            Assert.True(status == 0, output);
        }

        public void Dispose()
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
            Folder.Dispose();
        }
    }

    /// <summary>The program on a terminal, into which a test types; its log is in a file.</summary>
    private sealed class TypedInto : IDisposable
    {
        private readonly StringBuilder shown = new();
        private readonly string log;
        private readonly Process process;

        public TypedInto(string folder, params string[] arguments)
        {
            log = Path.Combine(folder, "terminal.log");
            var command = string.Join(' ', new[] { Running.Binary, arguments[0], "--log-format", "json" }.Concat(arguments[1..]));
            process = Process.Start(new ProcessStartInfo(Peers.Require("script", "bsdutils"), ["-qefc", $"exec {command} 2>{log}", "/dev/null"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
            _ = ReadAsync();
        }

        public string Shown { get { lock (shown) return shown.ToString(); } }

        public string Log => File.Exists(log) ? File.ReadAllText(log) : "";

        public Task WaitForAsync(string text, bool once) => Until.TrueAsync(() => Shown.Split(text).Length > (once ? 1 : 2));

        public void Type(string text)
        {
            process.StandardInput.Write(text);
            process.StandardInput.Flush();
        }

        public void Dispose()
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        private async Task ReadAsync()
        {
            var buffer = new char[1024];
            while (await process.StandardOutput.ReadAsync(buffer) is var count and > 0)
            {
                lock (shown)
                    shown.Append(buffer, 0, count);
            }
        }
    }
}
