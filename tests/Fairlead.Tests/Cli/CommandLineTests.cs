using System.Diagnostics;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class CommandLineTests
{
    public static TheoryData<string, string> Wrong => new()
    {
        { "", "error: no command is given; 'fairlead demo' shows a running example\ntry 'fairlead --help'\n" },
        { "forwrd x", "error: unknown command 'forwrd'; did you mean 'forward'?\ntry 'fairlead --help'\n" },
        { "--foo", "error: unknown option '--foo'\ntry 'fairlead --help'\n" },
        { "--\u001b[2J", "error: unknown option '--\\u001b[2J'\ntry 'fairlead --help'\n" },
        { "forward", "error: no forward is given; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80\ntry 'fairlead forward --help'\n" },
        { "forward --egine native 8080:h:80", "error: unknown option '--egine'; did you mean '--engine'?\ntry 'fairlead forward --help'\n" },
        { "forward 8080:h:80 --egine=native", "error: unknown option '--egine'; did you mean '--engine'?\ntry 'fairlead forward --help'\n" },
        { "forward --idle-timout 5s 8080:h:80", "error: unknown option '--idle-timout'; did you mean '--idle-timeout'?\ntry 'fairlead forward --help'\n" },
        { "forward --alow 10.0.0.0/8 8080:h:80", "error: unknown option '--alow'; did you mean '--allow'?\ntry 'fairlead forward --help'\n" },
        { "forward -L 8080:h:80", "error: unknown option '-L'\ntry 'fairlead forward --help'\n" },
        { "forward --engine kernel 8080:h:80", "error: --engine 'kernel' is not in this version, which has auto, native and portable\ntry 'fairlead forward --help'\n" },
        { "forward --engine Native 8080:h:80", "error: --engine 'Native' is unknown; write auto, native or portable\ntry 'fairlead forward --help'\n" },
        { "forward --log-format xml 8080:h:80", "error: --log-format 'xml' is unknown; write text or json\ntry 'fairlead forward --help'\n" },
        { "forward --drain 10 8080:h:80", "error: --drain '10' has no unit; write a whole number and a unit (ms, s, m, h, d), like 500ms or 10s, or off\ntry 'fairlead forward --help'\n" },
        { "forward --connect-timeout 0s 8080:h:80", "error: --connect-timeout '0s' is no time at all; write a longer one, like 5s, or off\ntry 'fairlead forward --help'\n" },
        { "forward 8080:h:80 --drain", "error: required argument missing for option: '--drain'\ntry 'fairlead forward --help'\n" },
        { "forward @x", "error: forward '@x': has no target; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80\ntry 'fairlead forward --help'\n" },
        {
            "forward 8080 8080:h:80/sctp 1:h:1 1:i:1",
            """
            error: forward '8080': has no target; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80
            error: forward '8080:h:80/sctp': protocol '/sctp' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP
            error: forward :1 to i:1: :1 is listened on by forward :1 to h:1 already; give one of them another port or address
            try 'fairlead forward --help'

            """
        },
        { "forward --half-closed-timeout 1m 53:h:53/udp", "error: --half-closed-timeout is for TCP, and only UDP is forwarded; leave it out\ntry 'fairlead forward --help'\n" },
        { "forward --allow 10.0.0.0 --allow 10.0.0.1/8 8080:h:80", "error: --allow '10.0.0.1/8' has bits set behind its prefix; write 10.0.0.0/8 for the network, or 10.0.0.1 for the one address\ntry 'fairlead forward --help'\n" },
        { "forward --via office 8080:h:80", "error: --via proxy 'office': has no scheme; write socks5, socks5h, socks4a or http before it, like socks5://10.0.0.5:1080\ntry 'fairlead forward --help'\n" },
        { "forward --via ssh://gw:0 8080:h:80", "error: --via proxy 'ssh://gw:0': port 0 cannot be connected to; write the port that the server listens on\ntry 'fairlead forward --help'\n" },
        { "forward --via socks5://p --via ssh://gw 8080:h:80", "error: --via 'ssh://gw' is a tunnel, which this machine connects to itself, so it can only be the first; write it first, or give it a way of its own: jump, in the tunnel\ntry 'fairlead forward --help'\n" },
        { "ssh", "error: no server is given; write [USER@]HOST, like alice@gw.example.com\ntry 'fairlead ssh --help'\n" },
        { "ssh -L 80:h:80 gw ls -l --x", "error: 'ls -l --x' would be a command, and there is no shell here, and no commands: forwarding is all that is asked of the server; leave it out\ntry 'fairlead ssh --help'\n" },
        { "ssh --pasword x -D 1080 gw", "error: unknown option '--pasword'; did you mean '--password'?\ntry 'fairlead ssh --help'\n" },
        { "ssh --password env:FAIRLEAD_NO_SUCH -D 1080 gw", "error: --password 'env:FAIRLEAD_NO_SUCH' names an environment variable that is not set; set it, or write file:/path\ntry 'fairlead ssh --help'\n" },
        { "ssh -D *:1080 gw", "error: forward :1080 to dynamic: listen :1080 would be a proxy for everybody who can reach it; write --allow beside it, or listen on 127.0.0.1:1080\ntry 'fairlead ssh --help'\n" },
        { "ssh -R *:1080 gw", "error: forward :1080 at gw to dynamic: listen :1080 would be a proxy into this network for everybody who can reach the far end; write --allow beside it, or listen on localhost:1080\ntry 'fairlead ssh --help'\n" },
        {
            "ssh -fL x -o Foo=1 gw",
            """
            error: -f goes to the background, and this stays where a supervisor sees it; write '&' behind the command, or run it as a service
            error: -o keyword 'Foo' is unknown; ssh_config(5) has those that there are
            try 'fairlead ssh --help'

            """
        },
        { "hub", "error: nobody could come in; write --authorized-keys and the file of the keys that are let in\ntry 'fairlead hub --help'\n" },
        { "hub --authorized-keys k --listen 2022", "error: --listen listen '2022': has no colon; write :2022 for the port on every address, or HOST:PORT\ntry 'fairlead hub --help'\n" },
        { "hub --authorized-keys k --listen :2022 --listen 127.0.0.1:2022", "error: hub: 127.0.0.1:2022 is listened on by the hub already as :2022 (every address includes this one); give one of them another port or address\ntry 'fairlead hub --help'\n" },
        { "proxy :1080", "error: listen :1080 would be a proxy for everybody who can reach it; write --user or --allow beside it, or listen on 127.0.0.1:1080\ntry 'fairlead proxy --help'\n" },
        { "proxy --user alice", "error: --user has no password; write NAME:PASSWORD, or NAME:env:VARIABLE\ntry 'fairlead proxy --help'\n" },
        { "proxy --user alice:env:FAIRLEAD_NO_SUCH", "error: --user alice: 'env:FAIRLEAD_NO_SUCH' names an environment variable that is not set; set it, or write file:/path\ntry 'fairlead proxy --help'\n" },
        { "proxy --deny-to exa*mple.com", "error: --deny-to name 'exa*mple.com' has '*' elsewhere than alone before the first dot; write example.com for one name, or *.example.com for all below it\ntry 'fairlead proxy --help'\n" },
        { "demo --port 0", "error: --port '0' is not a port; write a number from 1 to 65535, like 8080\ntry 'fairlead demo --help'\n" },
        { "demo x", "error: unknown argument 'x'\ntry 'fairlead demo --help'\n" },
        { "demo --port 9001 --echo-port 9001", "error: forward 'echo': 127.0.0.1:9001 is listened on by forward 'page' already; give one of them another port or address\ntry 'fairlead demo --help'\n" },
        { "completion", "error: no shell is given; write bash, zsh or fish\ntry 'fairlead completion --help'\n" },
        { "completion tcsh", "error: shell 'tcsh' is unknown; write bash, zsh or fish\ntry 'fairlead completion --help'\n" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Wrong_usage_is_one_error_and_a_hint_and_status_2(string line, string expected)
    {
        var (status, output, error) = await RunAsync(line);

        Assert.Equal(expected, error);
        Assert.Equal("", output);
        Assert.Equal(2, status);
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("-h")]
    [InlineData("forward --help")]
    [InlineData("forward -h x --drain 1")]
    [InlineData("demo --help")]
    [InlineData("completion --help")]
    [InlineData("ssh --help")]
    [InlineData("ssh -D 1080 -h")]
    [InlineData("hub --help")]
    public async Task Every_help_has_examples(string line)
    {
        var (status, output, error) = await RunAsync(line);

        Assert.Contains("\nUsage:\n  fairlead ", output);
        Assert.Contains("\nExamples:\n  ", output);
        Assert.DoesNotContain("[default:", output);
        Assert.Equal("", error);
        Assert.Equal(0, status);
    }

    [Fact]
    public async Task Examples_of_the_help_are_forwards_that_can_be_read()
    {
        var (_, output, _) = await RunAsync("forward --help");

        var examples = output[output.IndexOf("Examples:", StringComparison.Ordinal)..output.IndexOf("Signals:", StringComparison.Ordinal)]
            .Split('\n').Where(line => line.StartsWith("  fairlead ", StringComparison.Ordinal)).ToList();
        Assert.Equal(9, examples.Count);
        foreach (var example in examples)
        {
            // A comment stands at least two spaces behind the command.
            var words = example.Trim().Split("  ")[0].Split(' ')[1..];
            Assert.NotEmpty(ForwardCommand.Forwards(CommandLine.Build().Parse(words)));
        }
    }

    [Fact]
    public async Task Version_is_the_name_and_the_number()
    {
        var (status, output, _) = await RunAsync("--version");

        Assert.Matches(@"^fairlead \d+\.\d+\.\d+\n$", output);
        Assert.Equal(0, status);
    }

    [Fact]
    public void Options_go_into_every_forward()
    {
        var parsed = CommandLine.Build().Parse("forward --engine portable --connect-timeout 1s --idle-timeout=10m --half-closed-timeout off --drain 0s --log-format json --log-level debug [::1]:80:h:80 81:h:81");

        var forwards = ForwardCommand.Forwards(parsed);

        Assert.Equal(2, forwards.Count);
        foreach (var forward in forwards)
        {
            Assert.Equal(EngineKind.Portable, forward.Engine);
            Assert.Equal(TimeSpan.FromSeconds(1), forward.Timeouts.Connect);
            Assert.Equal(TimeSpan.FromMinutes(10), forward.Timeouts.Idle);
            Assert.Equal(Timeout.InfiniteTimeSpan, forward.Timeouts.HalfClosed);
            Assert.Equal(TimeSpan.Zero, forward.Timeouts.Drain);
        }
        Assert.Equal(new LogOptions(LogStyle.Json, LogLevel.Debug), LogOptions.Of(parsed));
    }

    [Fact]
    public void Without_options_the_defaults_hold()
    {
        var parsed = CommandLine.Build().Parse("forward 80:h:80");

        var forward = Assert.Single(ForwardCommand.Forwards(parsed));
        Assert.Equal(new ForwardTimeouts { Drain = Host.DefaultDrain }, forward.Timeouts);
        Assert.Equal(EngineKind.Auto, forward.Engine);
        Assert.Equal(new LogOptions(LogStyle.Text, LogLevel.Information), LogOptions.Of(parsed));
    }

    [Fact]
    public async Task The_help_of_run_says_that_the_configuration_decides_how_to_log_and_the_command_line_goes_before_it()
    {
        var (run, forward) = (new StringWriter(), new StringWriter());
        await CommandLine.RunAsync(["run", "--help"], run, TextWriter.Null);
        await CommandLine.RunAsync(["forward", "--help"], forward, TextWriter.Null);
        Assert.Contains("(default: log.format of the configuration)", string.Join(' ', run.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
        Assert.DoesNotContain("(default: text)", run.ToString());
        Assert.Contains("(default: text)", forward.ToString());

        var config = new LogConfig { Format = LogStyle.Json, Level = LogLevel.Error };
        Assert.Equal(new LogOptions(LogStyle.Json, LogLevel.Debug), LogOptions.Of(CommandLine.Build().Parse("run --log-level debug"), config));
    }

    [Fact]
    public void Who_leaves_out_the_address_is_told_that_it_means_every_one()
    {
        Assert.Equal("listening on every address of this machine for 8080, 9000-9001; to keep it local, write 127.0.0.1:8080:h:80",
            ForwardCommand.EverywhereNotice(["127.0.0.1:1:h:1", "8080:h:80", "9000-9001:h:80"])?.Message);
        Assert.Equal("listening on every address of this machine for 5353/udp, 8080; to keep it local, write 127.0.0.1:5353:10.0.0.53:53/udp",
            ForwardCommand.EverywhereNotice(["5353:10.0.0.53:53/udp", "8080:h:80"])?.Message);
        Assert.Null(ForwardCommand.EverywhereNotice(["127.0.0.1:1:h:1", "*:2:h:2", ":3:h:3", "[::1]:4:h:4", "unix:/a:h:5"]));
    }

    [Theory]
    [InlineData("fairlead ", "--help --version -h check close completion connections demo drain forward hub proxy reload run ssh status stop top")]
    [InlineData("fairlead f", "forward")]
    [InlineData("fairlead forward --e", "--engine")]
    [InlineData("fairlead forward --engine n", "native")]
    [InlineData("fairlead forward --engine=", "auto native portable")]
    [InlineData("fairlead forward 8080:h:80 --log-l", "--log-level")]
    [InlineData("fairlead completion z", "zsh")]
    [InlineData("fairlead ssh --passw", "--password")]
    [InlineData("fairlead ssh -o ServerA", "ServerAliveCountMax= ServerAliveInterval=")]
    [InlineData("fairlead hub --a", "--authorized-keys")]
    public async Task Bash_completes(string line, string expected)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "needs bash");
        var (_, script, _) = await RunAsync("completion bash");
        // As readline fills them in: the line, and its words, cut at COMP_WORDBREAKS.
        var call = $$"""
            {{script}}
            COMP_LINE="$1" COMP_POINT=${#1} COMP_WORDS=(${1//=/ = })
            [[ $1 == *[\ =] ]] && COMP_WORDS+=("")
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            _fairlead "$2"
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        using var bash = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", call, "bash", line, Path.Combine(AppContext.BaseDirectory, "Fairlead.Cli")]) { RedirectStandardOutput = true })!;
        var found = await bash.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal(expected, string.Join(' ', found.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("zsh")]
    [InlineData("fish")]
    public async Task Other_shells_have_their_script(string shell)
    {
        var (status, output, _) = await RunAsync($"completion {shell}");

        Assert.Contains("[suggest:", output);
        Assert.Equal(0, status);
    }

    private static async Task<(int Status, string Output, string Error)> RunAsync(string line)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var status = await CommandLine.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, error);
        return (status, output.ToString(), error.ToString());
    }
}
