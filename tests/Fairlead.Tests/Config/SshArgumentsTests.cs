using System.Diagnostics;
using System.Net.Sockets;

namespace Fairlead.Tests.Config;

public sealed class SshArgumentsTests
{
    // Of ssh -G, what this program has an own value for; a value that is not said is ssh's own there and this program's own here.
    private static readonly string[] compared =
    [
        "user", "hostname", "port", "proxyjump", "addressfamily", "batchmode", "connecttimeout", "exitonforwardfailure", "gatewayports", "hashknownhosts", "hostkeyalias", "identitiesonly", "passwordauthentication", "pubkeyauthentication",
        "rekeylimit", "serveralivecountmax", "serveraliveinterval", "stricthostkeychecking", "tcpkeepalive", "userknownhostsfile", "identityfile", "bindaddress", "preferredauthentications",
    ];

    /// <summary>Command lines without their forwards, which <see cref="SshForwardingTests"/> has, and what they come to, as ssh -G prints it.</summary>
    public static TheoryData<string, string> Lines => new()
    {
        { "alice@gw", "user alice\nhostname gw\nport 22" },
        { "-p 2222 -l bob alice@gw", "user bob\nport 2222" },
        { "alice@gw -l bob -p2222", "user alice\nport 2222" },
        { "-NTp23 alice@gw", "user alice\nport 23" },
        { "-oPort=24 -p 25 alice@gw", "port 24" },
        { "ssh://alice@gw:2223", "user alice\nhostname gw\nport 2223" },
        { "alice@2001:db8::5", "user alice\nhostname 2001:db8::5" },
        { "-p 26 ssh://alice@gw:2223", "port 26" },
        { "-J a,bob@b:2222 alice@gw", "proxyjump a,bob@b:2222" },
        { "-o ProxyJump=[::1]:22 alice@gw", "proxyjump [::1]:22" },
        { "-4 alice@gw", "addressfamily inet" },
        { "-46 alice@gw", "addressfamily inet6" },
        { "-o AddressFamily=any alice@gw", "addressfamily any" },
        { "-g alice@gw", "gatewayports yes" },
        { "-o ServerAliveInterval=30 -o ServerAliveCountMax=4 alice@gw", "serveraliveinterval 30\nserveralivecountmax 4" },
        { "-o serveraliveinterval=1m30s alice@gw", "serveraliveinterval 90" },
        { "-o ServerAliveInterval=0 alice@gw", "serveraliveinterval 0" },
        { "-o ConnectTimeout=10 alice@gw", "connecttimeout 10" },
        { "-o ConnectTimeout=none alice@gw", "connecttimeout none" },
        { "-o StrictHostKeyChecking=accept-new alice@gw", "stricthostkeychecking accept-new" },
        { "-o StrictHostKeyChecking=yes -o StrictHostKeyChecking=accept-new alice@gw", "stricthostkeychecking true" },
        { "-o UserKnownHostsFile=/a -o UserKnownHostsFile=/b alice@gw", "userknownhostsfile /a" },
        { "-o IdentityFile=/k1 -o IdentityFile=/k2 alice@gw", "identityfile /k1\nidentityfile /k2" },
        { "-o IdentitiesOnly=yes -o BatchMode=yes -o HashKnownHosts=true alice@gw", "identitiesonly yes\nbatchmode yes\nhashknownhosts yes" },
        { "-o HostName=10.0.0.1 -o HostKeyAlias=gw alice@gw", "hostname 10.0.0.1\nhostkeyalias gw" },
        { "-o HostName=%h.example.com alice@gw", "hostname gw.example.com" },
        { "-o ExitOnForwardFailure=yes -o TCPKeepAlive=no alice@gw", "exitonforwardfailure yes\ntcpkeepalive no" },
        { "-o PasswordAuthentication=no -o PubkeyAuthentication=no alice@gw", "passwordauthentication no\npubkeyauthentication false" },
        { "-o RekeyLimit=1M alice@gw", "rekeylimit 1048576 0" },
        { "-b 127.0.0.1 alice@gw", "bindaddress 127.0.0.1" },
        { "-o PreferredAuthentications=password,publickey alice@gw", "preferredauthentications password,publickey" },
        { "-o User=carol alice@gw", "user carol" },
    };

    [Theory, MemberData(nameof(Lines))]
    public void A_command_line_is_read_as_ssh_reads_it(string line, string expected)
    {
        var shown = Parse($"-G {line}").Printout!;

        Assert.All(expected.Split('\n'), part => Assert.Contains(part, shown));
    }

    [Theory, MemberData(nameof(Lines))]
    public async Task The_table_says_what_ssh_itself_does(string line, string expected)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh"), "needs OpenSSH's client");
        using var ssh = Process.Start(new ProcessStartInfo("/usr/bin/ssh", ["-G", "-F", "none", .. line.Split(' ')]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        var output = await ssh.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await ssh.WaitForExitAsync(TestContext.Current.CancellationToken);

        var shown = output.Split('\n').Where(part => compared.Contains(part.Split(' ')[0])).ToList();
        Assert.All(expected.Split('\n'), part => Assert.Contains(part, shown));
    }

    [Fact]
    public void A_command_line_is_one_tunnel_and_its_forwards()
    {
        var line = Parse("-NL 8143:mail:143 -R5900:localhost:5900 alice@gw.example.com -D 1080 -R 0");

        Assert.Equal(new Configuration
        {
            Admin = null,
            AccessLog = null,
            Tunnels = [new TunnelConfig { Name = "gw-example-com", Ssh = new SshTarget("alice", "gw.example.com"), Options = new SshOptions { GlobalKnownHosts = SshDraft.SystemKnownHosts } }],
            Forwards =
            [
                new ForwardConfig { Listen = [Endpoint.Parse("localhost:8143")], To = [new UpstreamConfig(Endpoint.Parse("mail:143"))], Tunnel = "gw-example-com" },
                new ForwardConfig { Listen = [Endpoint.Parse("localhost:5900")], To = [new UpstreamConfig(Endpoint.Parse("localhost:5900"))], At = "gw-example-com" },
                new ForwardConfig { Listen = [Endpoint.Parse("localhost:1080")], To = [new UpstreamConfig(new DynamicEndpoint())], Tunnel = "gw-example-com" },
                new ForwardConfig { Listen = [Endpoint.Parse("localhost:0")], To = [new UpstreamConfig(new DynamicEndpoint())], At = "gw-example-com" },
            ],
        }, line.Configuration);
        Assert.Empty(line.Notes);
        Assert.Null(line.Level);
    }

    [Fact]
    public void Forwardings_may_be_keywords_of_two_words()
    {
        var forwards = ParseWords("-o", "LocalForward=8143 mail:143", "-o", "RemoteForward \"5900\" localhost:5900", "-o", "remoteforward 1081", "-o", "DynamicForward = 1080", "gw").Configuration.Forwards;

        Assert.Equal(["localhost:8143 mail:143", "localhost:5900 localhost:5900", "localhost:1081 dynamic", "localhost:1080 dynamic"], forwards.Select(forward => $"{forward.Listen[0]} {forward.To[0].Address}"));
        Assert.Equal([null, "gw", "gw", null], forwards.Select(forward => forward.At));
    }

    [Fact]
    public void What_a_tunnel_can_be_told_by_no_key_stands_in_its_options()
    {
        var line = ParseWords("-L", "80:h:80", "-c", "aes128-gcm@openssh.com", "-m", "hmac-sha2-256", "-o", "KexAlgorithms=+curve25519-sha256", "-o", "HostKeyAlgorithms=^ssh-ed25519", "-o", "Ciphers=aes256-ctr",
            "-o", "RekeyLimit=\"default\" 1h", "-o", "PreferredAuthentications=gssapi-with-mic,publickey", "-6", "gw").Configuration.Tunnels[0].Options;

        Assert.Equal(new SshOptions
        {
            Ciphers = new AlgorithmList("aes128-gcm@openssh.com"),
            Macs = new AlgorithmList("hmac-sha2-256"),
            KexAlgorithms = new AlgorithmList("+curve25519-sha256"),
            HostKeyAlgorithms = new AlgorithmList("^ssh-ed25519"),
            RekeyAfter = TimeSpan.FromHours(1),
            PreferredAuthentications = ["publickey"],
            AddressFamily = AddressFamily.InterNetworkV6,
            GlobalKnownHosts = SshDraft.SystemKnownHosts,
        }, line);
        Assert.Equal((1L << 30, TimeSpan.FromMinutes(1)), ParseWords("-D1080", "-o", "RekeyLimit=1G 60", "gw").Configuration.Tunnels[0].Options is var options ? (options.RekeyBytes!.Value, options.RekeyAfter!.Value) : default);
    }

    [Fact]
    public void An_address_may_stand_in_brackets_as_it_does_elsewhere()
    {
        Assert.Equal(new SshTarget("alice", "2001:db8::5", 2223), Parse("-D 1080 ssh://alice@[2001:db8::5]:2223").Configuration.Tunnels[0].Ssh);
        Assert.Equal(new SshTarget("alice", "2001:db8::5"), Parse("-D 1080 alice@[2001:db8::5]").Configuration.Tunnels[0].Ssh);
        Assert.Equal(["/k1", "/k2"], Parse("-D 1080 -i /k1 -i /k2 -i /k1 gw").Configuration.Tunnels[0].Identity);
    }

    [Fact]
    public void Paths_begin_at_home_and_know_tokens()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var tunnel = ParseWords("-D1080", "-i", "~/.ssh/%h-%p", "-o", "IdentityFile=%d/%r@%n%%", "-o", "UserKnownHostsFile=~/a \"/b c\"", "-o", "HostName=10.0.0.1", "-p", "23", "bob@gw").Configuration.Tunnels[0];

        Assert.Equal([$"{home}/.ssh/10.0.0.1-23", $"{home}/bob@gw%"], tunnel.Identity);
        Assert.Equal([$"{home}/a", "/b c"], tunnel.KnownHosts);
        Assert.Equal(["/dev/null"], ParseWords("-D1080", "-o", "UserKnownHostsFile=none", "gw").Configuration.Tunnels[0].KnownHosts);
    }

    [Theory]
    [InlineData("gw.example.com", "gw-example-com")]
    [InlineData("GW_1", "gw-1")]
    [InlineData("2001:db8::5", "2001-db8-5")]
    [InlineData("::", "tunnel")]
    [InlineData("a123456789b123456789c123456789d123456789e123456789f123456789g12-xyz", "a123456789b123456789c123456789d123456789e123456789f123456789g12")]
    public void The_tunnel_is_called_by_its_host(string host, string name)
    {
        Assert.Equal(name, SshDraft.NameOf(host));
        Assert.Null(EndpointRules.NameFault(name));
    }

    [Theory]
    [InlineData("-v", LogLevel.Debug)]
    [InlineData("-vvv", LogLevel.Debug)]
    [InlineData("-q", LogLevel.Error)]
    [InlineData("-oLogLevel=ERROR", LogLevel.Error)]
    [InlineData("-oLogLevel=info", LogLevel.Information)]
    [InlineData("-oLogLevel=DEBUG3", LogLevel.Debug)]
    public void How_much_is_logged_can_be_said(string flag, LogLevel level) => Assert.Equal(level, Parse($"{flag} -D 1080 gw").Level);

    [Theory]
    [InlineData("-N -n -T -x -a -k -2 -e none -F none")]
    [InlineData("-o Compression=no -o ControlMaster=no -o ControlPath=none -o ForwardAgent=no -o ForwardX11=no -o RequestTTY=no -o CheckHostIP=no -o SessionType=none -o PermitLocalCommand=no -o GSSAPIAuthentication=no")]
    public void What_is_so_in_any_case_may_be_said(string flags) => Assert.Equal(Parse("-D 1080 gw").Configuration, Parse($"{flags} -D 1080 gw").Configuration);

    [Fact]
    public void Whoever_wants_to_be_asked_is_told_that_nobody_is()
    {
        var line = Parse("-o StrictHostKeyChecking=ask -D 1080 gw");

        Assert.False(line.Configuration.Tunnels[0].AcceptNew);
        Assert.StartsWith("nobody is asked whether a server", Assert.Single(line.Notes), StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "", "no server is given; write [USER@]HOST, like alice@gw.example.com" },
        { "gw", "nothing is forwarded; write -L, -R or -D: there is no shell here, and no commands: forwarding is all that is asked of the server" },
        { "-D 1080 gw -o ClearAllForwardings=yes", "nothing is forwarded; write -L, -R or -D: there is no shell here, and no commands: forwarding is all that is asked of the server" },
        { "-D 1080 gw rm -rf x", "'rm -rf x' would be a command, and there is no shell here, and no commands: forwarding is all that is asked of the server; leave it out" },
        { "-D 1080 gw -- ls", "'ls' would be a command, and there is no shell here, and no commands: forwarding is all that is asked of the server; leave it out" },
        { "-D 1080 @gw", "destination '@gw': user is missing; write it before the '@', or leave the '@' out" },
        { "-D 1080 gw:2222", "destination 'gw:2222': the port stands elsewhere; write -p 2222 and the host alone, or ssh://gw:2222" },
        { "-D 1080 g*w", "destination 'g*w': host 'g*w' has the character '*'; '*' stands alone, for every address" },
        { "-D 1080 ssh://gw:0", "destination 'ssh://gw:0': port 0 cannot be connected to; write the port that the server listens on" },
        { "-p 0 -D 1080 gw", "-p '0' is not a port; write a number from 1 to 65535" },
        { "-D 1080 gw -p", "-p has no value; write one behind it" },
        { "-Z -D 1080 gw", "unknown option '-Z'" },
        { "-NfD 1080 gw", "-f goes to the background, and this stays where a supervisor sees it; write '&' behind the command, or run it as a service" },
        { "-t -D 1080 gw", "-t is for a session, and there is no shell here, and no commands: forwarding is all that is asked of the server; leave it out" },
        { "-XD 1080 gw", "-X forwards X11, which is not in this version; leave it out, or forward the port of the display with -R" },
        { "-CD 1080 gw", "-C asks for compression, which is not in this version; leave it out" },
        { "-AD 1080 gw", "-A forwards an agent, which is not in this version; leave it out" },
        { "-W h:80 gw", "-W connects standard input, and this forwards ports; write -L, or use ssh for it\nnothing is forwarded" },
        { "-F /missing/config -D 1080 gw", "/missing/config:1:1: error: /missing/config does not exist; write the path of a file that is there" },
        { "-O chek gw", "-O 'chek' is unknown; did you mean 'check'?" },
        { "-O proxy gw", "-O 'proxy' is unknown; there are check, forward, cancel, stop, exit" },
        { "-O forward gw", "-O forward has no forwarding; write -L, -R or -D beside it" },
        { "-O stop -D 1080 gw", "-O stop has nothing to do with -L, -R and -D; leave them out" },
        { "-V -D 1080 gw", "-V asks for the version; write fairlead --version" },
        { "-J a -J b -D 1080 gw", "-J is given twice; write the servers in one, with commas between them" },
        { "-J a:0 -D 1080 gw", "-J 'a:0': port 0 cannot be connected to; write the port that the server listens on" },
        { "-b gw -D 1080 gw", "-b 'gw' is not an address; write one like 203.0.113.7 or 2001:db8::7" },
        { "-D 1080 -i ~bob/k gw", "-i '~bob/k' begins at the home of another user; write the path in full" },
        { "-D 1080 -i %Z gw", "-i '%Z' has '%Z', which stands for nothing here; there are %C, %d, %h, %i, %j, %k, %L, %l, %n, %p, %r, %u and %%" },
        { "-D 1080 -D 1080 gw", "forward localhost:1080 to dynamic: localhost:1080 is listened on by forward localhost:1080 to dynamic already; give one of them another port or address" },
        { "-R 80:h:80 -R 80:h:81 gw", "forward localhost:80 at gw to h:81: localhost:80 at gw is asked for by forward localhost:80 at gw to h:80 already; give one of them another port or address" },
        { "-g -D 1080 gw", "forward :1080 to dynamic: listen :1080 would be a proxy for everybody who can reach it; write users or allow beside it, or listen on 127.0.0.1:1080" },
        { "-R *:1080 gw", "forward :1080 at gw to dynamic: listen :1080 would be a proxy into this network for everybody who can reach the far end; write users, allow or allow_to beside it, or listen on localhost:1080" },
        { "-o StrictHostKeyChecking=no -D 1080 gw", "-o StrictHostKeyChecking 'no' would believe whoever stands between; write accept-new, which believes a server that is not known the first time, and refuses a changed key" },
        { "-o StrictHostKeyChecking=off -D 1080 gw", "-o StrictHostKeyChecking 'no' would believe whoever stands between; write accept-new, which believes a server that is not known the first time, and refuses a changed key" },
        { "-o StrictHostKeyCheking=yes -D 1080 gw", "-o keyword 'StrictHostKeyCheking' is unknown; did you mean 'StrictHostKeyChecking'?" },
        { "-o Foo=1 -D 1080 gw", "-o keyword 'Foo' is unknown; ssh_config(5) has those that there are" },
        { "-o =1 -D 1080 gw", "-o '=1' has no keyword; write Keyword=Value, like ServerAliveInterval=30" },
        { "-o Port -D 1080 gw", "-o Port has no value; write one behind a '='" },
        { "-o Port=x -D 1080 gw", "-o Port 'x' is not a number from 1 to 65535" },
        { "-o BatchMode=maybe -D 1080 gw", "-o BatchMode 'maybe' is unknown; write yes, no, true or false" },
        { "-o ServerAliveInterval=1x -D 1080 gw", "-o ServerAliveInterval '1x' is not a time; write seconds, like 30, or units, like 1h30m" },
        { "-o ConnectTimeout=0 -D 1080 gw", "-o ConnectTimeout '0' is no time at all; write seconds, or none" },
        { "-o RekeyLimit=1 -D 1080 gw", "-o RekeyLimit '1' is too little; write at least 16, or default" },
        { "-o RekeyLimit=1X -D 1080 gw", "-o RekeyLimit '1X' is not a size; write bytes, like 1048576, or 1M, 1G" },
        { "-o IdentityFile=none -D 1080 gw", "-o IdentityFile 'none' is for offering no key; write PubkeyAuthentication no" },
        { "-o PreferredAuthentications=pubkey -D 1080 gw", "-o PreferredAuthentications 'pubkey' is unknown; there are publickey, keyboard-interactive, password and none" },
        { "-o PreferredAuthentications=hostbased -D 1080 gw", "-o PreferredAuthentications 'hostbased' has none that is in this version, which are publickey, keyboard-interactive, password and none" },
        { "-o LocalForward=8080 gw", "-o LocalForward '8080': has no target; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143, or -D for clients that say themselves where to go" },
        { "-o HostName=a/b -D 1080 gw", "-o HostName host 'a/b' has a '/'; write a host, like 10.0.0.5, without a path, a network or http://" },
        // What limits trust or chooses the way is never left aside.
        { "-o RevokedHostKeys=/r -D 1080 gw", "-o RevokedHostKeys is not in this version; write @revoked before each such key in a file of known hosts, and leave it out, or write RevokedHostKeys=none" },
        { "-o VerifyHostKeyDNS=yes -D 1080 gw", "-o VerifyHostKeyDNS asks the DNS for host keys, which is not in this version; known_hosts decide, and leave it out, or write VerifyHostKeyDNS=no" },
        { "-o KnownHostsCommand=x -D 1080 gw", "-o KnownHostsCommand asks a command for host keys, which is not in this version; leave it out, or write KnownHostsCommand=none" },
        { "-o CanonicalizeHostname=yes -D 1080 gw", "-o CanonicalizeHostname completes names of hosts, which is not in this version; leave it out, or write CanonicalizeHostname=no" },
        { "-o Compression=yes -D 1080 gw", "-o Compression is not in this version; leave it out, or write Compression=no" },
        { "-o Include=x -D 1080 gw", "-o Include stands in files only; leave it out" },
        { "-o PermitRemoteOpen=a:0 -R 1080 gw", "-o PermitRemoteOpen destination 'a:0': port 0 is none" },
        { "-o Ciphers=aes256-cbc,aes256-ctr -D 1080 gw", "-o Ciphers 'aes256-cbc' is not in this version" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void What_cannot_be_had_is_refused_with_the_remedy(string line, string expected)
    {
        var errors = new List<string>();

        Assert.Null(SshArguments.Parse(["-F", "none", .. line.Split(' ', StringSplitOptions.RemoveEmptyEntries)], static configuration => configuration, errors));

        Assert.StartsWith(expected.Split('\n')[0], string.Join('\n', errors), StringComparison.Ordinal);
        Assert.DoesNotContain(errors, error => error.Any(char.IsControl));
    }

    [Fact]
    public void Every_error_is_told()
    {
        var errors = new List<string>();

        SshArguments.Parse(["-L", "x", "-o", "Foo=1", "-f", "@gw"], static configuration => configuration, errors);

        Assert.Equal(4, errors.Count);
    }

    [Theory]
    [InlineData("1048576", 1048576)]
    [InlineData("16k", 16 << 10)]
    [InlineData("1M", 1 << 20)]
    [InlineData("4G", 4L << 30)]
    [InlineData("0", 0)]
    public void Sizes_are_powers_of_1024(string text, long bytes) => Assert.Equal(bytes, SshWords.Size(text));

    [Theory]
    [InlineData("")]
    [InlineData("K")]
    [InlineData("-1")]
    [InlineData("1.5M")]
    [InlineData("9999999999G")]
    [InlineData("99999999999999999999")]
    public void What_is_no_size_is_refused(string text) => Assert.Throws<FormatException>(() => SshWords.Size(text));

    [Theory]
    [InlineData("a b", "a|b")]
    [InlineData("  a\t b  ", "a|b")]
    [InlineData("\"a b\" c", "a b|c")]
    [InlineData("a\\ b 'c \"d'", "a b|c \"d")]
    [InlineData("\"\"", "")]
    [InlineData("a\"b c\"d", "ab cd")]
    [InlineData("a b#c # d \"", "a|b#c")]
    [InlineData("\"#\" '# a'", "#|# a")]
    public void Words_keep_what_is_in_quotes(string text, string words) => Assert.Equal(words, string.Join('|', SshWords.Split(text)));

    [Theory]
    [InlineData("-O check gw", "check", ""), InlineData("gw -O exit", "exit", ""), InlineData("-Oforward -L 1:a:2 -R 3 -D4 gw", "forward", "-L 1:a:2 -R 3 -D 4"), InlineData("-Ocancel -L1:a:2 gw", "cancel", "-L 1:a:2")]
    public void A_running_one_is_told_what_to_do(string line, string order, string forwardings)
    {
        var parsed = Parse(line);
        Assert.Equal((order, forwardings), (parsed.Order, string.Join(' ', parsed.OrderedForwardings)));
    }

    [Fact]
    public void One_that_takes_orders_may_have_nothing_to_forward_yet()
    {
        var line = Parse("-M -S /run/%h-%p.sock -p 2022 gw");
        Assert.Equal((true, "/run/gw-2022.sock", 0), (line.IsMaster, line.ControlPath, line.Configuration.Forwards.Count));
        // What it is told to forward is as if it had been on its own command line.
        Assert.Equal(Parse("-g -L 1:a:2 gw").Configuration.Forwards[0], Parse("-g -M gw").Forward(SshForwarding.Parse(SshForwardingKind.Local, "1:a:2", "-L"), new SshValue("-L", "1:a:2")));
    }

    [Theory, Seeds(2)]
    public void Whatever_is_written_is_read_or_refused(int seed)
    {
        string[] pieces = ["-", "-L", "-R", "-D", "-o", "-J", "-p", "-i", "--", "8080", ":", "h", "[", "]", "::1", "/", "\\", "*", "@", "gw", "ssh://", "${", "}", "%", "%h", "=", " ", "\"", "'", "Port", "RekeyLimit", "LocalForward", "1G", "1h", "~", "\u202e", "\0", ",", "none"];
        var random = new Random(seed);
        for (var i = 0; i < 5000; i++)
        {
            var words = Enumerable.Range(0, random.Next(1, 6)).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 7)).Select(_ => pieces[random.Next(pieces.Length)]))).ToList();
            var errors = new List<string>();
            var line = SshArguments.Parse(["-F", "none", .. words], static configuration => configuration, errors);
            Assert.Equal(line is null, errors.Count > 0);
            Assert.DoesNotContain(errors, error => error.Any(char.IsControl));
        }
    }

    private static SshCommandLine Parse(string line) => ParseWords(line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static SshCommandLine ParseWords(params string[] words)
    {
        var errors = new List<string>();
        var line = SshArguments.Parse(["-F", "none", .. words], static configuration => configuration, errors);
        Assert.Empty(errors);
        return line!;
    }
}
