using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary><c>fairlead run</c> as its users meet it: a file that is changed under load, signals, and what a broken file gets.</summary>
public sealed class RunTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fairlead-run-").FullName;

    private string Config => Path.Combine(folder, "fairlead.yaml");

    [Fact(Timeout = 60000)]
    public async Task Its_first_line_names_the_file_and_the_signal_drains()
    {
        using var echo = new Echo();
        var port = FreePorts.One();
        Write($"forwards: [{{ name: web, listen: '127.0.0.1:{port}', to: '127.0.0.1:{echo.Port}' }}]");
        await using var run = Run();
        await run.WaitForAsync("listening");
        Assert.Contains(Config, run.Entries.First().GetProperty("message").GetString(), StringComparison.Ordinal);
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        run.Signal(Running.SIGTERM);
        await run.WaitForAsync("stopping");
        await Echo.ExchangeAsync(client, 2);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await run.WhenOverAsync());
        Assert.Contains($"127.0.0.1:{echo.Port}", run.Output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_broken_file_is_told_with_every_error_and_nothing_is_bound()
    {
        var port = FreePorts.One();
        Write($"forwards:\n  - listen: '127.0.0.1:{port}'\n    too: 127.0.0.1:80\n  - {{ listen: ':x', to: '127.0.0.1:9' }}\n");
        await using var run = Run();
        Assert.Equal(2, await run.WhenOverAsync());
        Assert.Contains($"{Config}:4:5: error: ", run.Errors, StringComparison.Ordinal);
        Assert.Contains($"{Config}:5:", run.Errors, StringComparison.Ordinal);
        Assert.Contains("'to'", run.Errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_signal_reloads_and_a_file_with_an_error_changes_nothing()
    {
        using var echo = new Echo();
        var (kept, added) = (FreePorts.One(), FreePorts.One());
        var first = $"  - {{ name: web, listen: '127.0.0.1:{kept}', to: '127.0.0.1:{echo.Port}' }}\n";
        Write($"forwards:\n{first}");
        await using var run = Run();
        await run.WaitForAsync("listening");
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, kept));

        Write($"forwards:\n{first}  - {{ name: more, listen: '127.0.0.1:{added}', to: '127.0.0.1:{echo.Port}', nmae: x }}\n");
        run.Signal(1);
        var refused = await run.WaitForAsync("reload_refused");
        Assert.Contains($"{Config}:4:", refused.GetProperty("message").GetString(), StringComparison.Ordinal);
        await Echo.ExchangeAsync(client, 2);

        Write($"forwards:\n{first}  - {{ name: more, listen: '127.0.0.1:{added}', to: '127.0.0.1:{echo.Port}' }}\n");
        run.Signal(1);
        Assert.Contains("more added", (await run.WaitForAsync("reloaded")).GetProperty("message").GetString(), StringComparison.Ordinal);
        using var other = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, added));
        await Echo.ExchangeAsync(client, 3);
    }

    [Fact(Timeout = 60000)]
    public async Task Of_a_refused_reload_the_log_tells_nothing_that_did_not_happen()
    {
        Peers.RequireRoot();
        var (unshare, ip) = (Peers.Require("unshare", "util-linux"), Peers.Require("ip", "iproute2"));
        const string first = "  - { name: web, listen: '127.0.0.1:8080', to: '127.0.0.1:9' }\n", both = "  - { name: both, listen: 'localhost:8081', to: '127.0.0.1:9' }\n";
        Write($"forwards:\n{first}");
        // A machine of its own without IPv6, so that a part of localhost is left out.
        await using var run = Running.StartBy($"exec {unshare} --net /bin/sh -c '{ip} link set lo up; {ip} -6 address flush dev lo; exec \"$0\" \"$@\"' \"$0\" \"$@\"", "run", Config, "--log-format", "json");
        await run.WaitForAsync("listening");

        Write($"forwards:\n{first}{both}  - {{ name: elsewhere, listen: '192.0.2.1:80', to: '127.0.0.1:9' }}\n");
        run.Signal(1);
        await run.WaitForAsync("reload_refused");
        Assert.DoesNotContain(run.Entries, entry => entry.GetProperty("event").GetString() == "family_missing");

        Write($"forwards:\n{first}{both}");
        run.Signal(1);
        await run.WaitForAsync("reloaded");
        Assert.Single(run.Entries, entry => entry.GetProperty("event").GetString() == "family_missing");
    }

    [Fact(Timeout = 60000)]
    public async Task A_watched_file_is_loaded_when_it_has_changed_also_by_a_rename_and_after_an_error()
    {
        using var echo = new Echo();
        var (kept, added, last) = (FreePorts.One(), FreePorts.One(), FreePorts.One());
        string Text(params int[] ports) => $"watch: true\nforwards:\n{string.Concat(ports.Select(port => $"  - {{ listen: '127.0.0.1:{port}', to: '127.0.0.1:{echo.Port}' }}\n"))}";
        Write(Text(kept));
        await using var run = Run();
        await run.WaitForAsync("listening");
        Write(Text(kept, added));
        await run.WaitForAsync("reloaded");
        using var one = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, added));
        Write("watch: true\nforwards: nothing\n");
        await run.WaitForAsync("reload_refused");
        File.WriteAllText(Config + ".new", Text(kept, added, last));
        File.Move(Config + ".new", Config, overwrite: true);
        await run.WaitForAsync(entry => entry.GetProperty("event").GetString() == "listening" && entry.GetProperty("listen").GetString() == $"127.0.0.1:{last}");
        using var other = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, last));
        await Echo.ExchangeAsync(one, 2);
    }

    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task Ten_thousand_requests_meet_twenty_reloads_and_none_is_refused_or_lost(string engine)
    {
        using var echo = new Echo();
        var (port, other) = (FreePorts.One(), FreePorts.One());
        string Text(int round) => $$"""
            forwards:
              - { name: web, listen: '127.0.0.1:{{port}}', to: '127.0.0.1:{{echo.Port}}', engine: {{engine}} }
              - { name: other-{{round}}, listen: '127.0.0.1:{{other}}', to: '127.0.0.1:{{echo.Port}}', engine: {{engine}} }
            """;
        Write(Text(0));
        await using var run = Run();
        await run.WaitForAsync("listening");
        var load = LoadAsync(10_000, new IPEndPoint(IPAddress.Loopback, port), new IPEndPoint(IPAddress.Loopback, other));
        for (var round = 1; round <= 20; round++)
        {
            Write(Text(round));
            run.Signal(1);
            await run.WaitForAsync(entry => entry.GetProperty("event").GetString() == "reloaded" && entry.GetProperty("message").GetString()!.Contains($"other-{round} added", StringComparison.Ordinal));
        }
        Assert.Equal(10_000, await load);
    }

    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task Fifty_edits_of_targets_rules_and_limits_under_load_lose_nobody(string engine)
    {
        using var first = new Echo();
        using var second = new Echo();
        var port = FreePorts.One();
        string Text(int round) => $$"""
            forwards:
              - name: web
                listen: '127.0.0.1:{{port}}'
                to: ['127.0.0.1:{{(round % 2 == 0 ? first.Port : second.Port)}}'{{(round % 2 == 1 && round % 3 == 0 ? $", '127.0.0.1:{first.Port}'" : "")}}]
                allow: [{{(round % 2 == 0 ? "any" : "127.0.0.0/8")}}]
                engine: {{engine}}
                balance: {{(round % 5) switch { 0 => "round-robin", 1 => "least-connections", 2 => "random", 3 => "source-hash", _ => "first" }}}
                limits: { connections: {{10 + round}}, connections_per_source: {{100 + round}}, rate: {{100 + round}}MB/s }
            """;
        Write(Text(0));
        await using var run = Run();
        await run.WaitForAsync("listening");
        var load = LoadAsync(4_000, new IPEndPoint(IPAddress.Loopback, port));
        for (var round = 1; round <= 50; round++)
        {
            Write(Text(round));
            run.Signal(1);
            var want = round;
            await run.WaitForAsync(_ => run.Entries.Count(entry => entry.GetProperty("event").GetString() == "reloaded") == want);
        }
        Assert.Equal(4_000, await load);
    }

    [Fact(Timeout = 60000)]
    public async Task The_access_log_goes_to_its_file_and_to_a_new_one_after_a_rename()
    {
        using var echo = new Echo();
        var port = FreePorts.One();
        var access = Path.Combine(folder, "access.log");
        Write($"access_log: {{ file: '{access}', format: json }}\nforwards: [{{ name: web, listen: '127.0.0.1:{port}', to: '127.0.0.1:{echo.Port}' }}]");
        await using var run = Run();
        await run.WaitForAsync("listening");
        await RequestAsync(new IPEndPoint(IPAddress.Loopback, port), 1);
        await LinesAsync(access, 1);
        File.Move(access, access + ".1");
        run.Signal(1);
        await run.WaitForAsync("reloaded");
        await RequestAsync(new IPEndPoint(IPAddress.Loopback, port), 2);
        await LinesAsync(access, 1);
        Assert.Single(File.ReadAllLines(access + ".1"));
        Assert.Equal("", run.Output);
    }

    [Fact(Timeout = 60000)]
    public async Task A_second_instance_of_the_same_name_is_refused()
    {
        Write($"name: {Path.GetFileName(folder).Replace("fairlead-run-", "t-", StringComparison.Ordinal).ToLowerInvariant()}\nforwards: [{{ listen: '127.0.0.1:0', to: '127.0.0.1:9' }}]");
        await using var run = Running.Start("run", Config, "--log-format", "json");
        await run.WaitForAsync("admin");
        await using var second = Running.Start("run", Config, "--log-format", "json");
        Assert.Equal(2, await second.WhenOverAsync());
        Assert.Contains("name", (await second.WaitForAsync("start_failed")).GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private Running Run() => Running.Start("run", Config, "--log-format", "json");

    // The admin socket would be one for all tests.
    private void Write(string text) => File.WriteAllText(Config, text.Contains("name: t-", StringComparison.Ordinal) ? text : $"admin: {{ listen: 'unix:{folder}/admin.sock' }}\n" + text);

    // How many requests were answered as they should be; the first that is not throws.
    private static async Task<int> LoadAsync(int requests, params IPEndPoint[] targets)
    {
        var next = 0;
        var answered = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            while (Interlocked.Increment(ref next) is var number && number <= requests)
            {
                await RequestAsync(targets[number % targets.Length], number);
                Interlocked.Increment(ref answered);
            }
        }));
        return answered;
    }

    private static async Task RequestAsync(IPEndPoint target, int number)
    {
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(target);
        var request = Encoding.ASCII.GetBytes($"request {number}");
        await client.SendAsync(request);
        client.Shutdown(SocketShutdown.Send);
        var answer = new byte[64];
        var length = 0;
        int count;
        while ((count = await client.ReceiveAsync(answer.AsMemory(length))) > 0)
            length += count;
        Assert.Equal(request, answer[..length]);
    }

    private static async Task LinesAsync(string file, int count)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (!File.Exists(file) || File.ReadAllLines(file).Length < count)
            await Task.Delay(20, patience.Token);
    }
}
