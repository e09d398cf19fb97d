using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>Dials with sockets of .NET.</summary>
/// <param name="tuning">Options of the TCP sockets.</param>
internal sealed class SocketDialer(SocketTuning tuning) : IDialer
{
    /// <inheritdoc/>
    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        target = SocketConnection.Normalise(target)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        Socket? socket = null;
        try
        {
            socket = Open(target);
            await socket.ConnectAsync(target, limit.Token).ConfigureAwait(false);
            cancel.ThrowIfCancellationRequested();
            var connection = new SocketConnection(socket, socket.LocalEndPoint, target);
            socket = null;
            return DialResult.To(connection);
        }
        catch (OperationCanceledException)
        {
            return cancel.IsCancellationRequested
                ? new DialResult(DialOutcome.Cancelled)
                : new DialResult(DialOutcome.TimedOut, Detail: $"no answer within {timeout.TotalSeconds:0.###} s");
        }
        catch (SocketException e)
        {
            return new DialResult(DialOutcomes.From(e.SocketErrorCode, target.AddressFamily), Detail: SystemWords.For(e, target.AddressFamily));
        }
        finally
        {
            // Closing is also what ends a connect that is still under way, so a late winner has nowhere to arrive.
            socket?.Dispose();
        }
    }

    private Socket Open(EndPoint target)
    {
        if (target is UnixDomainSocketEndPoint)
            return new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        var socket = new Socket(target.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            TcpOptions.Apply(socket, tuning);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
