using System.Net;
using System.Net.Sockets;

namespace Fairlead.Tests.Upstreams;

public sealed class DestinationNamesTests : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(20);

    private readonly SemaphoreSlim answering = new(0);
    private readonly DestinationNames names;
    private int asked;

    public DestinationNamesTests() => names = new DestinationNames(new LookUps(Ask, DestinationNames.MostAsked));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        answering.Release(10_000);
        names.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_asks_for_a_name_that_is_asked_for_gets_the_same_answer()
    {
        var answers = Enumerable.Range(0, 50).Select(_ => AskAsync("a.example")).ToList();
        answering.Release();
        Assert.All(await Task.WhenAll(answers), answer => Assert.Equal([IPAddress.Loopback], answer));
        Assert.Equal(1, asked);
        answering.Release();
        await AskAsync("a.example");
        Assert.Equal(2, asked);
    }

    [Fact(Timeout = 30000)]
    public async Task Names_that_nobody_waits_for_any_more_are_not_asked_for_and_make_room()
    {
        var stuck = Enumerable.Range(0, DestinationNames.MostAsked).Select(i => AskAsync($"stuck{i}.example")).ToList();
        using var gone = new CancellationTokenSource();
        var waiting = Enumerable.Range(0, DestinationNames.MostWaiting).Select(i => names.AskAsync($"n{i}.example", limit, TimeProvider.System, gone.Token)).ToList();
        Assert.Equal(SocketError.NoBufferSpaceAvailable, (await Assert.ThrowsAsync<SocketException>(() => AskAsync("one.more.example"))).SocketErrorCode);
        await LeaveAsync(waiting, gone);
        answering.Release(10_000);
        await Task.WhenAll(stuck);
        await AskAsync("late.example");
        Assert.Equal(DestinationNames.MostAsked + 1, asked);
    }

    [Fact(Timeout = 30000)]
    public async Task An_error_is_told_to_everybody_who_asked_and_not_remembered()
    {
        using var failing = new DestinationNames(new LookUps(_ => Interlocked.Increment(ref asked) == 1 ? throw new SocketException((int)SocketError.HostNotFound) : [IPAddress.Loopback]));
        Assert.Equal(SocketError.HostNotFound, (await Assert.ThrowsAsync<SocketException>(() => failing.AskAsync("a", limit, TimeProvider.System, Cancel))).SocketErrorCode);
        Assert.Equal([IPAddress.Loopback], await failing.AskAsync("a", limit, TimeProvider.System, Cancel));
    }

    private static async Task LeaveAsync(IEnumerable<Task> waiting, CancellationTokenSource gone)
    {
        await gone.CancelAsync();
        foreach (var one in waiting)
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one);
    }

    private Task<IPAddress[]> AskAsync(string name) => names.AskAsync(name, limit, TimeProvider.System, Cancel);

    private IPAddress[] Ask(string name)
    {
        answering.Wait(Cancel);
        Interlocked.Increment(ref asked);
        return [IPAddress.Loopback];
    }
}
