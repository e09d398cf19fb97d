using System.Net;

namespace Fairlead;

/// <summary>From server to client: replies pass as they are, but for those that name an address, and for features that end here.</summary>
internal sealed class FtpReplies(FtpControl control)
{
    private int open;
    private FtpPending? pending;

    private FtpOutstanding Outstanding => control.Outstanding;

    /// <summary>Until the server has said all; false: until it has sent a line without an end.</summary>
    public async Task<bool> RunAsync()
    {
        do
        {
            FtpLine line;
            while ((line = control.Upstream.TryTake(out var bytes)).Outcome == FtpLineOutcome.Complete)
            {
                await TakeAsync(bytes, line.Text);
                if (control.IsBlind)
                {
                    await control.Client.FlushAsync();
                    return true;
                }
            }
            if (line.Outcome == FtpLineOutcome.TooLong)
            {
                control.Tell(LogLevel.Warning, "ftp_line_too_long", "the server has sent a line without an end, so the session is reset");
                return false;
            }
            await control.Client.FlushAsync();
        }
        while (await control.Upstream.FillAsync());
        control.Client.Append(control.Upstream.TakeRest().Span);
        control.Channels.Close();
        await control.Client.EndAsync();
        return true;
    }

    private async ValueTask TakeAsync(ReadOnlyMemory<byte> line, int length)
    {
        var text = line[..length];
        var reply = FtpReplyLine.Parse(text.Span, ref open);
        control.IsInsideReply = open != 0;
        // A transfer that was aborted is told of once by some servers, twice by others.
        if (reply is { IsFirst: true, Code: 227 or 229 } && Outstanding is { Next.Awaited: FtpAwaited.Abor, Second.Awaited: FtpAwaited.Pasv or FtpAwaited.Epsv })
            Outstanding.Take();
        // What the server says by itself answers nothing, also where a command comes before its last line.
        if (reply.IsFirst)
            pending = Outstanding.Next;
        if (await IsShownAsync(text, reply))
            control.Client.Append(line.Span);
        if (!reply.IsFinal)
            return;
        if (pending?.IsCompletedBy(reply.Code) == true)
            Complete(Outstanding.Take(), reply.Code);
        control.GiveAnswers();
    }

    private void Complete(FtpPending done, int code)
    {
        var isGood = code is >= 200 and < 300;
        switch (done.Awaited)
        {
            case FtpAwaited.EpsvAll:
                control.IsEpsvOnly |= isGood;
                break;
            case FtpAwaited.Active when isGood:
                control.Channels.Promise(done.Channel);
                break;
            case FtpAwaited.Active:
                done.Channel!.Close();
                break;
            case FtpAwaited.Auth:
                control.IsBlind = code == 234;
                break;
            default:
                break;
        }
    }

    // Whether a line goes on to the client; false where something else has been put in its place.
    private async ValueTask<bool> IsShownAsync(ReadOnlyMemory<byte> text, FtpReplyLine reply)
    {
        switch (pending?.Awaited)
        {
            case FtpAwaited.Pasv when reply.Code == 227:
            case FtpAwaited.Epsv when reply.Code == 229:
                // What is said before the last line could not stand before another code.
                if (reply.IsFinal)
                    control.Client.AppendLine(await PromiseAsync(pending!, text[reply.Text..]));
                return false;
            case FtpAwaited.Feat when reply.Code == 211 && control.Config.Tls != FtpTls.Pass:
                return IsFeatureShown(text.Span, reply);
            default:
                return true;
        }
    }

    private bool IsFeatureShown(ReadOnlySpan<byte> text, FtpReplyLine reply)
    {
        if (!reply.IsFinal)
            return reply.IsFirst || !FtpFeatures.IsWithheld(text);
        if (control.Config.Tls != FtpTls.Terminate)
            return true;
        if (reply.IsFirst)
            control.Client.AppendLine(FtpText.FeaturesBegin);
        foreach (var feature in FtpFeatures.Tls)
            control.Client.AppendLine(feature);
        if (reply.IsFirst)
            control.Client.AppendLine(FtpText.FeaturesEnd);
        return !reply.IsFirst;
    }

    // What the client is told instead of where the server waits.
    private async ValueTask<string> PromiseAsync(FtpPending asked, ReadOnlyMemory<byte> text)
    {
        var upstream = control.Ends.Upstream;
        if (asked.Awaited == FtpAwaited.Pasv)
        {
            if (!FtpPassive.TryReadPasv(text.Span, out var address, out var pasvPort))
                return FtpText.Unclear;
            if (upstream is null || !FtpEnds.AreSame(address, upstream))
            {
                control.Tell(LogLevel.Warning, "ftp_foreign_address", FtpText.ForeignPassive(address, pasvPort, upstream));
                return FtpText.Foreign;
            }
            return await PromiseAsync(asked, pasvPort);
        }
        return FtpPassive.TryReadEpsv(text.Span, out var port) ? await PromiseAsync(asked, port) : FtpText.Unclear;
    }

    private async ValueTask<string> PromiseAsync(FtpPending asked, int port)
    {
        if (port < FtpCommands.FirstPort)
        {
            control.Tell(LogLevel.Warning, "ftp_foreign_address", FtpText.PrivilegedPassive(port));
            return FtpText.Foreign;
        }
        var (config, reached) = (control.Config, control.Ends.Reached!);
        if (config.Tls == FtpTls.Pass)
        {
            // Others listen there for all clients, encrypted or not.
            if (config.Ports is { } carried && port >= carried.First && port <= carried.Last)
                return Reply(asked, reached, port);
            control.Tell(LogLevel.Warning, "ftp_foreign_address", FtpText.OutsidePorts(port, config.Ports));
            return FtpText.NoPort;
        }
        var ports = config.Ports ?? new PortRange(0);
        var channel = await control.Channels.OpenForClientAsync(reached, ports, control.Ends.Client!, () => control.Means.DialUpstreamAsync(port));
        if (channel is null)
        {
            control.Tell(LogLevel.Warning, "ftp_no_port", FtpText.NoPortFree(ports));
            return FtpText.NoPort;
        }
        control.Channels.Promise(channel);
        return Reply(asked, reached, channel.At.Port);
    }

    private string Reply(FtpPending asked, IPAddress reached, int port) =>
        asked.IsForPasv ? FtpPassive.Pasv(control.Config.Advertise ?? reached, port) : FtpPassive.Epsv(port);
}
