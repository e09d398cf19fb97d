using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>An HTTP proxy: plain requests, each passed on to its own target, and CONNECT.</summary>
internal sealed partial class DynamicProxy
{
    private static readonly byte[] established = "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray();

    // How long a client may keep its connection without a request, where nothing else is said.
    private static readonly TimeSpan betweenRequests = TimeSpan.FromSeconds(60);

    private async ValueTask<SessionOutcome> RunHttpAsync(StreamSession session, FirstWords words)
    {
        words.Dispose();
        SessionOutcome? failure = null;
        var timeouts = config.Timeouts;
        var conversation = new HttpConversation(session.Peer, new HttpConversationOptions
        {
            Dial = DialAsync,
            Answer = request => new(Answer(session, request)),
            Passed = (side, count) =>
            {
                if (side == Side.Client)
                    session.Talk.CountFromClient(count);
                else
                    session.Talk.CountFromUpstream(count);
            },
            Time = session.Time,
            Head = timeouts.FirstBytes,
            BetweenRequests = timeouts.StreamIdle == Timeout.InfiniteTimeSpan ? betweenRequests : timeouts.StreamIdle,
            Idle = timeouts.StreamIdle,
            HalfClosed = timeouts.HalfClosed,
            Rates = session.Binding.Forward.RelayOptions.Rates,
        });
        var node = session.OnStop(conversation.Stop);
        var result = await conversation.RunAsync();
        session.Talk.Forget(node);
        if (result.Connect is { } connect)
            return await ConnectAsync(session, words, connect.Target!.EndPoint, dial => dial.Connection is not null ? established : HttpAnswer.Of(dial, connect.Target.ToString()).ToBytes());
        return result.Answer switch
        {
            { Status: 407 } => SessionOutcome.BadLogin,
            { Status: 403 or 502 or 504 } when failure is not null => failure,
            { Status: 400 or 408 or 414 or 431 or 501 or 505 } refused => SessionOutcome.BadRequest($"HTTP: {refused.Text}"),
            _ => SessionOutcome.Of(new RelayResult(result.End, result.By, 0, 0)),
        };

        async ValueTask<DialResult> DialAsync(EndPoint target)
        {
            session.Talk.Target = Destination.ToText(target);
            var dial = await session.DialAsync(cancel => destinations.DialAsync(target, IsLocal(session), cancel));
            failure = dial.Connection is null ? OutcomeOf(dial) : null;
            session.Talk.IsConnected = true;
            return dial;
        }
    }

    private HttpAnswer? Answer(StreamSession session, HttpRequestHead request)
    {
        if (request.Form == HttpTargetForm.Origin && request.Path.Split('?')[0] == ProxyAutoConfig.Path)
            return ProxyAutoConfig.Answer(request, session.Peer.LocalEndPoint as IPEndPoint, config.Tls is not null);
        if (logins is null)
            return null;
        return BasicCredentials.Read(request.Fields) is { } given && logins.Knows(Encoding.UTF8.GetString(given.User), Encoding.UTF8.GetString(given.Password)) ? null : HttpAnswer.CredentialsWanted;
    }
}
