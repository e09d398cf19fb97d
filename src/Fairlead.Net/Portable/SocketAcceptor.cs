using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// A listening socket of .NET. <see cref="WaitAsync"/> accepts, one at a time, and <see cref="TryAccept"/> hands out: .NET has no
/// way to wait for a listener to become readable.
/// </summary>
internal sealed class SocketAcceptor : IListenAcceptor
{
    private readonly Socket listener;
    private readonly UnixListen? path;
    private readonly ListenOptions options;
    private readonly CancellationTokenSource unbinding = new();
    private readonly Lock gate = new();
    private readonly Queue<Socket> accepted = [];
    private readonly bool isInherited;
    private volatile SocketTuning tuning;
    private bool closed, disposed, isAccepting;

    // Whether others have descriptors of the socket, for whom it must stay as it is.
    private bool isShared;

    /// <summary>
    /// Takes over a socket that listens and does not block, and the path that it was bound to, if it is a Unix socket of ours. An inherited
    /// one has other owners.
    /// </summary>
    public SocketAcceptor(Socket listener, EndPoint local, ListenOptions options, UnixListen? path = null, bool isInherited = false)
    {
        this.isInherited = isShared = isInherited;
        tuning = options.Tuning;
        this.listener = listener;
        this.options = options;
        this.path = path;
        LocalEndPoint = local;
    }

    /// <inheritdoc/>
    public EndPoint LocalEndPoint { get; }

    /// <inheritdoc/>
    public SynchronizationContext? Context => null;

    /// <inheritdoc/>
    public object Listener => this;

    /// <inheritdoc/>
    public async ValueTask<bool> WaitAsync()
    {
        for (var faults = 1; ; faults++)
        {
            lock (gate)
            {
                if (accepted.Count > 0)
                    return true;
                if (closed)
                    return false;
            }
            var error = unbinding.IsCancellationRequested ? Drain() : await AcceptAsync().ConfigureAwait(false);
            if (error == SocketError.Success)
                continue;
            var remedy = AcceptFault.Decide(error);
            if (remedy == AcceptRemedy.Stop)
                throw AcceptFault.Broken(LocalEndPoint, error);
            if (remedy == AcceptRemedy.CarryOn && faults % AcceptFault.MaxInARow != 0)
                continue;
            options.OnPause?.Invoke(error);
            await Task.Delay(AcceptFault.NextPause()).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public Connection? TryAccept()
    {
        Socket? socket;
        lock (gate)
        {
            if (!accepted.TryDequeue(out socket))
                return null;
        }
        try
        {
            if (LocalEndPoint is UnixDomainSocketEndPoint)
                return new SocketConnection(socket, LocalEndPoint, socket.RemoteEndPoint);
            TcpOptions.Apply(socket, tuning);
            return new SocketConnection(socket, socket.LocalEndPoint, socket.RemoteEndPoint);
        }
        catch (SocketException)
        {
            // The client has gone already.
            socket.Dispose();
            return null;
        }
    }

    /// <inheritdoc/>
    public void Unbind()
    {
        path?.Dispose();
        unbinding.Cancel();
        Drain();
    }

    /// <inheritdoc/>
    public void Tune(SocketTuning tuning)
    {
        this.tuning = tuning;
        lock (gate)
        {
            if (!closed && LocalEndPoint is IPEndPoint)
                TcpOptions.Clear(listener);
        }
    }

    /// <inheritdoc/>
    [SupportedOSPlatform("linux")]
    public ListenSocket Duplicate()
    {
        lock (gate)
        {
            if (closed)
                throw AcceptFault.Broken(LocalEndPoint, SocketError.NotSocket);
            var duplicate = ListenSocket.Duplicate((int)listener.SafeHandle.DangerousGetHandle(), LocalEndPoint, path, isInherited);
            isShared = true;
            return duplicate;
        }
    }

    /// <inheritdoc/>
    public void Leave()
    {
        lock (gate)
            closed = true;
        path?.Dispose();
        unbinding.Cancel();
        Close();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Socket[] left;
        lock (gate)
        {
            if (disposed)
                return;
            disposed = closed = true;
            left = [.. accepted];
            accepted.Clear();
        }
        path?.Dispose();
        unbinding.Cancel();
        Close();
        foreach (var socket in left)
            Reset(socket);
    }

    private async ValueTask<SocketError> AcceptAsync()
    {
        lock (gate)
        {
            if (closed)
                return SocketError.Success;
            isAccepting = true;
        }
        try
        {
            var socket = await listener.AcceptAsync(unbinding.Token).ConfigureAwait(false);
            lock (gate)
            {
                if (!disposed)
                {
                    accepted.Enqueue(socket);
                    return SocketError.Success;
                }
            }
            Reset(socket);
            return SocketError.Success;
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return unbinding.IsCancellationRequested ? SocketError.Success : e.SocketErrorCode;
        }
        finally
        {
            bool isLast;
            lock (gate)
            {
                isAccepting = false;
                isLast = closed;
            }
            if (isLast)
                listener.Dispose();
        }
    }

    /// <summary>
    /// Takes at once whatever the kernel has accepted, then closes the listener: waiting until each is admitted would let more in
    /// for as long as that lasts. A fault leaves the listener open, and the next wait goes on here.
    /// </summary>
    private SocketError Drain()
    {
        lock (gate)
        {
            try
            {
                // The kernel's queue holds one more than the backlog. Whoever comes while it is emptied is not owed anything.
                while (!closed && accepted.Count <= options.Backlog)
                    accepted.Enqueue(listener.Accept());
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                // Nobody is left.
            }
            catch (SocketException e)
            {
                return e.SocketErrorCode;
            }
            closed = true;
        }
        Close();
        return SocketError.Success;
    }

    // .NET ends what is under way on a socket that is closed by disconnecting it, or has its close reset it, which would reach the others who
    // listen on it: there, what is under way is given up first, and closes it when it is over.
    private void Close()
    {
        lock (gate)
        {
            if (isShared && isAccepting)
                return;
        }
        listener.Dispose();
    }

    /// <summary>What the kernel does to a connection that nobody accepted.</summary>
    private static void Reset(Socket socket) => socket.Close(timeout: 0);
}
