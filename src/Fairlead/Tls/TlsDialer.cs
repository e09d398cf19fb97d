using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Dials as another dialer does, and goes on inside TLS.</summary>
/// <param name="inner">Makes the connection beneath.</param>
/// <param name="client">Makes the handshake; its owner's to dispose.</param>
/// <param name="time">Measures the timeout, where the dials are made.</param>
internal sealed class TlsDialer(IDialer inner, TlsClient client, TimeProvider time) : IDialer
{
    /// <summary>
    /// Dials within one timeout for both. A handshake that fails, or an upstream that cannot be believed, is <see cref="DialOutcome.Failed"/>, with the reason.
    /// </summary>
    /// <inheritdoc/>
    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        var deadline = new Deadline(time, timeout);
        var dial = await inner.DialAsync(target, timeout, cancel);
        if (dial.Connection is not { } plain)
            return dial;
        TlsResult result;
        using (cancel.UnsafeRegister(static connection => ((Connection)connection!).Context.Run(((Connection)connection).Abort), plain))
            result = await client.ConnectAsync(plain, target.ToString() ?? "", time, deadline.Left);
        if (result.Connection is { } connection && !cancel.IsCancellationRequested)
            return DialResult.To(connection);
        (result.Connection ?? plain).Dispose();
        if (cancel.IsCancellationRequested)
            return new DialResult(DialOutcome.Cancelled);
        return new DialResult(result.HasTimedOut ? DialOutcome.TimedOut : DialOutcome.Failed, null, result.Detail);
    }
}
