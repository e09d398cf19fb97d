using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Tests;

public sealed class ResolvedNameTests : IDisposable
{
    private static readonly TimeSpan interval = TimeSpan.FromSeconds(30), second = TimeSpan.FromSeconds(1);

    private readonly ManualTime time = new();
    private readonly ConcurrentQueue<LogEntry> log = new();
    private readonly ManualResetEventSlim answering = new(initialState: true);
    private readonly LookUps lookUps;
    private ResolvedName? name;
    private volatile IPAddress[]? answer = [IPAddress.Parse("192.0.2.1")];
    private int asked;

    public ResolvedNameTests() => lookUps = new LookUps(_ =>
    {
        Interlocked.Increment(ref asked);
        answering.Wait();
        return answer ?? throw new SocketException((int)SocketError.HostNotFound);
    });

    private int Asked => Volatile.Read(ref asked);

    [Fact(Timeout = 30000)]
    public async Task It_is_looked_up_at_once_and_then_at_each_interval()
    {
        var it = await StartAsync();
        Assert.Equal(["192.0.2.1"], Texts(it));
        for (var round = 2; round < 5; round++)
        {
            answer = [IPAddress.Parse($"192.0.2.{round}")];
            time.Advance(interval - second);
            Assert.Equal(round - 1, Asked);
            time.Advance(second);
            // The look-up that has begun, unless it is over already.
            await it.RefreshAsync();
            Assert.Equal([$"192.0.2.{round}"], Texts(it));
            Assert.Equal(round, Asked);
        }
        Assert.Equal(3, log.Count);
        Assert.All(log, entry => Assert.Equal("name_resolved", entry.Event));
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_asks_while_it_is_looked_up_gets_the_same_answer()
    {
        answering.Reset();
        var it = Start();
        var all = Enumerable.Range(0, 10).Select(_ => it.RefreshAsync()).ToList();
        time.Advance(interval);
        Assert.Empty(it.Addresses);
        answering.Set();
        await Task.WhenAll(all);
        Assert.Equal(["192.0.2.1"], Texts(it));
        Assert.Equal(1, Asked);
    }

    [Fact(Timeout = 30000)]
    public async Task It_is_not_looked_up_twice_within_a_second()
    {
        var it = await StartAsync();
        answer = [IPAddress.Parse("192.0.2.2")];
        time.Advance(second - TimeSpan.FromTicks(1));
        await it.RefreshAsync();
        Assert.Equal(1, Asked);
        time.Advance(TimeSpan.FromTicks(1));
        await it.RefreshAsync();
        Assert.Equal(2, Asked);
        Assert.Equal(["192.0.2.2"], Texts(it));
    }

    [Fact(Timeout = 30000)]
    public async Task The_same_addresses_in_another_order_are_no_change()
    {
        answer = [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")];
        var it = await StartAsync();
        answer = [IPAddress.Parse("192.0.2.2"), IPAddress.Parse("192.0.2.1")];
        await RefreshAsync(it);
        Assert.Equal(["192.0.2.2", "192.0.2.1"], Texts(it));
        Assert.Empty(log);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task The_last_answer_holds_while_the_resolver_fails(bool empty)
    {
        var it = await StartAsync();
        answer = empty ? [] : null;
        for (var i = 0; i < 3; i++)
            await RefreshAsync(it);
        Assert.Equal(["192.0.2.1"], Texts(it));
        Assert.Equal("name_unresolved", Assert.Single(log).Event);
        Assert.Contains("last addresses", log.Single().Message, StringComparison.Ordinal);

        answer = [IPAddress.Parse("192.0.2.1")];
        await RefreshAsync(it);
        Assert.Equal(["name_unresolved", "name_resolved"], log.Select(entry => entry.Event));
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_is_unknown_at_first_may_be_known_later()
    {
        answer = null;
        var it = await StartAsync();
        Assert.Empty(it.Addresses);
        Assert.Contains("connections to it are reset", Assert.Single(log).Message, StringComparison.Ordinal);
        answer = [IPAddress.Parse("192.0.2.7")];
        await RefreshAsync(it);
        Assert.Equal(["192.0.2.7"], Texts(it));
        Assert.Equal("name_resolved", log.Last().Event);
    }

    [Fact(Timeout = 30000)]
    public async Task The_first_answer_is_waited_for()
    {
        answering.Reset();
        var it = Start();
        var wait = it.WaitForFirstAsync(second, CancellationToken.None);
        Assert.False(wait.IsCompleted);
        answering.Set();
        await wait;
        Assert.Equal(["192.0.2.1"], Texts(it));
        await it.WaitForFirstAsync(TimeSpan.Zero, CancellationToken.None);
    }

    [Fact(Timeout = 30000)]
    public async Task The_wait_for_the_first_answer_has_its_limits()
    {
        answering.Reset();
        var it = Start();
        var wait = it.WaitForFirstAsync(second, CancellationToken.None);
        time.Advance(second);
        await wait;
        using var cancel = new CancellationTokenSource();
        wait = it.WaitForFirstAsync(Timeout.InfiniteTimeSpan, cancel.Token);
        Assert.False(wait.IsCompleted);
        cancel.Cancel();
        await wait;
        Assert.Empty(it.Addresses);
    }

    [Fact(Timeout = 30000)]
    public async Task The_families_take_turns_and_the_resolvers_first_goes_first()
    {
        answer = [.. new[] { "192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1" }.Select(IPAddress.Parse)];
        var it = await StartAsync();
        Assert.Equal(["192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3"], Texts(it));
        answer = [.. new[] { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2" }.Select(IPAddress.Parse)];
        await RefreshAsync(it);
        Assert.Equal(["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"], Texts(it));
    }

    [Fact(Timeout = 30000)]
    public async Task The_winner_goes_first_for_ten_minutes_and_can_win_again()
    {
        answer = [.. new[] { "2001:db8::1", "2001:db8::2", "192.0.2.1", "192.0.2.2" }.Select(IPAddress.Parse)];
        var it = await StartAsync();
        string[] asResolved = ["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"], preferred = ["192.0.2.2", "2001:db8::1", "192.0.2.1", "2001:db8::2"];
        for (var round = 0; round < 2; round++)
        {
            Assert.Equal(asResolved, Texts(it));
            it.Prefer(IPAddress.Parse("192.0.2.2"));
            Assert.Equal(preferred, Texts(it));
            time.Advance(TimeSpan.FromMinutes(9));
            it.Prefer(IPAddress.Parse("192.0.2.2"));
            Assert.Equal(preferred, Texts(it));
            time.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_winner_that_is_no_address_any_more_does_not_count()
    {
        answer = [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")];
        var it = await StartAsync();
        it.Prefer(IPAddress.Parse("192.0.2.2"));
        answer = [IPAddress.Parse("192.0.2.3"), IPAddress.Parse("192.0.2.4")];
        await RefreshAsync(it);
        Assert.Equal(["192.0.2.3", "192.0.2.4"], Texts(it));
    }

    [Fact(Timeout = 30000)]
    public async Task After_its_end_it_is_not_looked_up_any_more()
    {
        (await StartAsync()).Dispose();
        Assert.Equal(0, time.ArmedTimers);
    }

    public void Dispose()
    {
        answering.Set();
        name?.Dispose();
        lookUps.Dispose();
    }

    private ResolvedName Start() => name = new ResolvedName("upstream.test", lookUps, interval, time, log.Enqueue);

    private async Task<ResolvedName> StartAsync()
    {
        var it = Start();
        await it.RefreshAsync();
        Assert.Equal(1, Asked);
        return it;
    }

    private Task RefreshAsync(ResolvedName it)
    {
        time.Advance(second);
        return it.RefreshAsync();
    }

    private static IEnumerable<string> Texts(ResolvedName it) => it.Addresses.Select(address => address.ToString());
}
