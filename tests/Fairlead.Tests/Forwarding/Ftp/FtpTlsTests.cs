using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class FtpTlsTests
{
    private static readonly FtpConfig terminate = new() { Tls = FtpTls.Terminate }, pass = new() { Tls = FtpTls.Pass, Ports = new PortRange(2000, 2010) };

    [Fact(Timeout = 30000)]
    public async Task AUTH_is_refused_at_once_where_there_is_no_TLS()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.RefuseAsync("AUTH TLS", FtpText.NoTls);
        await rig.RefuseAsync("AUTH SSL", FtpText.NoTls);
        await rig.RefuseAsync("AUTH GSSAPI", FtpText.NoTls);
        await rig.PassAsync("PBSZ 0");
        await rig.ReplyAsync("503 PBSZ needs a secure connection.");
        Assert.Equal(0, rig.Means.Secured);
    }

    [Fact(Timeout = 30000)]
    public async Task Features_of_TLS_are_left_out_where_there_is_none()
    {
        using var rig = await FtpRig.StartAsync();
        await rig.PassAsync("FEAT");
        await rig.Server.SayAsync("211-Features:", " AUTH TLS", " EPSV", " PBSZ", " PROT", " UTF8", "211 End");
        await rig.Client.HearAsync("211-Features:", " EPSV", " UTF8", "211 End");
        // Elsewhere such lines are text.
        await rig.PassAsync("HELP");
        await rig.Server.SayAsync("211-Features:", " AUTH TLS", "211 End");
        await rig.Client.HearAsync("211-Features:", " AUTH TLS", "211 End");
    }

    [Theory(Timeout = 30000)]
    [InlineData("211-Features:\r\n EPSV\r\n AUTH SSL\r\n211 End", "211-Features:\r\n EPSV\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End")]
    [InlineData("211 No features", "211-Features:\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n211 End")]
    [InlineData("500 What?", "500 What?")]
    public async Task Features_of_TLS_are_added_where_it_ends_here(string reply, string asHeard)
    {
        using var rig = await FtpRig.StartAsync(config: terminate);
        await rig.PassAsync("FEAT");
        await rig.Server.SayAsync(reply);
        await rig.Client.HearAsync(asHeard.Split("\r\n"));
    }

    [Fact(Timeout = 30000)]
    public async Task TLS_ends_here_and_the_server_hears_nothing_of_it()
    {
        using var rig = await FtpRig.StartAsync(config: terminate);
        await rig.RefuseAsync("PBSZ 0", FtpText.NotSecured);
        await rig.RefuseAsync("PROT P", FtpText.NotSecured);
        await rig.RefuseAsync("AUTH KERBEROS_V4", FtpText.UnknownSecurity);
        await rig.Client.SayAsync("AUTH TLS");
        await rig.Client.HearAsync(FtpText.Proceed);

        await rig.Client.SayAsync("USER joe");
        await rig.Server.HearAsync("USER joe");
        await rig.ReplyAsync("331 Password?", "[TLS]331 Password?");
        foreach (var (command, answer) in ((string, string)[])[
            ("AUTH TLS", FtpText.SecuredAlready), ("PROT P", FtpText.BufferSizeFirst), ("PBSZ 65536", FtpText.BufferSize), ("PROT S", FtpText.NoSuchLevel), ("PROT X", FtpText.BadLevel),
            ("PROT P", FtpText.Protected), ("CCC", FtpText.NoClear), ("REIN", FtpText.NoRein)])
        {
            await rig.Client.SayAsync(command);
            await rig.Client.HearAsync($"[TLS]{answer}");
        }
        Assert.Equal(1, rig.Means.Secured);
    }

    [Fact(Timeout = 30000)]
    public async Task Data_is_encrypted_for_the_client_once_it_says_PROT_P()
    {
        using var rig = await FtpRig.StartAsync(config: terminate, isSecured: true);
        foreach (var (prot, isEncrypted) in ((string, bool)[])[("", false), ("P", true), ("C", false)])
        {
            if (prot.Length > 0)
            {
                await rig.Client.SayAsync("PBSZ 0", $"PROT {prot}");
                await rig.Client.HearAsync(FtpText.BufferSize, isEncrypted ? FtpText.Protected : FtpText.Clear);
            }
            await rig.PassAsync("EPSV");
            await rig.Server.SayAsync("229 (|||2000|)");
            Assert.StartsWith("229 ", await rig.Client.LineAsync(), StringComparison.Ordinal);
            var data = rig.Means.Door.Knock();
            var server = await rig.Means.DialledAsync();
            await server.SayAsync("the file");
            await data.HearAsync(isEncrypted ? "[TLS]the file" : "the file");
            await data.SayAsync("upload");
            await server.HearAsync("upload");
        }
    }

    [Fact(Timeout = 30000)]
    public async Task In_active_mode_the_clients_leg_is_encrypted_too()
    {
        using var rig = await FtpRig.StartAsync(config: terminate, isSecured: true);
        await rig.Client.SayAsync("PBSZ 0", "PROT P");
        await rig.Client.HearAsync(FtpText.BufferSize, FtpText.Protected);
        await rig.PassAsync("PORT 198,51,100,7,4,7", "PORT 10,0,0,1,156,64");
        await rig.ReplyAsync("200 Ok");
        var server = rig.Means.Door.Knock();
        var data = await rig.Means.DialledAsync();
        await server.SayAsync("the file");
        await data.HearAsync("[TLS]the file");
    }

    [Fact(Timeout = 30000)]
    public async Task The_server_is_dialled_before_the_client_begins_with_TLS_on_data()
    {
        using var rig = await FtpRig.StartAsync(config: terminate, isSecured: true);
        await rig.Client.SayAsync("PBSZ 0", "PROT P");
        await rig.Client.HearAsync(FtpText.BufferSize, FtpText.Protected);
        var hello = new TaskCompletionSource();
        rig.Means.Secure = async plain =>
        {
            await hello.Task;
            return plain;
        };
        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("229 (|||2000|)", "229 Entering Extended Passive Mode (|||40000|)");
        await rig.PassAsync("RETR file");
        var data = rig.Means.Door.Knock();
        var server = await rig.Means.DialledAsync();
        // Now that it has its connection, the server begins, and that is what the client waits for.
        await rig.ReplyAsync("150 Opening");
        hello.SetResult();
        await server.SayAsync("the file");
        await data.HearAsync("the file");
    }

    [Theory(Timeout = 30000), InlineData(FtpTls.Terminate), InlineData(FtpTls.Pass)]
    public async Task What_is_sent_behind_AUTH_in_clear_is_never_taken_for_encrypted(FtpTls tls)
    {
        using var rig = await FtpRig.StartAsync(config: pass with { Tls = tls });
        await rig.Client.SayAsync("AUTH TLS", "NOOP");
        await rig.Client.HearAsync(FtpText.NothingBehindAuth);
        await rig.Server.HearAsync("NOOP");
        Assert.Equal(0, rig.Means.Secured);
    }

    [Fact(Timeout = 30000)]
    public async Task TLS_begins_only_when_all_that_came_before_is_answered()
    {
        using var rig = await FtpRig.StartAsync(config: terminate);
        await rig.Client.SayAsync("NOOP", "AUTH TLS");
        await rig.Server.HearAsync("NOOP");
        await rig.ReplyAsync("200 Ok");
        await rig.Client.HearAsync(FtpText.Proceed);
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_server_says_while_TLS_begins_is_sent_encrypted()
    {
        using var rig = await FtpRig.StartAsync(config: terminate);
        var hello = new TaskCompletionSource();
        rig.Means.Secure = async plain =>
        {
            await hello.Task;
            return new MarkedConnection(plain);
        };
        await rig.Client.SayAsync("AUTH TLS");
        await rig.Client.HearAsync(FtpText.Proceed);
        await rig.Server.SayAsync("421 Timeout");
        hello.SetResult();
        await rig.Client.HearAsync("[TLS]421 Timeout");
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_is_reset_whose_client_cannot_agree_on_TLS()
    {
        using var rig = await FtpRig.StartAsync(config: terminate);
        rig.Means.Secure = _ => Task.FromResult<Connection?>(null);
        await rig.Client.SayAsync("AUTH TLS");
        await rig.Server.HearResetAsync();
        await rig.EndsAsync(RelayEnd.Reset, Side.Client);
    }

    [Fact(Timeout = 30000)]
    public async Task TLS_that_is_carried_passes_untouched_after_the_servers_234()
    {
        using var rig = await FtpRig.StartAsync(config: pass);
        await rig.PassAsync("FEAT");
        await rig.Server.SayAsync("211-Features:", " AUTH TLS", "211 End");
        await rig.Client.HearAsync("211-Features:", " AUTH TLS", "211 End");
        await rig.PassAsync("AUTH TLS");
        await rig.Server.WriteAsync("234 Proceed\r\nright behind");
        await rig.Client.HearAsync("234 Proceed");
        await rig.Client.WriteAsync("\x16\x03\u0000 PORT 1,2,3,4,5,6\r\n");
        await rig.Client.Connection.CompleteWritesAsync();
        Assert.Equal("\x16\x03\u0000 PORT 1,2,3,4,5,6\r\n", await rig.Server.RestAsync());
        await rig.Server.WriteAsync(" and 227 (10,0,0,21,4,7)\r\n");
        await rig.Server.Connection.CompleteWritesAsync();
        Assert.Equal("right behind and 227 (10,0,0,21,4,7)\r\n", await rig.Client.RestAsync());
        var result = await rig.Result;
        Assert.Equal((RelayEnd.Closed, Side.Client), (result.End, result.By));
        Assert.Equal("FEAT\r\nAUTH TLS\r\n".Length + "\x16\x03\u0000 PORT 1,2,3,4,5,6\r\n".Length, result.BytesFromClient);
        Assert.Equal(0, rig.Means.Secured);
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_without_TLS_says_so_itself_and_the_session_goes_on()
    {
        using var rig = await FtpRig.StartAsync(config: pass);
        await rig.PassAsync("AUTH TLS");
        await rig.ReplyAsync("502 Not here");
        await rig.RefuseAsync("PORT 1,2,3,4,5,6", FtpText.NotYours);
        await rig.RefuseAsync("AUTH GSSAPI", FtpText.UnknownSecurity);
    }

    [Fact(Timeout = 30000)]
    public async Task Where_TLS_is_carried_passive_ports_are_those_of_the_server()
    {
        using var rig = await FtpRig.StartAsync(config: pass);
        await rig.PassAsync("PASV");
        await rig.ReplyAsync("227 (10,0,0,21,7,208)", "227 Entering Passive Mode (203,0,113,1,7,208)");
        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("229 (|||2010|)", "229 Entering Extended Passive Mode (|||2010|)");
        Assert.Empty(rig.Means.Doors);
        await rig.PassAsync("EPSV");
        await rig.ReplyAsync("229 (|||2011|)", FtpText.NoPort);
        Assert.Contains("2000-2010", Assert.Single(rig.Means.Told).Message, StringComparison.Ordinal);
    }
}
