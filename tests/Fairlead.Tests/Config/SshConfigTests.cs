using Fairlead.Tests.Ssh;

namespace Fairlead.Tests.Config;

/// <summary>Files of ssh_config(5). What OpenSSH makes of the same is held by the corpus of the system tests.</summary>
public sealed class SshConfigTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("Host gw\n Port 2222", "port 2222")]
    [InlineData("Host=gw\nPort = 2222", "port 2222")]
    [InlineData("\tHOST gw # x\n  pOrT\t2222\r", "port 2222")]
    [InlineData("Host * !gw\n Port 1\nHost gw\n Port 2", "port 2")]
    [InlineData("Port 1\nHost gw\n Port 2", "port 1")]
    [InlineData("HostName %h.example.com\nMatch host gw.example.com\n Port 3\nMatch originalhost gw\n User bob", "hostname gw.example.com\nport 3\nuser bob")]
    [InlineData("Match user alice\n Port 1\nMatch !user alice\n Port 2", "port 2")]
    [InlineData("Tag office\nMatch tagged home\n Port 1\nMatch tagged off*\n Port 2", "port 2\ntag office")]
    [InlineData("Match tagged \"\"\n Port 2", "port 2")]
    [InlineData("Match command \"\" sessiontype none\n Port 2", "port 2")]
    [InlineData("Match localnetwork 127.0.0.0/8\n Port 2", "port 2")]
    [InlineData("Match localnetwork 2001:db8:ffff:ffff::/64\n Port 1\nMatch all\n Port 2", "port 2")]
    [InlineData("Match exec \"exit 1\"\n Port 1\nMatch exec \"test %r@%h:%p = bob@gw:22\"\n Port 2\nHost *\n User alice", "port 22")]
    [InlineData("User bob\nMatch exec \"test %r@%h:%p = bob@gw:22\"\n Port 2", "port 2")]
    [InlineData("Match host other exec \"kill -9 $PPID\"\n Port 1", "port 22")]
    [InlineData("Match final\n Port 2\nMatch canonical\n User bob", "port 2\nuser bob")]
    [InlineData("Match canonical\n Port 2", "port 22")]
    [InlineData("IgnoreUnknown Foo*\nFooBar x\nPort 2", "port 2")]
    [InlineData("Ciphers aes256-cbc,aes256-ctr,3des-cbc", "ciphers aes256-ctr")]
    [InlineData("KexAlgorithms sntrup761x25519-sha512,curve25519-sha256", "kexalgorithms curve25519-sha256")]
    [InlineData("MACs -*-etm@openssh.com", "macs hmac-sha2-256,hmac-sha2-512")]
    [InlineData("ProxyJump none\nProxyCommand nc %h %p", "host gw")]
    [InlineData("IdentityFile /k/%r-%h", "identityfile /k/alice-gw")]
    [InlineData("SendEnv LANG LC_*\nControlMaster auto\nRemoteCommand tmux\nGSSAPIAuthentication yes\nUseKeychain yes\nObscureKeystrokeTiming no\nPort 2", "port 2")]
    public void What_a_file_says_holds(string text, string expected)
    {
        Environment.SetEnvironmentVariable("SHELL", "/bin/sh");

        var (printout, notes) = Print(text, text.Contains("User bob", StringComparison.Ordinal) ? ["gw"] : ["-l", text.Contains("IdentityFile", StringComparison.Ordinal) ? "alice" : "carol", "gw"]);

        Assert.All(expected.Split('\n'), line => Assert.Contains(line, printout));
        Assert.Empty(notes);
    }

    [Fact]
    public void Includes_are_read_where_they_stand_and_only_for_whom_they_are()
    {
        var included = folder.Write("a.conf", "User bob\nHost gw\n Port 1\nHost other\n Port 2\n");
        folder.Write(".a.conf", "Port 9\n");
        var text = $"Host other\n Include {included}\n ConnectTimeout 5\nHost gw\n Include {folder.PathOf("*.conf")} {folder.PathOf("missing")}\n ConnectTimeout 6\n";

        Assert.Equal(["user bob", "port 1", "connecttimeout 6"], Some("gw"));
        Assert.Equal(["user bob", "port 2", "connecttimeout 5"], Some("other"));
        Assert.Equal([$"user {Environment.UserName}", "port 22", "connecttimeout none"], Some("third"));

        IEnumerable<string> Some(string host) => Print(text, host).Printout.Where(line => line.Split(' ')[0] is "user" or "port" or "connecttimeout");
    }

    [Fact]
    public void Commands_of_files_that_are_for_others_are_not_run()
    {
        var ran = folder.PathOf("ran");
        var included = folder.Write("a.conf", $"Match exec \"touch {ran}\"\n User bob\n");

        Print($"Host other\n Include {included}\nMatch host other exec \"touch {ran}\"\n Port 1\n");

        Assert.False(File.Exists(ran));
        Assert.Contains("user bob", Print($"Include {included}\n").Printout);
        Assert.True(File.Exists(ran));
    }

    [Fact]
    public void Servers_on_the_way_have_what_their_own_lines_say()
    {
        var tunnel = Tunnel("""
            Host door
              HostName 10.0.0.1
              User carol
              Port 2201
              IdentityFile /k/door
              ProxyCommand nc %h %p
              ServerAliveInterval 7
            Host inner
              HostName 10.0.0.2
              ProxyCommand false
              HostKeyAlias in
            Host gw
              ProxyJump bob@door,inner:2202
              IdentityFile /k/gw
            Host *
              StrictHostKeyChecking accept-new
            """, "-o", "ConnectTimeout=9", "-i", "/k/typed");

        Assert.Equal(["bob@10.0.0.1:2201", "10.0.0.2:2202", "gw"], tunnel.Servers.Select(server => server.Ssh.ToString()));
        Assert.Equal([["/k/typed", "/k/door"], ["/k/typed"], ["/k/typed", "/k/gw"]], tunnel.Servers.Select(server => server.IdentityFiles));
        Assert.Equal(["nc 10.0.0.1 2201", null, null], tunnel.Servers.Select(server => server.Options.ProxyCommand));
        Assert.Equal([null, "in", null], tunnel.Servers.Select(server => server.Options.HostKeyAlias));
        Assert.Equal([7, 15, 15], tunnel.Servers.Select(server => server.Keepalive.TotalSeconds));
        Assert.All(tunnel.Servers, server => Assert.True(server.AcceptNew));
        Assert.All(tunnel.Servers, server => Assert.Equal(TimeSpan.FromSeconds(9), server.Options.ConnectTimeout));
    }

    [Fact]
    public void The_first_server_on_the_way_may_have_others_before_it()
    {
        var text = "Host gw\n ProxyJump b\nHost b\n ProxyJump a\nHost a\n User alice\n";

        Assert.Equal(["alice@a", "b", "gw"], Tunnel(text).Servers.Select(server => server.Ssh.ToString()));
    }

    [Fact]
    public void Where_remote_clients_may_go_is_what_PermitRemoteOpen_says()
    {
        Assert.Equal([DestinationPattern.Parse("web:80"), DestinationPattern.Parse(":22"), DestinationPattern.Parse("db")], Configuration("RemoteForward 1080\nPermitRemoteOpen web:80 *:22 db:*").Forwards[0].AllowTo);
        Assert.Equal([], Configuration("RemoteForward 1080\nPermitRemoteOpen none").Forwards[0].AllowTo);
        Assert.Null(Configuration("RemoteForward 1080\nPermitRemoteOpen any").Forwards[0].AllowTo);
        Assert.Null(Configuration("RemoteForward 1080 web:80\nPermitRemoteOpen none").Forwards[0].AllowTo);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        // As ssh has it: a misspelt word may be one that keeps somebody out.
        { "Host gw\n  StrictHostKeyCheking yes", "2:3: error: keyword 'StrictHostKeyCheking' is unknown; did you mean 'StrictHostKeyChecking'? (IgnoreUnknown, before it, has one of another ssh passed over)" },
        { "Host other\n  Foo yes", "2:3: error: keyword 'Foo' is unknown; ssh_config(5) has those that there are (IgnoreUnknown, before it, has one of another ssh passed over)" },
        { "Port", "1:1: error: Port has no value; write one behind it" },
        { "Port 22 23", "1:6: error: Port '22 23' is not one word; write one, in quotes if it has spaces" },
        { "Port x", "1:6: error: Port 'x' is not a number from 1 to 65535" },
        { "User \"alice", "1:6: error: User '\"alice' has a quote that is not closed" },
        { "HostName a/b", "1:10: error: HostName host 'a/b' has a '/'; write a host, like 10.0.0.5, without a path, a network or http://" },
        { "HostName %p", "1:10: error: HostName '%p' has '%p', which stands for nothing here; there are %h and %%" },
        { "UserKnownHostsFile ${FAIRLEAD_NOT_SET}", "1:20: error: UserKnownHostsFile '${FAIRLEAD_NOT_SET}' names the environment variable 'FAIRLEAD_NOT_SET', which is not set; set it, or write its value" },
        { "Match", "1:1: error: Match has no value; write one behind it" },
        { "Match host", "1:7: error: Match host has nothing behind it; write what it is held to, like host *.example.com" },
        { "Match hots gw", "1:7: error: Match 'hots' is unknown; did you mean 'host'?; there are all, canonical, final, host, originalhost, user, localuser, localnetwork, tagged, command, sessiontype, exec" },
        { "Match all host gw", "1:7: error: Match all stands alone; leave it out, or the others" },
        { "Match exec \"%Z\"", "1:7: error: Match '%Z' has '%Z', which stands for nothing here; there are %C, %d, %h, %i, %j, %k, %L, %l, %n, %p, %r, %u and %%" },
        { "ProxyJump a:0", "1:11: error: ProxyJump 'a:0': port 0 cannot be connected to; write the port that the server listens on" },
        { "ProxyJump gw", "1:11: error: ProxyJump 'gw' leads through more than 16 servers, or to itself; write who is on the way as an exception, like Host * !door" },
        { "LocalForward 8080", "1:14: error: LocalForward '8080': has no target; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143, or -D for clients that say themselves where to go" },
        { "Ciphers aes256-cbc", "1:9: error: Ciphers '' leaves none; write at least one of " },
        { "StrictHostKeyChecking no", "1:23: error: StrictHostKeyChecking 'no' would believe whoever stands between; write accept-new, which believes a server that is not known the first time, and refuses a changed key" },
        // What limits trust or chooses the way is never passed over.
        { "KnownHostsCommand /bin/keys", "1:19: error: KnownHostsCommand asks a command for host keys, which is not in this version; leave it out, or write KnownHostsCommand none" },
        { "RevokedHostKeys /r", "1:17: error: RevokedHostKeys is not in this version; write @revoked before each such key in a file of known hosts, and leave it out, or write RevokedHostKeys none" },
        { "CanonicalizeHostname always", "1:22: error: CanonicalizeHostname completes names of hosts, which is not in this version; leave it out, or write CanonicalizeHostname no" },
        { "CanonicalizePermittedCNAMEs a:b", "1:29: error: CanonicalizePermittedCNAMEs follows names of hosts, which is not in this version; leave it out, or write CanonicalizePermittedCNAMEs none" },
        { "ProxyCommand -", "1:14: error: ProxyCommand '-' would be standard input and output, which are not the connection here; write a command" },
        { "ProxyUseFdpass yes", "1:16: error: ProxyUseFdpass takes the connection over from the command, which is not in this version; leave it out, or write ProxyUseFdpass no" },
        { "NoHostAuthenticationForLocalhost yes", "1:34: error: NoHostAuthenticationForLocalhost would believe whoever listens on the loopback; give each server there a name of its own by HostKeyAlias; leave it out" },
        { "RefuseConnection \"it is gone\"", "1:18: error: RefuseConnection says that this server is not to be connected to; leave it out" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void What_cannot_be_had_is_refused_at_its_place_with_the_remedy(string text, string expected)
    {
        var errors = Errors(text);

        Assert.StartsWith($"{folder.PathOf("config")}:{expected.Replace(" by HostKeyAlias; leave it out", " by HostKeyAlias", StringComparison.Ordinal)}", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_error_of_a_file_is_told()
    {
        Assert.Equal(3, Errors("Port x\nFoo y\nHost gw\n  Match hots gw\nUser alice\n").Count);
    }

    [Fact]
    public void What_somebody_may_miss_is_told_once()
    {
        var (_, notes) = Print("Host gw\n  Compression yes\nHost *\n  Compression no\n  ForwardX11 yes\nHost other\n  PermitLocalCommand yes\nMatch final\n  VerifyHostKeyDNS ask\n  StrictHostKeyChecking ask");

        Assert.Equal([$"{folder.PathOf("config")}:2:15: warning: Compression is not in this version",
            $"{folder.PathOf("config")}:9:20: warning: VerifyHostKeyDNS asks the DNS for host keys, which is not in this version; known_hosts decide",
            $"{folder.PathOf("config")}:10:25: warning: nobody is asked whether a server that is not known is to be believed: StrictHostKeyChecking ask is taken for yes; accept-new believes it the first time"], notes);
    }

    [Fact]
    public void A_file_that_others_can_write_is_refused_where_ssh_refuses_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs permissions of Unix");
        var included = folder.Write("a.conf", "Port 2\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(included, (UnixFileMode)0b110_110_100);

        Assert.StartsWith($"{folder.PathOf("config")}:1:9: error: {included} can be written by others than", Assert.Single(Errors($"Include {included}\n")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x;touch /tmp/pwned")]
    [InlineData("x`id`")]
    [InlineData("$(id)")]
    [InlineData("a b")]
    [InlineData("a\\b")]
    [InlineData("-oProxyCommand=id")]
    [InlineData("a|b")]
    [InlineData("a'b")]
    [InlineData("a\"b")]
    [InlineData("a*")]
    [InlineData("~root")]
    public void Names_that_mean_something_to_a_shell_never_reach_one(string word)
    {
        // As the host it is none; as the user it is one, and a command must not have it.
        var command = folder.Write("config", "ProxyCommand nc -u %r %h %p\n");
        var (errors, matched) = (new List<string>(), new List<string>());
        SshArguments.Parse(["-F", command, "-D", "1080", "--", word], static configuration => configuration, errors);
        Assert.NotEmpty(errors);
        errors.Clear();
        SshArguments.Parse(["-F", command, "-D", "1080", "-l", word, "gw"], static configuration => configuration, errors);
        Assert.StartsWith($"{command}:1:14: error: ProxyCommand 'nc -u %r %h %p' would give '", Assert.Single(errors), StringComparison.Ordinal);

        var match = folder.Write("match", $"Match exec \"touch {folder.PathOf("ran")} %r\"\n Port 2\n");
        SshArguments.Parse(["-F", match, "-D", "1080", "-l", word, "gw"], static configuration => configuration, matched);
        Assert.Contains("to a shell", Assert.Single(matched), StringComparison.Ordinal);
        Assert.False(File.Exists(folder.PathOf("ran")));
    }

    [Fact]
    public void An_alias_and_a_host_of_a_file_are_held_to_the_same()
    {
        Assert.Contains("HostName host 'x;id' has", Assert.Single(Errors("HostName x;id\nProxyCommand nc %h %p")), StringComparison.Ordinal);
        Assert.Contains("would give 'x;id' (%k) to a shell", Assert.Single(Errors("HostKeyAlias x;id\nProxyCommand nc %k %p")), StringComparison.Ordinal);
        Assert.Contains("would give 'x;id' (%h) to a shell", Errors("HostName x;id\nMatch exec \"true %h\"\n Port 2")[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Files_lines_and_depth_are_bounded()
    {
        Assert.Contains("is larger than 1024 KiB", Assert.Single(Errors(new string('#', SshConfigReader.MostBytes + 1))), StringComparison.Ordinal);
        Assert.Contains(":2:1: error: the line is longer than 16384 characters", Assert.Single(Errors($"Port 2\n{new string('x', SshConfigReader.MostCharacters + 1)}")), StringComparison.Ordinal);
        Assert.Contains("Include goes deeper than 16 files", Assert.Single(Errors($"Include {folder.PathOf("config")}")), StringComparison.Ordinal);
        // Two to the sixteenth without a bound.
        Assert.All(Errors($"Include {folder.PathOf("config")}\nInclude {folder.PathOf("config")}"), error => Assert.Matches("deeper than 16|more than 256", error));
        Assert.Contains("has a NUL character", Assert.Single(Errors("Port 2\0")), StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000), Seeds(2)]
    public async Task Whatever_a_file_says_is_read_or_refused(int seed)
    {
        string[] pieces = ["Host", "Match", "Include", " ", " ", "\n", "\n", "\n", "=", "\"", "'", "\\", "#", "*", "?", "!", "gw", "host", "user", "all", "final", "localnetwork", "10.0.0.0/8", "%h", "%", "${HOME}", "${", "~", "/", "Port", "22", "HostName",
            "ProxyJump", "ProxyCommand", "nc", "LocalForward", "8080", "web:80", ":", "[", "]", "IdentityFile", "UserKnownHostsFile", "none", "RekeyLimit", "1G", "Ciphers", "+", "-", "^", ",", "IgnoreUnknown", "Foo", "PermitRemoteOpen", "\r", "\f", "\t", "\u202e", "\u00e4", "Tag", "tagged"];
        var random = new Random(seed);
        for (var i = 0; i < 200; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 60)).Select(_ => pieces[random.Next(pieces.Length)]));
            var errors = new List<string>();
            var line = await Task.Run(() => SshArguments.Parse(["-G", "-F", folder.Write("config", text), "gw"], static configuration => configuration, errors), TestContext.Current.CancellationToken);
            Assert.Equal(line is null, errors.Count > 0);
            Assert.DoesNotContain(errors, error => error.Any(char.IsControl));
        }
        for (var i = 0; i < 50; i++)
        {
            var errors = new List<string>();
            File.WriteAllBytes(folder.PathOf("config"), Traffic.RandomBytes(random.Next(1, 4000), random.Next()));
            Assert.Equal(SshArguments.Parse(["-G", "-F", folder.PathOf("config"), "gw"], static configuration => configuration, errors) is null, errors.Count > 0);
        }
    }

    private (IReadOnlyList<string> Printout, IReadOnlyList<string> Notes) Print(string text, params string[] words)
    {
        var line = Read(text, ["-G", .. words.Length > 0 ? words : ["gw"]]);
        return (line.Printout!, line.Notes);
    }

    private TunnelConfig Tunnel(string text, params string[] words) => Assert.Single(Read(text, ["-D", "1080", .. words, "gw"]).Configuration.Tunnels);

    private Configuration Configuration(string text) => Read(text, ["gw"]).Configuration;

    private SshCommandLine Read(string text, string[] words)
    {
        var errors = new List<string>();
        var line = SshArguments.Parse(["-F", folder.Write("config", text), .. words], static configuration => configuration, errors);
        Assert.Empty(errors);
        return line!;
    }

    private List<string> Errors(string text)
    {
        var errors = new List<string>();
        Assert.Null(SshArguments.Parse(["-F", folder.Write("config", text), "-D", "1080", "gw"], static configuration => configuration, errors));
        return errors;
    }
}
