namespace Fairlead.Tests;

public sealed class FtpEndTests
{
    [Fact(Timeout = 30000)]
    public async Task The_reply_to_QUIT_comes_after_the_clients_end()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.Client.SayAsync("QUIT");
        await rig.Client.Connection.CompleteWritesAsync();
        Assert.Equal("QUIT\r\n", await rig.Server.RestAsync());
        await rig.Server.SayAsync("221 Goodbye");
        await rig.Server.Connection.CompleteWritesAsync();
        Assert.Equal("221 Goodbye\r\n", await rig.Client.RestAsync());
        var result = await rig.Result;
        Assert.Equal(new RelayResult(RelayEnd.Closed, Side.Client, "QUIT\r\n".Length, "220 Ready\r\n221 Goodbye\r\n".Length), result);
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_ends_first_ends_what_the_client_hears()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.Server.WriteAsync("421 Too many\r\nand a rest");
        await rig.Server.Connection.CompleteWritesAsync();
        Assert.Equal("421 Too many\r\nand a rest", await rig.Client.RestAsync());
        // Nobody would answer.
        await rig.Client.SayAsync("NOOP", "LPSV", "PASV");
        await rig.Client.Connection.CompleteWritesAsync();
        Assert.Equal("", await rig.Server.RestAsync());
        await rig.EndsAsync(RelayEnd.Closed, Side.Upstream);
    }

    [Theory(Timeout = 30000), InlineData(Side.Client), InlineData(Side.Upstream)]
    public async Task A_reset_of_one_side_is_a_reset_of_the_other(Side side)
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        (side == Side.Client ? rig.Client : rig.Server).Connection.Abort();
        await (side == Side.Client ? rig.Server : rig.Client).HearResetAsync();
        await rig.EndsAsync(RelayEnd.Reset, side);
        // Nobody is waited for any more.
        Assert.True(rig.Means.Door.WhenShut.IsCompleted);
        Assert.Equal(0, rig.Means.Places);
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_transfer_under_way_outlives_the_control_connections(bool isOrderly)
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        if (isOrderly)
        {
            await rig.Client.Connection.CompleteWritesAsync();
            await rig.Server.HearEndAsync();
            await rig.Server.Connection.CompleteWritesAsync();
            await rig.Client.HearEndAsync();
        }
        else
        {
            rig.Client.Connection.Abort();
            await rig.Server.HearResetAsync();
        }

        await server.SayAsync("the rest");
        await data.HearAsync("the rest");
        Assert.False(rig.Result.IsCompleted);
        await server.Connection.CompleteWritesAsync();
        await data.HearEndAsync();
        await data.Connection.CompleteWritesAsync();

        var result = await rig.EndsAsync(isOrderly ? RelayEnd.Closed : RelayEnd.Reset, Side.Client);
        Assert.Equal("220 Ready\r\n227 Entering Passive Mode (203,0,113,1,156,64)\r\nthe rest\r\n".Length, result.BytesFromUpstream);
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_resets_everything()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        await server.SayAsync("first");
        await data.HearAsync("first");
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,65)");

        rig.Conversation.Stop();

        await rig.EndsAsync(RelayEnd.Stopped, Side.Fairlead);
        foreach (var end in (FtpSpeaker[])[rig.Client, rig.Server, data, server])
            await end.HearResetAsync();
        Assert.True(rig.Means.Door.WhenShut.IsCompleted);
        Assert.Equal(0, rig.Means.Places);
    }

    [Fact(Timeout = 30000)]
    public async Task A_stop_ends_what_is_carried_encrypted()
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Tls = FtpTls.Pass, Ports = new PortRange(2000) });
        await rig.PassAsync("AUTH TLS");
        await rig.ReplyAsync("234 Go");
        await rig.PassAsync("now encrypted");
        rig.Conversation.Stop();
        Assert.Equal(RelayEnd.Stopped, (await rig.Result).End);
        await rig.Client.HearResetAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task Silence_of_the_control_connections_ends_a_session_but_not_while_data_flows()
    {
        var time = new ManualTime();
        using var rig = await FtpRig.StartAsync(options: new RelayOptions { Time = time, Idle = TimeSpan.FromMinutes(1) });
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        for (var i = 0; i < 10; i++)
        {
            await server.SayAsync("more");
            await data.HearAsync("more");
            time.Advance(TimeSpan.FromSeconds(30));
        }
        await rig.ReplyAsync("226 Done");
        await server.Connection.CompleteWritesAsync();
        await data.HearEndAsync();
        await data.Connection.CompleteWritesAsync();
        await rig.Means.LeftAsync();

        await time.AdvanceUntilAsync(rig.Result, TimeSpan.FromSeconds(10));
        await rig.EndsAsync(RelayEnd.Idle, Side.Fairlead);
        await rig.Client.HearResetAsync();
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task A_side_that_never_ends_is_waited_for_five_minutes()
    {
        var time = new ManualTime();
        using var rig = await FtpRig.StartAsync(options: new RelayOptions { Time = time });
        await rig.Client.Connection.CompleteWritesAsync();
        await rig.Server.HearEndAsync();
        await time.AdvanceUntilAsync(rig.Result, TimeSpan.FromSeconds(10));
        Assert.Equal(RelayEnd.HalfClosed, (await rig.Result).End);
    }

    [Fact(Timeout = 30000)]
    public async Task A_bug_in_the_means_ends_the_session_and_is_told()
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Tls = FtpTls.Terminate });
        rig.Means.Secure = _ => throw new InvalidOperationException("a bug");
        await rig.Client.SayAsync("AUTH TLS");
        await rig.Server.HearResetAsync();
        Assert.Equal("a bug", (await Assert.ThrowsAsync<InvalidOperationException>(() => rig.Result)).Message);
    }
}
