using System.Net;

namespace Fairlead.Tests;

public sealed class FtpPassiveModeTests
{
    [Fact(Timeout = 30000)]
    public async Task The_reply_to_PASV_names_the_address_that_the_client_reached_and_a_port_of_the_range()
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Ports = new PortRange(40000, 40100) });

        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 Entering Passive Mode (10,0,0,21,4,7).", "227 Entering Passive Mode (203,0,113,1,156,64)");

        Assert.Equal((FtpRig.V4.Reached, new PortRange(40000, 40100), FtpRig.V4.Client), (rig.Means.Door.LocalEndPoint.Address, rig.Means.Door.Ports, rig.Means.Door.From));
        Assert.Empty(rig.Means.Dials);
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        Assert.Equal(["upstream 1031"], rig.Means.Dials);
        await server.SayAsync("the file");
        await server.Connection.CompleteWritesAsync();
        Assert.Equal("the file\r\n", await data.RestAsync());
        await data.Connection.CompleteWritesAsync();
        await rig.Means.LeftAsync();
        Assert.Equal(0, rig.Means.Places);
        var result = await rig.EndAsync();
        Assert.Equal((RelayEnd.Closed, Side.Client), (result.End, result.By));
    }

    [Fact(Timeout = 30000)]
    public async Task The_reply_to_EPSV_names_a_port_alone()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V6);

        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("229 Entering Extended Passive Mode (|||6446|)", "229 Entering Extended Passive Mode (|||40000|)");

        Assert.Equal((FtpRig.V6.Reached, new PortRange(0)), (rig.Means.Door.LocalEndPoint.Address, rig.Means.Door.Ports));
        rig.Means.Door.Knock();
        await rig.Means.DialledAsync();
        Assert.Equal(["upstream 6446"], rig.Means.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task An_advertised_address_stands_in_the_reply_to_PASV()
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Advertise = IPAddress.Parse("192.0.2.99") });

        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 =10,0,0,21,4,7", "227 Entering Passive Mode (192,0,2,99,156,64)");

        Assert.Equal(FtpRig.V4.Reached, rig.Means.Door.LocalEndPoint.Address);
    }

    [Fact(Timeout = 30000)]
    public async Task Clients_of_IPv4_reach_a_server_of_IPv6_by_PASV()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V4 with { Upstream = FtpRig.V6.Upstream, Near = FtpRig.V6.Near });

        await rig.PassAsync("PASV", "EPSV");
        await rig.ReplyAsync("229 Entering Extended Passive Mode (|||6446|)", "227 Entering Passive Mode (203,0,113,1,156,64)");

        rig.Means.Door.Knock();
        await rig.Means.DialledAsync();
        Assert.Equal(["upstream 6446"], rig.Means.Dials);
    }

    [Theory(Timeout = 30000)]
    [InlineData("EPSV", "EPSV")]
    [InlineData("EPSV 2", "EPSV")]
    public async Task Clients_of_IPv6_reach_a_server_of_IPv4_by_EPSV(string command, string asHeard)
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V6 with { Upstream = FtpRig.V4.Upstream, Near = FtpRig.V4.Near });

        await rig.PassAsync(command, asHeard);
        await rig.ReplyAsync("229 Entering Extended Passive Mode (|||6446|)", "229 Entering Extended Passive Mode (|||40000|)");
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_that_is_dialled_by_name_is_asked_by_EPSV()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V4 with { Upstream = null, Near = null });

        await rig.PassAsync("PASV", "EPSV");
        await rig.ReplyAsync("229 (|||6446|)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        await rig.RefuseAsync("PORT 198,51,100,7,4,7", FtpText.NoActive);
    }

    [Theory(Timeout = 30000)]
    [InlineData("EPSV 2", "522 Network protocol not supported, use (1)")]
    [InlineData("EPSV 3", "522 Network protocol not supported, use (1)")]
    [InlineData("EPSV what", FtpText.BadArgument)]
    public async Task EPSV_for_another_network_protocol_is_refused(string command, string answer)
    {
        using var rig = await FtpRig.StartAsync();
        await rig.RefuseAsync(command, answer);
    }

    [Fact(Timeout = 30000)]
    public async Task PASV_over_IPv6_is_refused_and_EPSV_named()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V6);
        await rig.RefuseAsync("PASV", FtpText.UseEpsv);
    }

    [Theory(Timeout = 30000)]
    [InlineData("227 Entering Passive Mode (10,0,0,22,4,7)", FtpText.Foreign)]
    [InlineData("227 Entering Passive Mode (127,0,0,1,4,7)", FtpText.Foreign)]
    [InlineData("227 Entering Passive Mode (0,0,0,0,4,7)", FtpText.Foreign)]
    [InlineData("227 Entering Passive Mode (10,0,0,21,0,22)", FtpText.Foreign)]
    [InlineData("227 Entering Passive Mode", FtpText.Unclear)]
    public async Task A_foreign_address_in_the_reply_to_PASV_is_refused(string reply, string answer)
    {
        using var rig = await FtpRig.StartAsync();

        await rig.PassAsync("PASV");
        await rig.ReplyAsync(reply, answer);

        Assert.Empty(rig.Means.Doors);
        Assert.Equal(answer == FtpText.Foreign ? 1 : 0, rig.Means.Told.Count);
        // Told once, however often it happens.
        await rig.PassAsync("PASV");
        await rig.ReplyAsync(reply, answer);
        Assert.InRange(rig.Means.Told.Count, 0, 1);
    }

    [Fact(Timeout = 30000)]
    public async Task A_227_that_nobody_asked_for_is_text_and_opens_nothing()
    {
        using var rig = FtpRig.Begin();
        string[] banner = ["220-Welcome", "227 Entering Passive Mode (10,0,0,21,4,7)", "220-227 Entering Passive Mode (10,0,0,21,4,7)", "220 227 Entering Passive Mode (10,0,0,21,4,7)"];
        await rig.Server.SayAsync(banner);
        await rig.Client.HearAsync(banner);
        await rig.ReplyAsync("227 Entering Passive Mode (10,0,0,21,4,7)");
        await rig.PassAsync("STAT");
        await rig.Server.SayAsync("213-Status", "227 Entering Passive Mode (10,0,0,21,4,7)", "213 End");
        await rig.Client.HearAsync("213-Status", "227 Entering Passive Mode (10,0,0,21,4,7)", "213 End");
        await rig.PassAsync("SITE ECHO");
        await rig.ReplyAsync("227 Entering Passive Mode (10,0,0,21,4,7)");

        Assert.Empty(rig.Means.Doors);
    }

    [Fact(Timeout = 30000)]
    public async Task Of_a_227_of_several_lines_only_the_last_counts()
    {
        using var rig = await FtpRig.StartAsync();

        await rig.PassAsync("PASV");
        await rig.Server.SayAsync("227-Entering Passive Mode (10,0,0,21,9,9)", "227x (10,0,0,21,9,9)", "227 Entering Passive Mode (10,0,0,21,4,7)");
        await rig.Client.HearAsync("227 Entering Passive Mode (203,0,113,1,156,64)");

        rig.Means.Door.Knock();
        await rig.Means.DialledAsync();
        Assert.Equal(["upstream 1031"], rig.Means.Dials);
    }

    [Fact(Timeout = 30000)]
    public async Task Replies_are_understood_however_they_are_split()
    {
        const string Replies = "200-Type\r\n200 set\r\n227 Entering Passive Mode (10,0,0,21,4,7)\r\n";
        for (var split = 1; split < Replies.Length; split++)
        {
            using var rig = await FtpRig.StartAsync();
            await rig.Client.SayAsync("TYPE I", "PASV");
            await rig.Server.HearAsync("TYPE I", "PASV");
            await rig.Server.WriteAsync(Replies[..split]);
            // A command between the two parts shows that the first one was read.
            await rig.PassAsync("NOOP");
            await rig.Server.WriteAsync(Replies[split..]);
            await rig.Client.HearAsync("200-Type", "200 set", "227 Entering Passive Mode (203,0,113,1,156,64)");
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_later_setup_takes_the_place_of_one_that_nobody_used()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        var first = rig.Means.Door;
        await rig.PassAsync("EPSV");
        Assert.False(first.WhenShut.IsCompleted);
        await rig.ReplyAsync("229 (|||1032|)", "229 Entering Extended Passive Mode (|||40001|)");
        await first.WhenShut;
        await rig.Means.LeftAsync();
        Assert.Equal(1, rig.Means.Places);
        var second = rig.Means.Door;
        await rig.PassAsync("PORT 198,51,100,7,4,7", "PORT 10,0,0,1,156,66");
        await rig.ReplyAsync("200 PORT command successful");
        await second.WhenShut;
        await rig.Means.LeftAsync();
        Assert.Equal((1, 0), (rig.Means.Places, rig.Means.Dials.Count));
    }

    [Fact(Timeout = 30000)]
    public async Task Nobody_is_waited_for_longer_than_a_minute()
    {
        var time = new ManualTime();
        using var rig = await FtpRig.StartAsync(options: new RelayOptions { Time = time });
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");

        time.Advance(FtpChannels.Patience - TimeSpan.FromSeconds(1));
        await rig.PassAsync("NOOP");
        Assert.False(rig.Means.Door.WhenShut.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(1));

        await rig.Means.Door.WhenShut;
        await rig.Means.LeftAsync();
        Assert.Equal(0, rig.Means.Places);
    }

    [Fact(Timeout = 30000)]
    public async Task Whoever_has_come_outlives_the_minute_and_the_next_setup()
    {
        var time = new ManualTime();
        using var rig = await FtpRig.StartAsync(options: new RelayOptions { Time = time });
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,8)", "227 Entering Passive Mode (203,0,113,1,156,65)");
        time.Advance(FtpChannels.Patience);
        await rig.Means.Door.WhenShut;

        await data.SayAsync("upload");
        await server.HearAsync("upload");
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_is_reset_whose_server_cannot_be_reached_for_data()
    {
        using var rig = await FtpRig.StartAsync();
        rig.Means.Outcome = Fairlead.Net.DialOutcome.Refused;
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", "227 Entering Passive Mode (203,0,113,1,156,64)");

        await rig.Means.Door.Knock().HearResetAsync();

        await rig.Means.LeftAsync();
        Assert.Equal("ftp_data_failed", Assert.Single(rig.Means.Told).Event);
        await rig.ReplyAsync("425 No data connection");
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task Without_a_port_or_a_descriptor_the_client_is_told_425(bool hasPorts)
    {
        using var rig = await FtpRig.StartAsync(config: new FtpConfig { Ports = new PortRange(40000, 40001) });
        rig.Means.HasPorts = hasPorts;
        rig.Means.MostPlaces = hasPorts ? 0 : 1;

        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,4,7)", FtpText.NoPort);

        Assert.Equal(0, rig.Means.Places);
        Assert.Equal("ftp_no_port", Assert.Single(rig.Means.Told).Event);
    }

    [Fact(Timeout = 30000)]
    public async Task There_are_four_data_connections_under_way_at_the_most()
    {
        using var rig = await FtpRig.StartAsync();
        for (var i = 0; i < FtpChannels.Most; i++)
        {
            await rig.PassAsync("PASV");
            await rig.ReplyAsync("227 (10,0,0,21,4,7)", $"227 Entering Passive Mode (203,0,113,1,156,{64 + i})");
            rig.Means.Door.Knock();
            await rig.Means.DialledAsync();
        }

        await rig.RefuseAsync("PASV", FtpText.Busy);
        await rig.RefuseAsync("EPSV", FtpText.Busy);
        await rig.RefuseAsync("PORT 198,51,100,7,4,7", FtpText.Busy);
    }

    [Fact(Timeout = 30000)]
    public async Task After_EPSV_ALL_there_is_only_EPSV()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("EPSV ALL");
        await rig.ReplyAsync("502 What?");
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("425 Not now");
        await rig.PassAsync("epsv all");
        await rig.ReplyAsync("200 EPSV ALL ok.");

        await rig.RefuseAsync("PASV", FtpText.OnlyEpsv);
        await rig.RefuseAsync("PORT 198,51,100,7,4,7", FtpText.OnlyEpsv);
        await rig.RefuseAsync("EPRT |1|198.51.100.7|1031|", FtpText.OnlyEpsv);
        await rig.RefuseAsync("LPSV", FtpText.Unsupported);
        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("229 (|||1032|)", "229 Entering Extended Passive Mode (|||40000|)");
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_without_PASV_says_so_itself()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("502 PASV not implemented");
        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("500 EPSV not understood");
        Assert.Empty(rig.Means.Doors);
    }

    [Fact(Timeout = 30000)]
    public async Task Behind_a_Unix_socket_there_are_no_data_connections()
    {
        using var rig = await FtpRig.StartAsync(FtpRig.V4 with { Client = null, Reached = null });
        await rig.RefuseAsync("PASV", FtpText.NoPassive);
        await rig.RefuseAsync("EPSV", FtpText.NoPassive);
        await rig.RefuseAsync("PORT 198,51,100,7,4,7", FtpText.NoActive);
    }
}
