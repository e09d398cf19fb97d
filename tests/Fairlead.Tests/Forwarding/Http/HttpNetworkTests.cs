using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>HTTP conversations over the sockets of both engines: where timers, resets and reads ahead meet real connections.</summary>
public sealed class HttpNetworkTests
{
    private const string GetA = "GET http://a/ HTTP/1.1\nHost: a\n\n";

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task Bodies_pass_both_ways_at_once(string engine) => RunAsync(engine, null, async rig =>
    {
        const int Size = 3_000_000;
        var running = rig.RunAsync();
        var (up, down) = (Traffic.RandomBytes(Size, 1), Traffic.RandomBytes(Size, 2));
        for (var round = 0; round < 2; round++)
        {
            var asking = AskAsync(rig, Size, up);
            var answering = AnswerAsync(rig, Size, up, down);
            await rig.HearAsync($"HTTP/1.1 200 OK\nContent-Length: {Size}\nVia: 1.1 fairlead\n\n");
            await Traffic.ExpectAsync(rig.Client, down);
            await asking;
            await answering;
        }
        Assert.Single(rig.Dialled);
        await rig.Client.CompleteWritesAsync();
        Assert.Equal((RelayEnd.Closed, Side.Client), await running is var result ? (result.End, result.By) : default);
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task An_early_answer_is_heard(string engine) => RunAsync(engine, null, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync("POST http://a/ HTTP/1.1\nHost: a\nContent-Length: 30000000\n\n");
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        var sending = new Writer(rig.Client, new byte[30_000_000]);
        await HttpRig.SayAsync(target, "HTTP/1.1 413 Too much\nContent-Length: 2\n\nno");
        target.Dispose();
        Assert.Equal("HTTP/1.1 413 Too much\nContent-Length: 2\nVia: 1.1 fairlead\nConnection: close\n\nno", await HttpRig.RestAsync(rig.Client));
        Assert.Null(await sending.Ending);
        await running;
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task A_head_that_does_not_end_is_told_so(string engine) => RunAsync(engine, options => options with { Head = TimeSpan.FromMilliseconds(20) }, async rig =>
    {
        // There already, so that its time is not up before it has come.
        rig.Near.Unread("GET http://"u8);
        var running = rig.RunAsync();
        Assert.StartsWith("HTTP/1.1 408 ", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        Assert.Equal(RelayEnd.Idle, (await running).End);
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task A_client_that_is_silent_between_requests_is_closed(string engine) => RunAsync(engine, options => options with { BetweenRequests = TimeSpan.FromMilliseconds(20) }, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await HttpRig.SayAsync(target, "HTTP/1.1 204 No Content\n\n");
        Assert.Equal("HTTP/1.1 204 No Content\nVia: 1.1 fairlead\n\n", await HttpRig.RestAsync(rig.Client));
        Assert.Equal("", await HttpRig.RestAsync(target));
        Assert.Equal(RelayEnd.Idle, (await running).End);
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task A_server_that_does_not_answer_is_a_gateway_timeout(string engine) => RunAsync(engine, options => options with { Idle = TimeSpan.FromMilliseconds(20) }, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        Assert.StartsWith("HTTP/1.1 504 ", await HttpRig.RestAsync(rig.Client), StringComparison.Ordinal);
        await HttpRig.AssertResetAsync(target);
        rig.Client.Dispose();
        await running;
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task Resets_are_passed_on_both_ways(string engine) => RunAsync(engine, null, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        rig.Client.Abort();
        await HttpRig.AssertResetAsync(target);
        Assert.Equal((RelayEnd.Reset, Side.Client), await running is var result ? (result.End, result.By) : default);
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task A_truncated_response_resets_the_client(string engine) => RunAsync(engine, null, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        await HttpRig.SayAsync(target, "HTTP/1.1 200 OK\nContent-Length: 5\n\nhel");
        await rig.HearAsync("HTTP/1.1 200 OK\nContent-Length: 5\nVia: 1.1 fairlead\n\nhel");
        target.Dispose();
        await HttpRig.AssertResetAsync(rig.Client);
        await running;
    });

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public Task One_that_is_stopped_resets_both_ends(string engine) => RunAsync(engine, null, async rig =>
    {
        var running = rig.RunAsync();
        await rig.SayAsync(GetA);
        var target = await rig.TargetAsync(0);
        await HttpRig.HeadAsync(target);
        rig.Stop();
        Assert.Equal(RelayEnd.Stopped, (await running).End);
        await HttpRig.AssertResetAsync(rig.Client);
        await HttpRig.AssertResetAsync(target);
    });

    private static async Task RunAsync(string engine, Func<HttpConversationOptions, HttpConversationOptions>? with, Func<HttpRig, Task> test)
    {
        Assert.SkipUnless(engine == "portable" || OperatingSystem.IsLinux(), "The native engine is Linux's.");
        using NetworkRig network = engine == "native" && OperatingSystem.IsLinux() ? new NativeTcpRig() : new TcpRig(new PortableNetwork());
        await network.RunAsync(async () =>
        {
            var rig = await HttpRig.OverAsync(network, options => (with?.Invoke(options) ?? options) with { Time = network.Network.Time });
            await test(rig);
            rig.Client.Dispose();
            foreach (var target in rig.Targets)
                target.Dispose();
        });
    }

    private static async Task AskAsync(HttpRig rig, int size, byte[] body)
    {
        await rig.SayAsync($"PUT http://a/ HTTP/1.1\nHost: a\nContent-Length: {size}\n\n");
        await rig.Client.WriteAsync(body);
    }

    private static async Task AnswerAsync(HttpRig rig, int size, byte[] expected, byte[] body)
    {
        var target = await rig.TargetAsync(0);
        await HttpRig.HearAsync(target, $"PUT / HTTP/1.1\nHost: a\nContent-Length: {size}\nVia: 1.1 fairlead\n\n");
        await Traffic.ExpectAsync(target, expected);
        await HttpRig.SayAsync(target, $"HTTP/1.1 200 OK\nContent-Length: {size}\n\n");
        await target.WriteAsync(body);
    }
}
