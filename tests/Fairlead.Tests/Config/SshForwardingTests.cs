using System.Diagnostics;
using System.Net.Sockets;

namespace Fairlead.Tests.Config;

public sealed class SshForwardingTests
{
    [Theory]
    [InlineData('L', "5353:10.0.0.53:53/udp", "localhost:5353/udp", "10.0.0.53:53")]
    [InlineData('L', "*:53:ns:53/tcp+udp", ":53/tcp+udp", "ns:53")]
    [InlineData('L', "8080:h:80/tcp", "localhost:8080", "h:80")]
    [InlineData('R', "[::1]:27015:localhost:27015/udp", "[::1]:27015/udp", "localhost:27015")]
    public void A_protocol_may_stand_behind_the_port_that_it_leads_to(char flag, string text, string listen, string to)
    {
        var forward = SshForwarding.Parse(flag == 'L' ? SshForwardingKind.Local : SshForwardingKind.Remote, text, $"-{flag}").Forward("office", gatewayPorts: false, family: null);
        Assert.Equal((listen, to), (Assert.Single(forward.Listen).ToString(), Assert.Single(forward.To).Address.ToString()));
    }

    [Theory, InlineData("/run/a:mail:143/udp"), InlineData("5353/udp")]
    public void A_protocol_is_of_a_port_that_leads_to_a_port(string text) => Assert.Throws<FormatException>(() => SshForwarding.Parse(SshForwardingKind.Remote, text, "-R"));

    /// <summary>Flags and texts, each as OpenSSH's ssh -G prints it; null where ssh refuses it.</summary>
    public static TheoryData<char, string, string?> Forms => new()
    {
        { 'L', "8143:mail:143", "8143 [mail]:143" },
        { 'L', ":8143:mail:143", "[]:8143 [mail]:143" },
        { 'L', "*:8143:mail:143", "[*]:8143 [mail]:143" },
        { 'L', "localhost:8143:mail:143", "[localhost]:8143 [mail]:143" },
        { 'L', "[::1]:8143:[2001:db8::5]:143", "[::1]:8143 [2001:db8::5]:143" },
        { 'L', "/run/a:/run/b", "/run/a /run/b" },
        { 'L', "8080:/run/b", "8080 /run/b" },
        { 'L', "10.0.0.1:8080:/run/b", "[10.0.0.1]:8080 /run/b" },
        { 'L', "/run/a:mail:143", "/run/a [mail]:143" },
        { 'L', "./a:mail:143", "./a [mail]:143" },
        { 'L', "[/run/a:b]:mail:143", "/run/a:b [mail]:143" },
        { 'L', "/run/a\\:b:mail:143", "/run/a:b [mail]:143" },
        { 'L', " 8143:mail:143", "8143 [mail]:143" },
        { 'L', "8143:${FAIRLEAD_MAIL}:143", "8143 [mail]:143" },
        { 'L', "8143:${FAIRLEAD_NO_SUCH}:143", null },
        { 'L', "8143:${FAIRLEAD_MAIL:143", null },
        { 'L', "8143", null },
        { 'L', "8143:mail", null },
        { 'L', "host:8143", null },
        { 'L', "host:/run/a", null },
        { 'L', "1:2:3:4:5", null },
        { 'L', "[::1]8080:h:80", null },
        { 'L', "[::1:8080:h:80", null },
        { 'L', "70000:h:80", null },
        { 'L', "8080:h:70000", null },
        { 'L', "8080:h:0", null },
        { 'L', "8080:h:80/sctp", null },
        { 'L', "8080:h:80\\", null },
        { 'R', "5900:localhost:5900", "5900 [localhost]:5900" },
        { 'R', "0:localhost:5900", "0 [localhost]:5900" },
        { 'R', ":5900:localhost:5900", "[]:5900 [localhost]:5900" },
        { 'R', "*:5900:localhost:5900", "[*]:5900 [localhost]:5900" },
        { 'R', "/run/a:/run/b", "/run/a /run/b" },
        { 'R', "1080", "1080 [socks]:0" },
        { 'R', "0", "0 [socks]:0" },
        { 'R', "localhost:1080", "[localhost]:1080 [socks]:0" },
        { 'R', "/run/a", "/run/a [socks]:0" },
        { 'R', "8080:h", null },
        { 'R', "8080:h:0", null },
        { 'D', "1080", "1080" },
        { 'D', "1080:", "1080" },
        { 'D', "[::1]:1080", "[::1]:1080" },
        { 'D', "*:1080", "[*]:1080" },
        { 'D', "/run/a", "/run/a" },
        { 'D', "1080:mail:143", null },
        { 'D', "", null },
    };

    [Theory, MemberData(nameof(Forms))]
    public void A_forwarding_is_read_as_ssh_reads_it(char flag, string text, string? expected)
    {
        Environment.SetEnvironmentVariable("FAIRLEAD_MAIL", "mail");

        Assert.Equal(expected, Read(flag, text));
    }

    [Theory, MemberData(nameof(Forms))]
    public async Task The_table_says_what_ssh_itself_does(char flag, string text, string? expected)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/ssh"), "needs OpenSSH's client");
        Environment.SetEnvironmentVariable("FAIRLEAD_MAIL", "mail");
        using var ssh = Process.Start(new ProcessStartInfo("/usr/bin/ssh", ["-G", "-F", "none", $"-{flag}", text, "gw"]) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        var output = await ssh.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await ssh.WaitForExitAsync(TestContext.Current.CancellationToken);
        var keyword = flag switch { 'L' => "localforward ", 'R' => "remoteforward ", _ => "dynamicforward " };

        Assert.Equal(expected, output.Split('\n').FirstOrDefault(line => line.StartsWith(keyword, StringComparison.Ordinal))?[keyword.Length..]);
    }

    [Theory]
    [InlineData('L', "8143:mail", "-L '8143:mail': has no target; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143")]
    [InlineData('L', "1080", "-L '1080': has no target; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143, or -D for clients that say themselves where to go")]
    [InlineData('D', "1080:h:80", "-D '1080:h:80': has a target, and clients say themselves where to go; write [BIND:]PORT, or -L for one target")]
    [InlineData('L', "8143:ma il:143", "-L '8143:ma il:143': target host 'ma il' has a space; a name has letters, digits, '-', '_' and dots")]
    [InlineData('L', "8143::143", "-L '8143::143': target host is missing; write its name or address, as the machine that dials knows it")]
    [InlineData('L', "80-90:h:80", "-L '80-90:h:80': listen port '80-90' is a range, which ssh does not have; write one port")]
    [InlineData('R', "8080:h:0", "-R '8080:h:0': target port 0 cannot be connected to; write a number from 1 to 65535")]
    [InlineData('L', "/a:80", "-L '/a:80': is not a forwarding; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143, with a path for either pair")]
    [InlineData('L', "host:/run/a", "-L 'host:/run/a': listen port 'host' is not a number; write a number from 1 to 65535, like 8080")]
    [InlineData('D', "", "-D '': is empty; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143")]
    [InlineData('L', "8143:${FAIRLEAD_NO_SUCH}:143", "-L '8143:${FAIRLEAD_NO_SUCH}:143' names the environment variable 'FAIRLEAD_NO_SUCH', which is not set; set it, or write its value")]
    public void Any_other_is_refused_with_the_part_and_the_remedy(char flag, string text, string expected) => Assert.Equal(expected, Assert.Throws<FormatException>(() => Parse(flag, text)).Message);

    [Theory]
    [InlineData('L', "80:h:80", false, null, "localhost:80")]
    [InlineData('L', "80:h:80", true, null, ":80")]
    [InlineData('L', ":80:h:80", false, null, ":80")]
    [InlineData('L', "*:80:h:80", false, null, ":80")]
    [InlineData('L', "localhost:80:h:80", true, null, "localhost:80")]
    [InlineData('L', "10.0.0.1:80:h:80", true, null, "10.0.0.1:80")]
    [InlineData('D', "1080", false, AddressFamily.InterNetwork, "127.0.0.1:1080")]
    [InlineData('D', "1080", false, AddressFamily.InterNetworkV6, "[::1]:1080")]
    [InlineData('D', "*:1080", false, AddressFamily.InterNetwork, "0.0.0.0:1080")]
    [InlineData('L', "/a:h:80", true, null, "unix:/a")]
    // What the far end is asked for, GatewayPorts and -4 or not.
    [InlineData('R', "80:h:80", false, null, "localhost:80")]
    [InlineData('R', "80:h:80", true, AddressFamily.InterNetwork, "localhost:80")]
    [InlineData('R', "*:80:h:80", false, null, ":80")]
    [InlineData('R', ":80:h:80", false, null, ":80")]
    [InlineData('R', "0.0.0.0:0:h:80", false, null, "0.0.0.0:0")]
    [InlineData('R', "gw.example.com:1080", false, null, "gw.example.com:1080")]
    public void What_is_listened_on_is_what_ssh_would_listen_on_or_ask_for(char flag, string text, bool gatewayPorts, AddressFamily? family, string listen)
    {
        var forward = Parse(flag, text).Forward("gw", gatewayPorts, family);

        Assert.Equal(listen, Assert.Single(forward.Listen).ToString());
        Assert.Equal(flag == 'R' ? ("gw", null) : (null, "gw"), (forward.At, forward.Tunnel));
    }

    private static SshForwarding Parse(char flag, string text) => SshForwarding.Parse(flag switch { 'L' => SshForwardingKind.Local, 'R' => SshForwardingKind.Remote, _ => SshForwardingKind.Dynamic }, text, $"-{flag}");

    // As ssh -G prints it.
    private static string? Read(char flag, string text)
    {
        try
        {
            var read = Parse(flag, text);
            var listen = read.Path ?? (read.Bind is null ? $"{read.Port}" : $"[{read.Bind}]:{read.Port}");
            return read.To switch
            {
                DynamicEndpoint => flag == 'R' ? $"{listen} [socks]:0" : listen,
                UnixEndpoint unix => $"{listen} {unix.Path}",
                PortEndpoint port => $"{listen} [{port.Host}]:{port.Ports}",
                _ => throw new InvalidOperationException(),
            };
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
