using System.ComponentModel;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What became of a handshake. The network is not exceptional, so this is a value.</summary>
/// <param name="Connection">The connection inside TLS, which the caller owns and which owns the one beneath; null if there is none.</param>
/// <param name="Detail">Why not, in words for a log; a stranger's text in it is escaped.</param>
/// <param name="HasTimedOut">It took too long.</param>
internal readonly record struct TlsResult(TlsConnection? Connection, string? Detail = null, bool HasTimedOut = false);

/// <summary>The handshake of either end over a connection.</summary>
/// <remarks>
/// Its computing, in the order of a millisecond, runs on the thread pool. That runs about as many pieces at once as there are processors, and the system shares those between it and the
/// loops; what waits there is at most one piece for each session that is let in, so that the bound of sessions is its bound too. A client that says nothing holds none
/// of it. The bytes are read and written where the connection belongs.
/// </remarks>
internal static class TlsHandshake
{
    /// <summary>Makes one.</summary>
    /// <param name="inner">
    /// The connection beneath. It stays the caller's unless there is a connection inside TLS; to be closed with <see cref="Connection.Dispose"/>, which lets an alert through. Where
    /// it took too long, it has been aborted.
    /// </param>
    /// <param name="authenticate">The handshake itself; started on the thread pool.</param>
    /// <param name="time">Measures the limit.</param>
    /// <param name="limit">How long it may take, both ends together; <see cref="Timeout.InfiniteTimeSpan"/>: as long as it likes.</param>
    /// <param name="explain">A reason that is better than the exception's, if there is one.</param>
    public static async ValueTask<TlsResult> RunAsync(Connection inner, Func<SslStream, Task> authenticate, TimeProvider time, TimeSpan limit, Func<string?>? explain = null)
    {
        var transport = new TlsTransport(inner);
        var stream = new SslStream(transport, leaveInnerStreamOpen: true);
        var isOver = 0;
        var timer = time.CreateTimer(_ => Cut(), null, limit, Timeout.InfiniteTimeSpan);
        TlsResult result;
        try
        {
            await Task.Run(() => authenticate(stream));
            var isLate = Interlocked.Exchange(ref isOver, 1) != 0;
            result = isLate ? TooLate() : new TlsResult(new TlsConnection(inner, stream, transport));
        }
        catch (Exception e) when (e is IOException or AuthenticationException or InvalidOperationException or Win32Exception or CryptographicException)
        {
            var isLate = Interlocked.Exchange(ref isOver, 1) != 0;
            result = isLate ? TooLate() : new TlsResult(null, explain?.Invoke() ?? Words(e, transport));
        }
        finally
        {
            timer.Dispose();
        }
        if (result.Connection is null)
            stream.Dispose();
        return result;

        void Cut()
        {
            if (Interlocked.Exchange(ref isOver, 1) == 0)
                inner.Context.Run(inner.Abort);
        }

        TlsResult TooLate() => new(null, $"the TLS handshake took longer than {Duration.ToText(limit)}", HasTimedOut: true);
    }

    // .NET hides OpenSSL's words behind "see inner exception".
    private static string Words(Exception exception, TlsTransport transport)
    {
        if (transport.HasEnded)
            return "the peer ended the connection during the TLS handshake";
        if (exception is ConnectionException)
            return $"the TLS handshake was cut short: {Printable.Escape(exception.Message)}";
        var deepest = exception.GetBaseException();
        return $"the TLS handshake failed: {Printable.Escape(deepest.Message.Trim())}";
    }
}
