namespace Fairlead.Tests;

public sealed class FtpActiveModeTests
{
    [Fact(Timeout = 30000)]
    public async Task The_server_connects_to_us_and_we_connect_to_the_client_that_sent_PORT()
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Ports = new PortRange(50000, 50001) });

        await rig.PassAsync("PORT 198,51,100,7,4,7", "PORT 10,0,0,1,156,64");
        Assert.Equal((FtpRig.V4.Near, FtpRig.V4.Upstream, new PortRange(0)), (rig.Means.Door.LocalEndPoint.Address, rig.Means.Door.From, rig.Means.Door.Ports));
        await rig.ReplyAsync("200 PORT command successful");
        await rig.PassAsync("STOR file");
        Assert.Empty(rig.Means.Dials);
        var server = rig.Means.Door.Knock();
        var data = await rig.Means.DialledAsync();
        Assert.Equal(["198.51.100.7:1031 from 203.0.113.1"], rig.Means.Dials);
        await data.SayAsync("the file");
        await data.Connection.CompleteWritesAsync();
        Assert.Equal("the file\r\n", await server.RestAsync());
        await rig.ReplyAsync("226 Transfer complete");
        await server.Connection.CompleteWritesAsync();
        await rig.Means.LeftAsync();
        Assert.Equal(0, rig.Means.Places);
        Assert.Equal("PORT 10,0,0,1,156,64\r\nSTOR file\r\nthe file\r\n".Length, rig.Conversation.BytesFromClient);
    }

    [Fact(Timeout = 30000)]
    public async Task EPRT_becomes_EPRT_for_a_server_of_IPv6()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V6);
        await rig.PassAsync("EPRT |2|2001:db8:1::7|1031|", "EPRT |2|fd00::1|40000|");
        await rig.ReplyAsync("200 EPRT command successful");
        rig.Means.Door.Knock();
        await rig.Means.DialledAsync();
        Assert.Equal(["[2001:db8:1::7]:1031 from 2001:db8::1"], rig.Means.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task Client_and_server_need_not_be_of_one_family()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V6 with { Upstream = FtpRig.V4.Upstream, Near = FtpRig.V4.Near });
        await rig.PassAsync("EPRT |2|2001:db8:1:0::7|1031|", "PORT 10,0,0,1,156,64");
        using var other = await FtpRig.StartAsync(FtpRig.V4 with { Upstream = FtpRig.V6.Upstream, Near = FtpRig.V6.Near });
        await other.PassAsync("PORT 198,51,100,7,4,7", "EPRT |2|fd00::1|40000|");
    }

    [Theory(Timeout = 30000)]
    [InlineData("PORT 198,51,100,8,4,7", FtpText.NotYours)]
    [InlineData("PORT 10,0,0,21,4,7", FtpText.NotYours)]
    [InlineData("PORT 198,51,100,7,3,255", FtpText.NotYours)]
    [InlineData("EPRT |1|198.51.100.8|1031|", FtpText.NotYours)]
    [InlineData("EPRT |2|2001:db8::7|1031|", FtpText.NotYours)]
    [InlineData("EPRT |3|a|1031|", "522 Network protocol not supported, use (1)")]
    [InlineData("PORT 198,51,100,7,4", FtpText.BadArgument)]
    [InlineData("PORT", FtpText.BadArgument)]
    [InlineData("EPRT |1|198.51.100.7|99999|", FtpText.BadArgument)]
    [InlineData("LPRT 4,4,198,51,100,7,2,4,7", FtpText.Unsupported)]
    public async Task A_foreign_address_in_PORT_is_refused(string command, string answer)
    {
        using var rig = await FtpRig.StartAsync();

        await rig.RefuseAsync(command, answer);

        Assert.Empty(rig.Means.Doors);
        Assert.Equal(answer == FtpText.NotYours, rig.Means.Told.Exists(told => told.Event == "ftp_foreign_port"));
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_server_might_read_as_PORT_never_reaches_it()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.RefuseAsync("NOOP\rPORT 10,0,0,22,4,7", FtpText.Malformed);
        await rig.RefuseAsync("PO\0RT 10,0,0,22,4,7", FtpText.Malformed);
        await rig.RefuseAsync("PO\u00ff\u00f1RT 10,0,0,22,4,7", FtpText.Malformed);
        await rig.RefuseAsync("PORT\t10,0,0,22,4,7", FtpText.Malformed);
        await rig.RefuseAsync(" PORT 10,0,0,22,4,7", FtpText.NotYours);
        // A line that ends here as it may end there.
        await rig.Client.WriteAsync("NOOP\nPORT 10,0,0,22,4,7\n");
        await rig.Server.HearAsync("NOOP");
        await rig.ReplyAsync("200 Ok");
        await rig.Client.HearAsync(FtpText.NotYours);
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_refuses_PORT_is_not_waited_for()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PORT 198,51,100,7,4,7", "PORT 10,0,0,1,156,64");
        await rig.ReplyAsync("500 Illegal PORT command");
        await rig.Means.Door.WhenShut;
        await rig.Means.LeftAsync();
        Assert.Equal(0, rig.Means.Places);
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_is_reset_whose_client_cannot_be_reached_for_data()
    {
        using var rig = await FtpRig.StartAsync();
        rig.Means.Outcome = Fairlead.Net.DialOutcome.TimedOut;
        await rig.PassAsync("PORT 198,51,100,7,4,7", "PORT 10,0,0,1,156,64");
        await rig.ReplyAsync("200 PORT command successful");
        await rig.Means.Door.Knock().HearResetAsync();
        await rig.Means.LeftAsync();
        Assert.Contains("client", Assert.Single(rig.Means.Told).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public async Task Without_a_port_PORT_is_told_425()
    {
        using var rig = await FtpRig.StartAsync();
        rig.Means.HasPorts = false;
        await rig.RefuseAsync("PORT 198,51,100,7,4,7", FtpText.NoPort);
        Assert.Equal(0, rig.Means.Places);
    }
}
