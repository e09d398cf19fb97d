using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>The commands that talk to a running instance, from their words to their exit status.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public class AdminCommandTests
{
    [Fact]
    public async Task Status_is_a_page_and_with_json_what_the_api_says()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, page, _) = await RunAsync(rig, "status");
        var (_, json, _) = await RunAsync(rig, "status --json");

        Assert.Equal(
            """
            main: fairlead 0.1.0, process 4711, up 2d 4h
              configuration  /etc/fairlead/fairlead.yaml
              last reload    3m ago, done
              connections    15 of at most 9,900

            FORWARD             LISTEN           TO                   ENGINE    OPEN  ACCEPTED  REFUSED  FAILED       UP     DOWN
            web                 0.0.0.0:8080 +1  2 upstreams          native      12   120,417       20       2  1.23 MB  98.8 GB
                                                   10.0.0.5:80                    12   120,000                0
                                                 ! 10.0.0.6:80, down               0       395               22
            ssh                 0.0.0.0:2222     10.0.0.7:22          native       3        41        0       0  52.0 kB    880 B
            unix:/run/app.sock  draining         127.0.0.1:9000       portable     0         0        0       0      0 B      0 B

            """, page);
        Assert.Equal(0, status);
        var parsed = JsonDocument.Parse(json).RootElement;
        Assert.Equal(("main", 3), (parsed.GetProperty("name").GetString(), parsed.GetProperty("forwards").GetArrayLength()));
    }

    [Fact]
    public async Task Status_tells_a_refused_reload_and_that_it_stops()
    {
        await using var rig = await AdminRig.StartAsync();
        rig.Instance.State = rig.Instance.State with { IsStopping = true, ConfigFile = null, LastReload = new ReloadOutcome(FakeInstance.Now, ["f.yaml:3:5: error: unknown key 'lisen'"], []), Forwards = [] };

        var (_, page, _) = await RunAsync(rig, "status");

        Assert.StartsWith(
            """
            main: fairlead 0.1.0, process 4711, up 2d 4h, stopping
              configuration  none
              last reload    0s ago, refused; nothing has changed:
                             f.yaml:3:5: error: unknown key 'lisen'
            """, page);
    }

    [Fact]
    public async Task Connections_are_all_or_those_of_a_forward()
    {
        await using var rig = await AdminRig.StartAsync();

        Assert.Equal(4, (await RunAsync(rig, "connections")).Output.Split('\n')[..^1].Length);
        Assert.Equal(3, (await RunAsync(rig, "connections --forward web")).Output.Split('\n')[..^1].Length);
        Assert.Equal("no connections\n", (await RunAsync(rig, "connections --forward unix:/run/app.sock")).Output);
        Assert.Equal(3, JsonDocument.Parse((await RunAsync(rig, "connections --json")).Output).RootElement.GetProperty("connections").GetArrayLength());
        Assert.Equal((1, "error: there is no forward 'x'; GET /v1/forwards tells those there are\n"), Outcome(await RunAsync(rig, "connections --forward x")));
    }

    [Theory]
    [InlineData("close 17 18", "closed 17\nclosed 18\n", "close 17,close 18")]
    [InlineData("close --forward web", "closed 2 connections of web\n", "close all of web")]
    [InlineData("reload", "reloaded; 2 changes:\n  forward ssh: allow\n  forward new: added\n", "reload")]
    [InlineData("drain", "no forward listens any more; connections go on\n", "drain all")]
    [InlineData("drain web", "web listens no more; its connections go on\n", "drain web")]
    [InlineData("drain unix:/run/app.sock", "unix:/run/app.sock was drained already; its connections go on\n", "drain unix:/run/app.sock")]
    [InlineData("stop", "stopping; connections may end by themselves ('fairlead stop --now' resets them)\n", "stop")]
    [InlineData("stop --now", "stopping at once\n", "stop at once")]
    public async Task An_order_is_done_and_said(string line, string expected, string told)
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, output, error) = await RunAsync(rig, line);

        Assert.Equal((0, expected, ""), (status, output, error));
        Assert.Equal(told, string.Join(',', rig.Instance.Told));
    }

    [Fact]
    public async Task Of_several_connections_those_that_are_there_are_closed()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, output, error) = await RunAsync(rig, "close 99 17");

        Assert.Equal((1, "closed 17\n", "error: there is no connection 99; it may have ended\n"), (status, output, error));
    }

    [Fact]
    public async Task A_refused_reload_prints_every_error_and_is_status_2()
    {
        await using var rig = await AdminRig.StartAsync();
        rig.Instance.ReloadErrors = ["f.yaml:3:5: error: one", "f.yaml:9:1: error: two"];

        Assert.Equal((2, "f.yaml:3:5: error: one\nf.yaml:9:1: error: two\nerror: the configuration was refused; nothing has changed\n"), Outcome(await RunAsync(rig, "reload")));
    }

    [Fact]
    public async Task Reload_as_json_tells_what_became_of_the_forwards_and_errors_in_their_parts()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, output, error) = await RunAsync(rig, "reload --json");
        using var done = JsonDocument.Parse(output);
        Assert.Equal((0, ""), (status, error));
        Assert.Equal("""true ["new"] [] ["ssh"] ["web"]""", string.Join(' ', new[] { "done", "added", "removed", "changed", "unchanged" }.Select(name => JsonSerializer.Serialize(done.RootElement.GetProperty(name)))));

        rig.Instance.ReloadErrors = ["f.yaml:3:5: error: one", "the port is in use"];
        (status, output, error) = await RunAsync(rig, "reload --json");
        using var refused = JsonDocument.Parse(output);
        Assert.Equal((2, ""), (status, error));
        Assert.Equal("""{"done":false,"error":"the configuration was refused; nothing has changed","errors":[{"file":"f.yaml","line":3,"column":5,"message":"one"},{"message":"the port is in use"}]}""", JsonSerializer.Serialize(refused.RootElement));
    }

    [Fact]
    public async Task Top_prints_one_page_where_there_is_no_terminal()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, page, _) = await RunAsync(rig, "top");
        var (_, json, _) = await RunAsync(rig, "top --json");

        Assert.StartsWith("main   up 2d 4h   15 connections of at most 9,900   ↑ 0 B/s   ↓ 0 B/s\n\nFORWARD ", page);
        Assert.DoesNotContain("\e", page);
        Assert.DoesNotContain("q quit", page);
        Assert.Equal(0, status);
        Assert.Equal(3, JsonDocument.Parse(json).RootElement.GetProperty("connections").GetArrayLength());
    }

    [Fact]
    public async Task Over_tcp_the_token_comes_from_a_file_or_a_variable()
    {
        await using var rig = await AdminRig.StartTcpAsync("sesame");
        var file = Path.Combine(rig.Folder, "token");
        await File.WriteAllTextAsync(file, "sesame\n", TestContext.Current.CancellationToken);
        Environment.SetEnvironmentVariable("FAIRLEAD_TEST_TOKEN", "sesame");

        Assert.Equal(0, (await RunAsync(rig, $"status --token file:{file}")).Status);
        Assert.Equal(0, (await RunAsync(rig, "status --token env:FAIRLEAD_TEST_TOKEN")).Status);
        Assert.Equal((1, "error: the token is missing or wrong; give the one of the configuration (--token env:NAME or file:PATH)\n"), Outcome(await RunAsync(rig, "status")));
        Assert.Equal((0, "warning: every user of this machine can read a token on a command line; write --token env:NAME or file:PATH\n"), Outcome(await RunAsync(rig, "status --token sesame")));
    }

    [Fact]
    public async Task An_instance_that_does_not_run_is_one_sentence_that_says_where_was_looked()
    {
        const string name = "not-there-0123456789";
        var places = string.Join(" and ", AdminPlace.Candidates(name).Select(path => $"unix:{path}"));

        Assert.Equal(
            (1, $"error: no instance named {name} runs: nobody answers at {places}; start it (fairlead run), or say which one is meant (--name NAME, --admin unix:PATH)\n"),
            Outcome(await RunAsync($"status --name {name}")));
        Assert.Equal(
            (1, "error: nobody answers at unix:/nowhere/x.sock (nothing is there); is the instance running, and is this the 'admin: listen' of its configuration?\n"),
            Outcome(await RunAsync("status --admin unix:/nowhere/x.sock")));
    }

    [Fact]
    public async Task Whoever_else_answers_is_told_from_fairlead()
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        server.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        server.Listen();
        var answer = Task.Run(async () =>
        {
            using var client = await server.AcceptAsync();
            await client.ReceiveAsync(new byte[4096]);
            await client.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray());
        }, TestContext.Current.CancellationToken);

        Assert.Equal((1, $"error: whoever answers at {server.LocalEndPoint} does not speak as Fairlead does; is it another program?\n"), Outcome(await RunAsync($"status --admin {server.LocalEndPoint}")));
        await answer;
    }

    [Theory]
    [InlineData("close", "no connection is given; write its number, or --forward NAME for all of a forward")]
    [InlineData("close x", "'x' is not the number of a connection; 'fairlead connections' tells them")]
    [InlineData("close 1 --forward web", "numbers and --forward are given; leave one out")]
    [InlineData("close --frward web", "unknown option '--frward'; did you mean '--forward'?")]
    [InlineData("drain --nme", "unknown option '--nme'; did you mean '--name'?")]
    [InlineData("status x", "unknown argument 'x'")]
    [InlineData("status --name ../x", "--name '../x' is not a name; write a-z, 0-9 and -, at most 63")]
    [InlineData("status --name a --admin unix:/x", "--admin and --name both say which instance is meant; leave one out")]
    [InlineData("status --admin 10.0.0.1:9000", "--admin '10.0.0.1:9000' is not on this machine, and without TLS the token would be read on the way; go there by ssh -L, and write 127.0.0.1:PORT")]
    [InlineData("status --admin 127.0.0.1:9000-9001", "--admin '127.0.0.1:9000-9001' is not one TCP port; write unix:PATH or HOST:PORT")]
    [InlineData("status --admin /run/x.sock", "--admin: endpoint '/run/x.sock': has no port; write HOST:PORT, like 10.0.0.5:80, or unix:PATH")]
    [InlineData("status --token env:FAIRLEAD_NOT_SET", "--token: the variable FAIRLEAD_NOT_SET is not set")]
    [InlineData("status --token file:/nowhere/token", "--token: /nowhere/token cannot be read: Could not find a part of the path '/nowhere/token'")]
    public async Task Wrong_usage_is_told_before_anybody_is_asked(string line, string expected)
    {
        Assert.Equal((2, $"error: {expected}\ntry 'fairlead {line.Split(' ')[0]} --help'\n"), Outcome(await RunAsync(line)));
    }

    [Theory]
    [InlineData("status")]
    [InlineData("connections")]
    [InlineData("top")]
    [InlineData("close")]
    [InlineData("reload")]
    [InlineData("drain")]
    [InlineData("stop")]
    public async Task Every_help_has_examples_and_the_exit_status(string command)
    {
        var (status, output, _) = await RunAsync($"{command} --help");

        Assert.Equal(0, status);
        Assert.Contains($"\nExamples:\n  fairlead {(command == "reload" ? "reload" : command)}", output);
        Assert.Contains("\nExit status:\n", output);
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 130, line));
    }

    private static (int Status, string Error) Outcome((int Status, string Output, string Error) run) => (run.Status, run.Error);

    private static Task<(int Status, string Output, string Error)> RunAsync(AdminRig rig, string line) => RunAsync($"{line} --admin {rig.Address}");

    private static async Task<(int Status, string Output, string Error)> RunAsync(string line)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var status = await CommandLine.RunAsync(line.Split(' ', StringSplitOptions.RemoveEmptyEntries), output, error);
        return (status, output.ToString(), error.ToString());
    }
}
