using System.Text;

namespace Fairlead.Tests;

public sealed class FtpPipelineTests
{
    [Theory(Timeout = 30000), InlineData(1), InlineData(7), InlineData(64 << 10)]
    public async Task A_session_passes_word_for_word_whatever_fits_at_a_time(int capacity)
    {
        using var rig = FtpRig.Begin(capacity: capacity);
        await rig.ReplyAsync("220-Hello\r\n indented\r\n220 Ready");
        await rig.PassAsync("USER joe");
        await rig.ReplyAsync("331 Password?");
        await rig.PassAsync("PASS s\u00e9cr\u00ff\u00fft ");
        await rig.ReplyAsync("230 Welcome");
        await rig.PassAsync("MLST  a file with  spaces ");
        await rig.ReplyAsync("250-Listing\r\n type=file; a file\r\n250 End");
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        await rig.PassAsync("QUIT");
        await rig.ReplyAsync("221 Goodbye");
        await rig.EndAsync();
    }

    [Fact(Timeout = 30000)]
    public async Task Replies_belong_to_commands_in_their_order()
    {
        using var rig = FtpRig.Begin();
        // Before the greeting even.
        await rig.Client.SayAsync("USER joe", "PASS x", "LPSV", "RETR a", "PASV", "NOOP");
        await rig.Server.HearAsync("USER joe", "PASS x", "RETR a", "PASV", "NOOP");
        await rig.Server.SayAsync("120 Soon", "220 Ready", "331 Password?", "230 Welcome", "150 Opening", "227 Entering Passive Mode (10,0,0,21,4,7)");
        await rig.Client.HearAsync("120 Soon", "220 Ready", "331 Password?", "230 Welcome", FtpText.Unsupported, "150 Opening", "227 Entering Passive Mode (10,0,0,21,4,7)");
        Assert.Empty(rig.Means.Doors);
        await rig.Server.SayAsync("227 Entering Passive Mode (10,0,0,21,4,7)", "200 Ok");
        await rig.Client.HearAsync("227 Entering Passive Mode (203,0,113,1,156,64)", "200 Ok");
        Assert.Single(rig.Means.Doors);
    }

    [Fact(Timeout = 30000)]
    public async Task Our_own_answer_waits_for_its_turn_and_for_the_end_of_a_reply()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.Server.WriteAsync("421-Going\r\n");
        await rig.Client.HearAsync("421-Going");
        await rig.Client.SayAsync("LPSV", "NOOP");
        await rig.Server.HearAsync("NOOP");
        await rig.Server.SayAsync("421 down", "200 Ok");
        await rig.Client.HearAsync("421 down", FtpText.Unsupported, "200 Ok");
    }

    [Fact(Timeout = 30000)]
    public async Task A_second_setup_waits_for_the_reply_to_the_first()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.Client.SayAsync("PORT 198,51,100,7,4,7", "RETR a", "PORT 198,51,100,7,4,8", "RETR b");
        await rig.Server.HearAsync("PORT 10,0,0,1,156,64", "RETR a");
        Assert.Single(rig.Means.Doors);
        await rig.ReplyAsync("200 Ok");
        await rig.Server.HearAsync("PORT 10,0,0,1,156,65", "RETR b");
        Assert.False(rig.Means.Doors[0].WhenShut.IsCompleted);
        rig.Means.Doors[0].Knock();
        await rig.Means.DialledAsync();
        Assert.Equal(["198.51.100.7:1031 from 203.0.113.1"], rig.Means.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task No_more_than_64_commands_wait_for_their_replies()
    {
        const int All = 200;
        using var rig = await FtpRig.StartAsync();
        await rig.Client.SayAsync([.. Enumerable.Range(0, All).Select(i => $"NOOP {i}")]);
        for (var i = 0; i < FtpOutstanding.Most; i++)
            await rig.Server.HearAsync($"NOOP {i}");
        var next = rig.Server.LineAsync();
        for (var i = 0; i < All - FtpOutstanding.Most; i++)
        {
            // One in, one out.
            Assert.False(next.IsCompleted);
            await rig.ReplyAsync("200 Ok");
            Assert.Equal($"NOOP {FtpOutstanding.Most + i}", await next);
            next = i + 1 < All - FtpOutstanding.Most ? rig.Server.LineAsync() : Task.FromResult("");
        }
    }

    [Theory(Timeout = 30000)]
    [InlineData("426 Aborted", "226 Done")]
    [InlineData("226 Done", "225 Nothing to abort")]
    public async Task ABOR_with_its_Telnet_signals_passes_and_ends_a_transfer(string first, string second)
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("RETR a");
        await rig.ReplyAsync("150 Opening");
        await rig.PassAsync("\u00ff\u00f4\u00ff\u00f2ABOR");
        await rig.ReplyAsync(first);
        await rig.ReplyAsync(second);
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
    }

    [Fact(Timeout = 30000)]
    public async Task The_mark_before_ABOR_that_the_system_takes_out_is_put_back()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("\u00ff\u00f4\u00ffABOR", "\u00ff\u00f4\u00ff\u00f2ABOR");
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_answers_an_aborted_transfer_once_is_still_understood()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("RETR a");
        await rig.ReplyAsync("150 Opening");
        await rig.PassAsync("ABOR");
        await rig.ReplyAsync("426 Aborted");
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
    }

    [Fact(Timeout = 30000)]
    public async Task A_reply_that_comes_late_is_not_taken_for_that_to_PASV()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("226 Transfer complete");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
    }

    [Fact(Timeout = 30000)]
    public async Task A_line_without_end_is_refused_and_nothing_is_heard_any_more()
    {
        using var rig = await FtpRig.StartAsync();
        var flood = rig.Client.WriteAsync(new string('a', 1 << 20));
        await rig.Client.HearAsync(FtpText.TooLong);
        Assert.Equal("", await rig.Server.RestAsync());
        await rig.Server.Connection.CompleteWritesAsync();
        Assert.Equal("", await rig.Client.RestAsync());
        await Assert.ThrowsAsync<Fairlead.Net.ConnectionException>(async () => await flood);
        rig.Client.Connection.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task A_reply_without_end_resets_the_session()
    {
        using var rig = await FtpRig.StartAsync();
        await Assert.ThrowsAsync<Fairlead.Net.ConnectionException>(() => rig.Server.WriteAsync(new string('2', 1 << 20)));
        await rig.Client.HearResetAsync();
        Assert.Equal(RelayEnd.Reset, (await rig.Result).End);
    }

    [Fact(Timeout = 60000)]
    public async Task Whatever_both_say_it_ends_and_leaves_nothing_behind()
    {
        var random = new Random(7);
        string[] commands = ["PASV", "EPSV", "EPSV ALL", "PORT 198,51,100,7,4,7", "PORT 1,2,3,4,5,6", "AUTH TLS", "NOOP", "\u00ff\u00f4\u00ff", "RETR x", "FEAT", "ABOR", "\r", "", "x\0y", "CCC", "PROT P"];
        string[] replies = ["227 (10,0,0,21,4,7)", "227-x", "229 (|||2000|)", "211-Features", " AUTH TLS", "211 End", "226 Done", "150 Go", "500 No", "234 Go", "", "\r", "22", "x"];
        for (var round = 0; round < 300; round++)
        {
            var tls = (FtpTls)random.Next(3);
            using var rig = FtpRig.Begin(config: new FtpConfig { Tls = tls, Ports = new PortRange(2000, 2001) }, capacity: random.Next(1, 200));
            rig.Means.Secure = plain => Task.FromResult<Fairlead.Net.Connection?>(random.Next(2) == 0 ? plain : null);
            await Task.WhenAll(BabbleAsync(rig.Client, commands, random.Next()), BabbleAsync(rig.Server, replies, random.Next()), ListenAsync(rig.Client), ListenAsync(rig.Server));
            rig.Means.Doors.ForEach(door => door.Dispose());
            var result = await rig.Result;
            Assert.NotEqual(RelayEnd.Fault, result.End);
            Assert.Equal(0, rig.Means.Places);
        }
    }

    private static async Task BabbleAsync(FtpSpeaker speaker, string[] words, int seed)
    {
        var random = new Random(seed);
        var text = new StringBuilder();
        for (var i = random.Next(100); i > 0; i--)
            text.Append(words[random.Next(words.Length)]).Append(random.Next(20) == 0 ? "\n" : "\r\n");
        try
        {
            await speaker.WriteAsync(text.ToString());
            await speaker.Connection.CompleteWritesAsync();
        }
        catch (Fairlead.Net.ConnectionException)
        {
            // It was reset.
        }
    }

    private static async Task ListenAsync(FtpSpeaker speaker)
    {
        try
        {
            await speaker.RestAsync();
        }
        catch (Fairlead.Net.ConnectionException)
        {
            // It was reset.
        }
    }
}
