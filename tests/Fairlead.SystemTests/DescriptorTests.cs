using System.Net.Sockets;
using System.Runtime.InteropServices;

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
        const int pauses = 10;
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
        var before = forward.ProcessorTime;
        await forward.WaitForAsync(_ => Paused().Count > pauses);
        var spent = forward.ProcessorTime - before;

        // A pause is 50 ms or longer; a machine that is busy makes it longer still. Who spins would log more in less, or burn all of it.
        var took = Paused()[pauses] - Paused()[0];
        Assert.True(took >= TimeSpan.FromMilliseconds(40 * pauses), $"{pauses} pauses took {took}.");
        Assert.True(spent < took / 2, $"It used {spent} in {took}.");
        Assert.Equal("warning", first.GetProperty("level").GetString());
        Assert.Contains("Too many open files", first.GetProperty("reason").GetString(), StringComparison.OrdinalIgnoreCase);

        // Those who are there already notice nothing.
        await Echo.ExchangeAsync(early, 2);
        Limit(forward.Id, usual);
        var answer = new byte[1];
        Assert.Equal(1, await late.ReceiveAsync(answer, TestContext.Current.CancellationToken));
        Assert.Equal(9, answer[0]);
        using var next = await Echo.ConnectAsync(address);

        List<DateTime> Paused() => [.. forward.Entries
            .Where(entry => entry.GetProperty("event").GetString() == "accept_paused" && entry.GetProperty("listen").GetString() == first.GetProperty("listen").GetString())
            .Select(entry => entry.GetProperty("time").GetDateTime())];
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
