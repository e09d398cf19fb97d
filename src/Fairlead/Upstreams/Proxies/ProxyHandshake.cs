using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Dials a proxy and talks with it until it has connected on, all within one timeout. Whoever waits for the proxy's word can be interrupted only by
/// the end of the connection: so this ends it when the time is up, or the dial is given up.
/// </summary>
internal static class ProxyHandshake
{
    /// <summary>Dials and talks. Never leaves a connection open that is not the result's.</summary>
    /// <param name="inner">Who dials the proxy.</param>
    /// <param name="proxy">Where it is.</param>
    /// <param name="proxyText">The proxy as it is shown, without a password; escaped. All failures begin with it.</param>
    /// <param name="talk">
    /// The conversation. It gives the connection on which bytes pass from now on, this one or one over it, with what came after the proxy's last word
    /// unread; or a failure in the proxy's words, which need not name it. It may let the connection's own exceptions through.
    /// </param>
    /// <param name="timeout">For all of it; <see cref="Timeout.InfiniteTimeSpan"/>: none.</param>
    /// <param name="time">Measures it, where the connection belongs.</param>
    /// <param name="cancel">Gives it up.</param>
    public static async ValueTask<DialResult> RunAsync(
        IDialer inner, EndPoint proxy, string proxyText, Func<Connection, ValueTask<DialResult>> talk, TimeSpan timeout, TimeProvider time, CancellationToken cancel)
    {
        var deadline = new Deadline(time, timeout);
        var dial = await inner.DialAsync(proxy, timeout, cancel);
        if (dial.Connection is not { } connection)
            return Named(proxyText, dial);
        var watch = new Watch(connection);
        var timer = timeout == Timeout.InfiniteTimeSpan
            ? null
            : time.CreateTimer(static watch => ((Watch)watch!).GiveUp(DialOutcome.TimedOut), watch, deadline.Left, Timeout.InfiniteTimeSpan);
        var cancellation = cancel.UnsafeRegister(static watch => ((Watch)watch!).GiveUp(DialOutcome.Cancelled), watch);
        DialResult result = default;
        try
        {
            result = await talk(connection);
        }
        catch (ConnectionException broken)
        {
            result = new DialResult(OutcomeOf(broken.Error), null, $"the connection broke during the handshake: {Printable.Escape(broken.Message)}");
        }
        finally
        {
            timer?.Dispose();
            cancellation.Unregister();
            // If it was given up in the same moment, the connection is gone, whatever the proxy has said.
            if (!watch.TryEnd())
            {
                result.Connection?.Dispose();
                connection.Abort();
                result = watch.Outcome == DialOutcome.Cancelled
                    ? new DialResult(DialOutcome.Cancelled)
                    : new DialResult(DialOutcome.TimedOut, null, $"no answer within {timeout.TotalSeconds:0.###} s");
            }
            else if (result.Connection is null)
            {
                connection.Dispose();
            }
        }
        return Named(proxyText, result);
    }

    private static DialResult Named(string proxyText, DialResult result) =>
        result.Connection is not null || result.Outcome == DialOutcome.Cancelled ? result : result with { Detail = $"proxy {proxyText}: {result.Detail ?? "it cannot be connected to"}" };

    private static DialOutcome OutcomeOf(ConnectionError error) => error switch
    {
        ConnectionError.TimedOut => DialOutcome.TimedOut,
        ConnectionError.Unreachable => DialOutcome.Unreachable,
        _ => DialOutcome.Failed,
    };

    /// <summary>Ends the connection unless the conversation has ended before; whichever is first.</summary>
    private sealed class Watch(Connection connection)
    {
        private int outcome;

        public DialOutcome Outcome => (DialOutcome)Volatile.Read(ref outcome);

        public void GiveUp(DialOutcome why)
        {
            if (Interlocked.CompareExchange(ref outcome, (int)why, 0) != 0)
                return;
            // Posted, never inline: the canceller is in the middle of something of its own, and may be elsewhere.
            connection.Context.Run(connection.Abort);
        }

        // Connected is 0: nobody has given it up.
        public bool TryEnd() => Interlocked.CompareExchange(ref outcome, (int)DialOutcome.Failed, (int)DialOutcome.Connected) == (int)DialOutcome.Connected;
    }
}
