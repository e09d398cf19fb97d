using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What a session of <c>to: dynamic</c> does: hears where its client wants to go, by SOCKS4, SOCKS4A, SOCKS5 or HTTP, whichever it speaks, goes there and answers.
/// The answer waits for the dial, so that it is true.
/// </summary>
/// <param name="config">The forward.</param>
/// <param name="network">Whose sockets its sessions use.</param>
/// <param name="way">How destinations are dialled.</param>
/// <param name="rules">Where its clients may go.</param>
/// <param name="names">Who looks up what they name.</param>
internal sealed partial class DynamicProxy(ForwardConfig config, INetwork network, Way way, DestinationRules rules, DestinationNames names)
{
    /// <summary>How long BIND waits for the one connection.</summary>
    private static readonly TimeSpan bindLimit = TimeSpan.FromMinutes(2);

    private readonly Logins? logins = config.Users.Count > 0 ? new Logins(config.Users) : null;

    private readonly Destinations destinations = new(rules, names, way.Dialer, way.TakesNames, config.Timeouts.Connect, network.Time);

    /// <summary>How destinations are dialled.</summary>
    public Way Way => way;

    /// <summary>Lives what is left of a session, except closing its client.</summary>
    public async ValueTask<SessionOutcome> RunAsync(StreamSession session)
    {
        using var words = new FirstWords(session.Peer, config.Timeouts.FirstBytes, session.Time);
        if (!await words.MoreAsync())
            return words.Outcome;
        return words.Bytes[0] switch
        {
            Socks4.Version => await RunSocks4Async(session, words),
            Socks5Login.Version => await RunSocks5Async(session, words),
            _ => await RunHttpAsync(session, words),
        };
    }

    /// <summary>Whether a client is of this machine, which may reach what only this machine should. What the far end of a tunnel calls its loopback is not ours.</summary>
    private static bool IsLocal(StreamSession session) => session.Binding.Plan.At is null && (session.Source is not { } source || IPAddress.IsLoopback(source.ToAddress()));

    /// <summary>Dials for the client, and answers it; null: the answer was a refusal, and is said.</summary>
    private async ValueTask<(Connection? Upstream, SessionOutcome Failure)> DialAsync(StreamSession session, EndPoint target, Func<DialResult, ReadOnlyMemory<byte>> answer)
    {
        session.Talk.Target = Destination.ToText(target);
        var dial = await session.DialAsync(cancel => destinations.DialAsync(target, IsLocal(session), cancel));
        try
        {
            await session.Peer.WriteAsync(answer(dial));
        }
        catch (ConnectionException)
        {
            dial.Connection?.Dispose();
            throw;
        }
        if (dial.Connection is not null)
            return (dial.Connection, SessionOutcome.Fault);
        try
        {
            await SayGoodbyeAsync(session);
        }
        catch (ConnectionException)
        {
            // Who does not wait for the end of the answer has it all the same.
        }
        return (null, OutcomeOf(dial));
    }

    private static SessionOutcome OutcomeOf(DialResult dial)
    {
        var outcome = SessionOutcome.Of(dial);
        return dial.Outcome == DialOutcome.NotAllowed ? outcome with { Cause = SessionCause.Denied, By = dial.Detail == Destinations.ForbiddenHere ? Side.Fairlead : Side.Upstream } : outcome;
    }

    private static async ValueTask<SessionOutcome> RelayAsync(StreamSession session, Connection upstream)
    {
        try
        {
            return SessionOutcome.Of(await session.RelayAsync(upstream));
        }
        finally
        {
            upstream.Dispose();
        }
    }

    private async ValueTask<SessionOutcome> ConnectAsync(StreamSession session, FirstWords words, EndPoint target, Func<DialResult, ReadOnlyMemory<byte>> answer)
    {
        words.Dispose();
        var (upstream, failure) = await DialAsync(session, target, answer);
        return upstream is null ? failure : await RelayAsync(session, upstream);
    }

    private static async ValueTask<SessionOutcome> RefuseAsync(StreamSession session, FirstWords words, ReadOnlyMemory<byte> answer, SessionOutcome outcome)
    {
        // No time runs any more for what the client says.
        words.Dispose();
        try
        {
            await session.Peer.WriteAsync(answer);
            await SayGoodbyeAsync(session);
        }
        catch (ConnectionException)
        {
            // Who does not wait for the answer is refused all the same.
        }
        return outcome;
    }

    /// <summary>
    /// Closes so that the last answer arrives: a close with bytes that nobody has read is a reset, which takes away what the peer has not read either
    /// (RFC 9112 section 9.6). What still comes is dropped, for a moment.
    /// </summary>
    private static async ValueTask SayGoodbyeAsync(StreamSession session)
    {
        const int MostDropped = 256 << 10;
        await session.Peer.CompleteWritesAsync();
        using var rest = new FirstWords(session.Peer, TimeSpan.FromSeconds(2), session.Time);
        try
        {
            for (var dropped = 0; dropped < MostDropped && await rest.MoreAsync(); dropped += rest.Bytes.Length, rest.Consume(rest.Bytes.Length))
            {
            }
        }
        catch (ConnectionException)
        {
            // The peer has gone, which is all that was waited for.
        }
        rest.Consume(rest.Bytes.Length);
    }
}
