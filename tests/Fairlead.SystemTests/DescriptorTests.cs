using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>A process that the system gives no further descriptor.</summary>
public sealed class DescriptorTests
{
    private const int RLIMIT_NOFILE = 7;

    // Not the portable engine: it lives on the thread pool, and the runtime ends a process in which the pool cannot start a thread, for
    // which it opens files. The reserve of descriptors is there so that this does not come to pass.
    [Fact(Timeout = 60000)]
    public async Task Whoever_comes_while_accept_fails_waits_and_is_served_once_it_does_not()
    {
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync("--engine", "native", $"127.0.0.1:0:127.0.0.1:{echo.Port}");
        var address = await forward.AddressAsync();
        using var early = await Echo.ConnectAsync(address);
        var usual = Limit(forward.Id, null);
        Limit(forward.Id, usual with { Soft = 3 });

        using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await late.ConnectAsync(address, TestContext.Current.CancellationToken);
        await late.SendAsync(new byte[] { 9 }, TestContext.Current.CancellationToken);
        var first = await forward.WaitForAsync("accept_paused");

        // A pause is 50 ms or longer: who spins would burn the whole second.
        var before = forward.ProcessorTime;
        using (var second = new PeriodicTimer(TimeSpan.FromSeconds(1)))
            await second.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        var spent = forward.ProcessorTime - before;
        Assert.True(spent < TimeSpan.FromSeconds(0.5), $"It used {spent} in a second.");
        Assert.Equal("warning", first.GetProperty("level").GetString());
        Assert.StartsWith("this process has no descriptor left (EMFILE)", first.GetProperty("reason").GetString(), StringComparison.Ordinal);

        // Those who are there already notice nothing.
        await Echo.ExchangeAsync(early, 2);
        Limit(forward.Id, usual);
        var answer = new byte[1];
        Assert.Equal(1, await late.ReceiveAsync(answer, TestContext.Current.CancellationToken));
        Assert.Equal(9, answer[0]);
        using var next = await Echo.ConnectAsync(address);

        // Of some ten pauses a second, one is told.
        Assert.Single(forward.Entries, entry => entry.GetProperty("event").GetString() == "accept_paused");
    }

    [Theory(Timeout = 60000), InlineData(64), InlineData(80), InlineData(96), InlineData(112), InlineData(128), InlineData(160)]
    public async Task Run_serves_as_many_as_check_promises_or_refuses_with_the_limit_and_the_remedy(int limit)
    {
        using var folder = new Folder();
        using var echo = new Echo();
        var (config, port) = (Path.Combine(folder.Path, "few.yaml"), FreePorts.One());
        await File.WriteAllTextAsync(config, $"admin: {{ listen: 'unix:{folder.Path}/admin.sock' }}\nforwards: [{{ name: few, listen: '127.0.0.1:{port}', to: '127.0.0.1:{echo.Port}' }}]", TestContext.Current.CancellationToken);
        var few = $"ulimit -n {limit}; exec \"$0\" \"$@\"";
        await using var check = Running.StartBy(few, "check", "--json", config);
        var verdict = await check.WhenOverAsync();
        using var plan = JsonDocument.Parse(check.Output);
        var promised = plan.RootElement.GetProperty("sessions").GetInt32();
        Assert.Equal(promised == 0 ? 2 : 0, verdict);

        await using var run = Running.StartBy(few, "run", "--log-format", "json", config);
        if (promised == 0)
        {
            Assert.Equal(2, await run.WhenOverAsync());
            var refusal = run.Entries.Last().GetProperty("message").GetString()!;
            Assert.StartsWith($"the descriptor limit of {limit} leaves no room for a session", refusal, StringComparison.Ordinal);
            Assert.Contains("raise the limit", refusal, StringComparison.Ordinal);
            return;
        }
        await run.WaitForAsync("admin");
        var admin = $"unix:{folder.Path}/admin.sock";
        var clients = new List<Socket>();
        // The runtime may have one more open at the start of the one than of the other, for a moment, which is half a session.
        var sure = promised - 1;
        for (var i = 0; i < sure; i++)
            clients.Add(await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)));

        // Beside them, orders are taken, and a reload finds as much room as the start.
        foreach (var order in new[] { "connections", "reload", "top" })
        {
            var (status, output) = await Peers.RunAsync(Running.Binary, order, "--admin", admin);
            Assert.True(status == 0, output);
        }
        using var answer = JsonDocument.Parse((await Peers.RunAsync(Running.Binary, "status", "--json", "--admin", admin)).Output);
        Assert.Equal(sure, answer.RootElement.GetProperty("connections").GetInt32());
        Assert.InRange(answer.RootElement.GetProperty("most_connections").GetInt32(), sure, promised + 1);
        foreach (var client in clients)
        {
            await Echo.ExchangeAsync(client, 3);
            client.Dispose();
        }
        Assert.DoesNotContain(run.Entries, entry => entry.GetProperty("event").GetString() is "fault" or "accept_paused");
    }

    [Fact(Timeout = 60000)]
    public async Task More_loops_than_descriptors_are_refused_with_the_limit()
    {
        await using var forward = Running.StartBy("ulimit -n 120; DOTNET_PROCESSOR_COUNT=200 exec \"$0\" \"$@\"", "forward", "127.0.0.1:0:127.0.0.1:9");
        Assert.Equal(2, await forward.WhenOverAsync());
        Assert.Contains("the event loops cannot be started", forward.Errors, StringComparison.Ordinal);
        Assert.Contains("the process may have 120 descriptors; raise the limit", forward.Errors, StringComparison.Ordinal);
    }

    /// <summary>prlimit(2): sets the descriptor limit of a process, where there is one to set, and tells the one before.</summary>
    private static unsafe (ulong Soft, ulong Hard) Limit(int process, (ulong Soft, ulong Hard)? limit)
    {
        var (soft, hard) = limit ?? default;
        var fresh = stackalloc ulong[] { soft, hard };
        var old = stackalloc ulong[2];
        Assert.Equal(0, prlimit(process, RLIMIT_NOFILE, limit is null ? null : fresh, old));
        return (old[0], old[1]);
    }

#pragma warning disable SYSLIB1054 // A test's one call is not worth a generator.
    [DllImport("libc", SetLastError = true)]
    private static extern unsafe int prlimit(int pid, int resource, ulong* newLimit, ulong* oldLimit);
#pragma warning restore SYSLIB1054
}
