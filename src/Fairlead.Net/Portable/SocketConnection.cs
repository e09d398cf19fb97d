using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Fairlead.Net;

/// <summary>A connection over a socket of .NET, TCP or Unix. It owns the socket.</summary>
internal sealed class SocketConnection : Connection
{
    private readonly Socket socket;
    private int closed;
    private bool writesCompleted;

    /// <summary>
    /// Takes over a connected socket. The endpoints are given rather than asked for later: they stay readable after the end, and
    /// the system knows a Unix listener only by the temporary name that it was bound under.
    /// </summary>
    public SocketConnection(Socket socket, EndPoint? local, EndPoint? remote)
    {
        this.socket = socket;
        LocalEndPoint = Normalise(local);
        RemoteEndPoint = Normalise(remote);
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint { get; }

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint { get; }

    /// <summary>For tests, which ask it for its options.</summary>
    internal Socket Socket => socket;

    /// <summary>IPv4 in IPv6's clothes becomes IPv4 (a rule for 10.0.0.0/8 must see it); an unnamed Unix socket has no address.</summary>
    internal static EndPoint? Normalise(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } ip => new IPEndPoint(ip.Address.MapToIPv4(), ip.Port),
        UnixDomainSocketEndPoint unix when unix.ToString().Length == 0 => null,
        _ => endPoint,
    };

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        try
        {
            // With an empty buffer, .NET waits on every system until a receive would not block.
            return await socket.ReceiveAsync(buffer, SocketFlags.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        if (writesCompleted)
            throw new InvalidOperationException("Writes were completed; nothing can follow.");
        try
        {
            while (!bytes.IsEmpty)
                bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None).ConfigureAwait(false)..];
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync()
    {
        if (writesCompleted)
            return default;
        try
        {
            socket.Shutdown(SocketShutdown.Send);
            writesCompleted = true;
            return default;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return ValueTask.FromException(Broken(e));
        }
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (SocketException)
        {
            // Some systems refuse the option once the peer has gone, when there is nobody left to reset.
        }
        socket.Dispose();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        try
        {
            // Without it, .NET turns a close that cancels an outstanding read into a reset, and what was written may be lost.
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // The peer has gone already.
        }
        socket.Dispose();
    }

    private ConnectionException Broken(Exception cause)
    {
        if (Volatile.Read(ref closed) != 0 || cause is not SocketException fault)
            return new ConnectionException(ConnectionError.Aborted, "The connection was closed at this end.", cause);
        return new ConnectionException(ConnectionErrors.From(fault.SocketErrorCode), fault.Message, fault);
    }
}
