using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// The sockets of .NET, on any system it runs on. Its connections and acceptors may be used from any thread.
/// </summary>
public sealed class PortableNetwork : INetwork
{
    private readonly UdpSystem udp;

    /// <summary>The sockets of the system that this runs on.</summary>
    public PortableNetwork()
        : this(UdpSystem.Current)
    {
    }

    /// <summary>The same with the UDP sockets of another system, for tests.</summary>
    internal PortableNetwork(UdpSystem udp)
    {
        this.udp = udp;
    }

    /// <inheritdoc/>
    public IDialer Dialer { get; } = new SocketDialer(SocketTuning.Default);

    /// <inheritdoc/>
    public IDialer DialerWith(SocketTuning tuning, IReadOnlyList<DialSource>? sources = null) => new SocketDialer(tuning, DialSources.Of(sources));

    /// <inheritdoc/>
    public TimeProvider Time => TimeProvider.System;

    /// <inheritdoc/>
    public SynchronizationContext NextContext() => new SerialContext();

    /// <inheritdoc/>
    /// <returns>A single acceptor, whatever <see cref="ListenOptions.Shared"/> says: there are no event loops here.</returns>
    public IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options) => endPoint switch
    {
        IPEndPoint => [ListenTcp((IPEndPoint)SocketConnection.Normalise(endPoint)!, options)],
        UnixDomainSocketEndPoint unix => [ListenUnix(unix, options)],
        _ => throw new ArgumentException($"{endPoint} is neither an IP address nor a Unix path.", nameof(endPoint)),
    };

    /// <inheritdoc/>
    public IAcceptor ListenHere(IPEndPoint endPoint, ListenOptions options) => Listen(endPoint, options)[0];

    /// <inheritdoc/>
    [SupportedOSPlatform("linux")]
    public IReadOnlyList<IAcceptor> Adopt(int descriptor, ListenOptions options) => Adopt(ListenSocket.Inherited(descriptor), options);

    /// <summary>Accepts from a socket that it takes.</summary>
    [SupportedOSPlatform("linux")]
    internal static IReadOnlyList<IAcceptor> Adopt(ListenSocket socket, ListenOptions options)
    {
        var listener = new Socket(new SafeSocketHandle(socket.Take(), ownsHandle: true)) { Blocking = false };
        if (socket.LocalEndPoint is IPEndPoint)
            TcpOptions.Clear(listener);
        return [new SocketAcceptor(listener, socket.LocalEndPoint, options, socket.Claim, socket.IsInherited)];
    }

    /// <inheritdoc/>
    public IDatagramDialer DatagramDialerWith(IReadOnlyList<DialSource>? sources = null) => new SocketDatagramDialer(udp, DialSources.Of(sources));

    /// <inheritdoc/>
    /// <returns>A single listener, whatever <see cref="DatagramListenOptions.Shared"/> says: there are no event loops here.</returns>
    public IReadOnlyList<DatagramListener> ListenDatagrams(IPEndPoint endPoint, DatagramListenOptions options)
    {
        endPoint = (IPEndPoint)SocketConnection.Normalise(endPoint)!;
        var isWildcard = endPoint.Address.Equals(IPAddress.Any) || endPoint.Address.Equals(IPAddress.IPv6Any);
        try
        {
            if (isWildcard && udp.Addresses is { } addresses)
            {
                var sockets = AddressSockets.Bind(udp, addresses, endPoint, options.ReceiveBuffer);
                return [new SocketDatagramListener(sockets, new IPEndPoint(endPoint.Address, sockets.Port), sockets.ReceiveBuffer)];
            }
            var socket = UdpSystem.Bind(endPoint, isWildcard, options.ReceiveBuffer);
            var local = new IPEndPoint(endPoint.Address, ((IPEndPoint)socket.LocalEndPoint!).Port);
            return [new SocketDatagramListener(udp.Bound(socket, isWildcard), local, UdpOptions.ReceiveBuffer(socket))];
        }
        catch (SocketException e)
        {
            throw new ListenException(endPoint, e.SocketErrorCode, $"Cannot listen on {endPoint}: {SystemWords.For(e, endPoint.AddressFamily)}.", e);
        }
    }

    /// <inheritdoc/>
    public DatagramListener ListenDatagramsHere(IPEndPoint endPoint, DatagramListenOptions options) => ListenDatagrams(endPoint, options)[0];

    /// <inheritdoc/>
    [SupportedOSPlatform("linux")]
    public DatagramListener AdoptDatagrams(int descriptor, DatagramListenOptions options)
    {
        var socket = UdpSystem.Inherit(descriptor, out var local);
        UdpOptions.Buffer(socket, options.ReceiveBuffer, UdpOptions.BufferLength);
        UdpOptions.Fragment(socket);
        var isWildcard = local.Address.Equals(IPAddress.Any) || local.Address.Equals(IPAddress.IPv6Any);
        return new SocketDatagramListener(new AdoptedUdpSocket(socket, isWildcard), local, UdpOptions.ReceiveBuffer(socket));
    }

    /// <summary>Does nothing: connections and acceptors belong to whoever got them.</summary>
    public void Dispose()
    {
    }

    private static SocketAcceptor ListenTcp(IPEndPoint endPoint, ListenOptions options)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
                socket.DualMode = endPoint.Address.Equals(IPAddress.IPv6Any);

            // Elsewhere .NET binds with SO_REUSEADDR by itself, so that TIME_WAIT does not stand in the way. Asking for it would
            // bring SO_REUSEPORT too, and a second process of the same user would share the port in silence.
            if (OperatingSystem.IsWindows())
                socket.ExclusiveAddressUse = true;
            socket.Bind(endPoint);
            socket.Listen(options.Backlog);
            return new SocketAcceptor(socket, socket.LocalEndPoint!, options);
        }
        catch (SocketException e)
        {
            socket?.Dispose();
            throw new ListenException(endPoint, e.SocketErrorCode, $"Cannot listen on {endPoint}: {SystemWords.For(e, endPoint.AddressFamily)}.", e);
        }
    }

    private static SocketAcceptor ListenUnix(UnixDomainSocketEndPoint endPoint, ListenOptions options)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
            var path = UnixListen.Claim(
                endPoint, name => socket.Bind(new UnixDomainSocketEndPoint(name)), () => socket.Listen(options.Backlog));
            return new SocketAcceptor(socket, endPoint, options, path);
        }
        catch (SocketException e)
        {
            throw new ListenException(endPoint, e.SocketErrorCode, $"Cannot listen on {endPoint}: {SystemWords.For(e, endPoint.AddressFamily)}.", e);
        }
        catch
        {
            socket?.Dispose();
            throw;
        }
    }
}
