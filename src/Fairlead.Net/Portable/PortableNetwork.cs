using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// The sockets of .NET, on any system it runs on. Its connections and acceptors may be used from any thread.
/// </summary>
public sealed class PortableNetwork : INetwork
{
    /// <inheritdoc/>
    public IDialer Dialer { get; } = new SocketDialer(SocketTuning.Default);

    /// <inheritdoc/>
    public IDialer DialerWith(SocketTuning tuning, IReadOnlyList<DialSource>? sources = null) => new SocketDialer(tuning, DialSources.Of(sources));

    /// <inheritdoc/>
    public TimeProvider Time => TimeProvider.System;

    /// <inheritdoc/>
    /// <returns>A single acceptor, whatever <see cref="ListenOptions.Shared"/> says: there are no event loops here.</returns>
    public IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options) => endPoint switch
    {
        IPEndPoint => [ListenTcp((IPEndPoint)SocketConnection.Normalise(endPoint)!, options)],
        UnixDomainSocketEndPoint unix => [ListenUnix(unix, options)],
        _ => throw new ArgumentException($"{endPoint} is neither an IP address nor a Unix path.", nameof(endPoint)),
    };

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
