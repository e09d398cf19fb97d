using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>Dials with sockets of .NET.</summary>
/// <param name="tuning">Options of the TCP sockets.</param>
/// <param name="sources">What they leave from; null: the system chooses.</param>
internal sealed class SocketDialer(SocketTuning tuning, DialSources? sources = null) : IDialer
{
    // linux/in.h; .NET has no name for it.
    private const int IPPROTO_IP = 0, IP_BIND_ADDRESS_NO_PORT = 24;

    /// <inheritdoc/>
    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        target = SocketConnection.Normalise(target)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        try
        {
            var result = sources is null || target is UnixDomainSocketEndPoint
                ? DialResult.To(await ConnectAsync(target, null, limit.Token).ConfigureAwait(false))
                : await ConnectFromAsync(sources, target, limit.Token).ConfigureAwait(false);
            if (!cancel.IsCancellationRequested)
                return result;
            result.Connection?.Dispose();
            return new DialResult(DialOutcome.Cancelled);
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
    }

    // From the first of the sources that can be left from.
    private async ValueTask<DialResult> ConnectFromAsync(DialSources sources, EndPoint target, CancellationToken cancel)
    {
        var failure = sources.NoneFor(target.AddressFamily);
        for (var tries = sources.For(target.AddressFamily); tries.MoveNext();)
        {
            try
            {
                return DialResult.To(await ConnectAsync(target, tries.EndPoint, cancel).ConfigureAwait(false));
            }
            catch (SourceException e)
            {
                failure = DialSources.Unusable(tries.Source, SystemWords.For(e, target.AddressFamily));
                if (e.SocketErrorCode != SocketError.AddressAlreadyInUse)
                    tries.LeaveSource();
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressAlreadyInUse or SocketError.AddressNotAvailable)
            {
                failure = DialSources.Unusable(tries.Source, SystemWords.For(e, target.AddressFamily));
            }
        }
        return failure;
    }

    private async ValueTask<SocketConnection> ConnectAsync(EndPoint target, IPEndPoint? source, CancellationToken cancel)
    {
        var socket = Open(target);
        try
        {
            if (source is not null)
                Bind(socket, source);
            await socket.ConnectAsync(target, cancel).ConfigureAwait(false);
            return new SocketConnection(socket, socket.LocalEndPoint, target);
        }
        catch
        {
            // Closing is also what ends a connect that is still under way, so a late winner has nowhere to arrive.
            socket.Dispose();
            throw;
        }
    }

    // Without a port, it is chosen by connect, when the pair with the target must be free and not the port altogether. With one, several
    // connections share it likewise: .NET binds with SO_REUSEADDR by itself.
    private static void Bind(Socket socket, IPEndPoint source)
    {
        try
        {
            if (source.Port == 0 && OperatingSystem.IsLinux())
                socket.SetRawSocketOption(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, BitConverter.GetBytes(1));
            socket.Bind(source);
        }
        catch (SocketException e)
        {
            throw new SourceException((int)e.SocketErrorCode);
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

    /// <summary>The source cannot be bound to.</summary>
    private sealed class SourceException(int error) : SocketException(error);
}
