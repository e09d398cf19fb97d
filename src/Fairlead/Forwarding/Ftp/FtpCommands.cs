using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>From client to server: commands pass as they are, but for those that name an address, and for TLS.</summary>
internal sealed class FtpCommands(FtpControl control, FtpSecurity security)
{
    /// <summary>Below are the ports of services (RFC 2577 section 3).</summary>
    public const int FirstPort = 1024;

    private FtpEnds Ends => control.Ends;

    private FtpOutstanding Outstanding => control.Outstanding;

    /// <summary>Until the client has said all.</summary>
    public async Task RunAsync()
    {
        do
        {
            FtpLine line;
            while ((line = control.Client.TryTake(out var bytes)).Outcome == FtpLineOutcome.Complete)
            {
                await TakeAsync(bytes[..line.Text]);
                if (control.IsBlind)
                    return;
            }
            if (line.Outcome == FtpLineOutcome.TooLong)
            {
                control.Answer(FtpText.TooLong);
                control.Tell(LogLevel.Information, "ftp_line_too_long", "the client has sent a line without an end, so it is not listened to any more");
                break;
            }
            await FlushAsync();
        }
        while (await control.Client.FillAsync());
        await FlushAsync();
        await control.Upstream.EndAsync();
    }

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> line)
    {
        var command = FtpCommand.Parse(line.Span);
        var isSetup = command.Verb is FtpVerb.Pasv or FtpVerb.Epsv or FtpVerb.Port or FtpVerb.Eprt;
        while (Outstanding.Count >= FtpOutstanding.Most || (isSetup && Outstanding.HasSetup))
            await ReplyAsync();
        // The server has said all: nobody would answer.
        if (Outstanding.IsClosed)
            return;
        switch (command.Verb)
        {
            case FtpVerb.Malformed:
                control.Answer(FtpText.Malformed);
                break;
            case FtpVerb.Unsupported:
                control.Answer(FtpText.Unsupported);
                break;
            case FtpVerb.Pasv or FtpVerb.Epsv:
                TakePassive(line.Span, command);
                break;
            case FtpVerb.Port or FtpVerb.Eprt:
                TakeActive(line.Span[command.Argument..], command.Verb);
                break;
            case FtpVerb.Auth:
                await TakeAuthAsync(line, command);
                break;
            case FtpVerb.Pbsz or FtpVerb.Prot or FtpVerb.Ccc or FtpVerb.Rein when security.Answer(command.Verb, line.Span[command.Argument..]) is { } answer:
                control.Answer(answer);
                break;
            case FtpVerb.Feat:
                Pass(line.Span, command, new FtpPending(FtpAwaited.Feat));
                break;
            case FtpVerb.Abor:
                Pass(line.Span, command, new FtpPending(FtpAwaited.Abor));
                break;
            default:
                Pass(line.Span, command, new FtpPending(FtpAwaited.Reply));
                break;
        }
    }

    private void TakePassive(ReadOnlySpan<byte> line, FtpCommand command)
    {
        if (Ends is not { Client: { } client, Reached: { } reached })
        {
            control.Answer(FtpText.NoPassive);
            return;
        }
        var isPasv = command.Verb == FtpVerb.Pasv;
        var asked = isPasv ? FtpEpsv.Port : FtpEpsvArgument.Read(line[command.Argument..]);
        if (asked == FtpEpsv.All)
            Pass(line, command, new FtpPending(FtpAwaited.EpsvAll));
        else if (isPasv && control.IsEpsvOnly)
            control.Answer(FtpText.OnlyEpsv);
        else if (isPasv && reached.AddressFamily != AddressFamily.InterNetwork)
            control.Answer(FtpText.UseEpsv);
        else if (asked == FtpEpsv.Malformed)
            control.Answer(FtpText.BadArgument);
        else if (asked != FtpEpsv.Port && asked != (client.AddressFamily == AddressFamily.InterNetwork ? FtpEpsv.V4 : FtpEpsv.V6))
            control.Answer(FtpText.OtherProtocol(client.AddressFamily));
        else if (control.Channels.IsFull)
            control.Answer(FtpText.Busy);
        else if (isPasv && Ends.UpstreamKnowsPasv)
            Pass(line, command, new FtpPending(FtpAwaited.Pasv, IsForPasv: true));
        else if (!isPasv && (asked == FtpEpsv.Port || Ends.Upstream?.AddressFamily == client.AddressFamily))
            Pass(line, command, new FtpPending(FtpAwaited.Epsv));
        else
            Send("EPSV", new FtpPending(FtpAwaited.Epsv, IsForPasv: isPasv));
    }

    private void TakeActive(ReadOnlySpan<byte> argument, FtpVerb verb)
    {
        IPAddress address;
        ushort port;
        var read = verb == FtpVerb.Port ? FtpActive.ReadPort(argument, out address, out port) : FtpActive.ReadEprt(argument, out address, out port);
        if (control.IsEpsvOnly)
        {
            control.Answer(FtpText.OnlyEpsv);
        }
        else if (Ends is not { Client: { } client, Reached: { } reached, Upstream: { } upstream, Near: { } near })
        {
            control.Answer(FtpText.NoActive);
        }
        else if (read == FtpArgument.OtherProtocol)
        {
            control.Answer(FtpText.OtherProtocol(client.AddressFamily));
        }
        else if (read == FtpArgument.Malformed)
        {
            control.Answer(FtpText.BadArgument);
        }
        else if (port < FirstPort || !FtpEnds.AreSame(address, client))
        {
            control.Tell(LogLevel.Information, "ftp_foreign_port", FtpText.ForeignActive(client, address, port));
            control.Answer(FtpText.NotYours);
        }
        else if (control.Channels.IsFull)
        {
            control.Answer(FtpText.Busy);
        }
        else
        {
            // The client's own, with the zone that a link-local one needs.
            var target = new IPEndPoint(client, port);
            var channel = control.Channels.OpenForUpstream(near, upstream, () => control.Means.DialClientAsync(target, reached));
            if (channel is null)
            {
                control.Tell(LogLevel.Warning, "ftp_no_port", FtpText.NoPortFree(new PortRange(0)));
                control.Answer(FtpText.NoPort);
                return;
            }
            Send(FtpActive.Command(channel.At), new FtpPending(FtpAwaited.Active, Channel: channel));
        }
    }

    private async ValueTask TakeAuthAsync(ReadOnlyMemory<byte> line, FtpCommand command)
    {
        var mechanism = Encoding.Latin1.GetString(line.Span[command.Argument..]).Trim(' ').ToUpperInvariant();
        if (security.Refusal(mechanism) is { } refusal)
        {
            control.Answer(refusal);
            return;
        }
        // What came in clear must not be taken for what comes encrypted.
        if (control.Client.HasMore)
        {
            control.Answer(FtpText.NothingBehindAuth);
            return;
        }
        if (control.Config.Tls == FtpTls.Pass)
            Pass(line.Span, command, new FtpPending(FtpAwaited.Auth));
        while (Outstanding.Count > 0)
            await ReplyAsync();
        if (Outstanding.IsClosed || control.Config.Tls == FtpTls.Pass)
            return;
        control.Client.AppendLine(FtpText.Proceed);
        if (!await control.Client.ReplaceAsync(control.Means.SecureAsync))
            throw new ConnectionException(ConnectionError.Reset, "The client and we did not agree on TLS.");
        security.Begin(mechanism);
    }

    // Until a reply has come; one is owed.
    private async ValueTask ReplyAsync()
    {
        // Asked for before: it may come while this is sent.
        var change = Outstanding.ChangeAsync();
        await FlushAsync();
        await change;
    }

    private async ValueTask FlushAsync()
    {
        await control.Upstream.FlushAsync();
        await control.Client.FlushAsync();
    }

    private void Send(string command, FtpPending pending)
    {
        control.Upstream.AppendLine(command);
        Outstanding.Add(pending);
    }

    private void Pass(ReadOnlySpan<byte> line, FtpCommand command, FtpPending pending)
    {
        var telnet = command.HasLostMark ? FtpTelnet.PrefixLength(line, out _) : 0;
        control.Upstream.Append(line[..telnet]);
        if (command.HasLostMark)
            control.Upstream.Append([FtpTelnet.DM]);
        control.Upstream.Append(line[telnet..]);
        control.Upstream.Append("\r\n"u8);
        Outstanding.Add(pending);
    }
}
