using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>Opens flows over sockets of .NET.</summary>
/// <param name="system">What there is to be had of the system.</param>
/// <param name="sources">What they leave from; null: the system chooses.</param>
internal sealed class SocketDatagramDialer(UdpSystem system, DialSources? sources = null) : IDatagramDialer
{
    /// <inheritdoc/>
    public ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default)
    {
        if (cancel.IsCancellationRequested)
            return ValueTask.FromResult(new DatagramDialResult(DialOutcome.Cancelled));
        if (SocketConnection.Normalise(target) is not IPEndPoint peer)
            throw new ArgumentException($"{target} is no IP address.", nameof(target));
        return ValueTask.FromResult(sources is null ? Open(peer, null, sink) : OpenFrom(sources, peer, sink));
    }

    // From the first of the sources that can be left from. A port belongs to one flow: two that shared it could take each other's datagrams.
    private DatagramDialResult OpenFrom(DialSources sources, IPEndPoint target, IDatagramSink sink)
    {
        var failure = Of(sources.NoneFor(target.AddressFamily));
        for (var tries = sources.For(target.AddressFamily); tries.MoveNext();)
        {
            try
            {
                return Open(target, tries.EndPoint, sink);
            }
            catch (SourceException e)
            {
                failure = Of(DialSources.Unusable(tries.Source, SystemWords.For(e, target.AddressFamily)));
                if (e.SocketErrorCode != SocketError.AddressAlreadyInUse)
                    tries.LeaveSource();
            }
        }
        return failure;
    }

    private DatagramDialResult Open(IPEndPoint target, IPEndPoint? source, IDatagramSink sink)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(target.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
            UdpOptions.Buffer(socket, UdpOptions.BufferLength, UdpOptions.BufferLength);
            UdpOptions.Fragment(socket);
            if (source is not null)
                Bind(socket, source);
            socket.Connect(target);
            var local = SocketConnection.Normalise(socket.LocalEndPoint)!;
            var flow = new SocketDatagramFlow(system.Connected(socket), local, target, SerialContext.Current ?? new SerialContext(), sink);
            return new DatagramDialResult(DialOutcome.Connected, flow);
        }
        catch (SourceException)
        {
            socket?.Dispose();
            throw;
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            return new DatagramDialResult(DialOutcomes.From(e.SocketErrorCode, target.AddressFamily), null, SystemWords.For(e, target.AddressFamily));
        }
    }

    private static void Bind(Socket socket, IPEndPoint source)
    {
        try
        {
            socket.Bind(source);
        }
        catch (SocketException e)
        {
            throw new SourceException((int)e.SocketErrorCode);
        }
    }

    private static DatagramDialResult Of(DialResult result) => new(result.Outcome, null, result.Detail);

    /// <summary>The source cannot be bound to.</summary>
    private sealed class SourceException(int error) : SocketException(error);
}
