using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Tests;

public sealed class LookUpsTests
{
    [Fact(Timeout = 30000)]
    public async Task The_answer_is_the_resolvers()
    {
        using var lookUps = new LookUps(name => [IPAddress.Parse(name)]);
        Assert.Equal([IPAddress.Loopback], await lookUps.AskAsync("127.0.0.1"));
        Assert.Equal([IPAddress.IPv6Loopback], await lookUps.AskAsync("::1"));
    }

    [Fact(Timeout = 30000)]
    public async Task A_fault_is_the_resolvers_and_the_thread_goes_on()
    {
        using var lookUps = new LookUps(name => name == "known" ? [IPAddress.Loopback] : throw new SocketException((int)SocketError.HostNotFound));
        for (var i = 0; i < 10; i++)
        {
            var fault = await Assert.ThrowsAsync<SocketException>(() => lookUps.AskAsync("unknown"));
            Assert.Equal(SocketError.HostNotFound, fault.SocketErrorCode);
            Assert.Equal([IPAddress.Loopback], await lookUps.AskAsync("known"));
        }
    }

    [Fact(Timeout = 30000)]
    public async Task The_systems_resolver_knows_localhost()
    {
        using var lookUps = new LookUps();
        Assert.All(await lookUps.AskAsync("localhost"), address => Assert.True(IPAddress.IsLoopback(address)));
    }

    [Fact(Timeout = 30000)]
    public async Task Four_that_are_stuck_start_no_fifth_thread()
    {
        using var release = new ManualResetEventSlim();
        var asked = new ConcurrentQueue<string>();
        using var lookUps = new LookUps(name =>
        {
            asked.Enqueue(name);
            release.Wait();
            return [IPAddress.Loopback];
        });
        var answers = Enumerable.Range(0, 10).Select(i => lookUps.AskAsync($"{i}")).ToList();
        await Traffic.UntilAsync(() => asked.Count >= 4);
        await Traffic.UntilStillAsync(() => asked.Count);
        Assert.Equal(4, asked.Count);
        release.Set();
        await Task.WhenAll(answers);
        Assert.Equal(10, asked.Count);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_is_stuck_does_not_hold_up_the_next()
    {
        // Again and again, since it matters who is idle at what moment.
        for (var i = 0; i < 200; i++)
        {
            using var release = new ManualResetEventSlim();
            using var lookUps = new LookUps(name =>
            {
                if (name == "stuck")
                    release.Wait();
                return [IPAddress.Loopback];
            });
            await lookUps.AskAsync("first");
            var stuck = lookUps.AskAsync("stuck");
            await lookUps.AskAsync("next");
            Assert.False(stuck.IsCompleted);
            release.Set();
            await stuck;
        }
    }
}
