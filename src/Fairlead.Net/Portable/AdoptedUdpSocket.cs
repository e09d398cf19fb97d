using System.Net.Sockets;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// A UDP socket that another program has too. .NET ends what waits on a socket that is closed by shutting the socket down, which would reach the other:
/// here, the wait is given up first, and closes it when it is over.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class AdoptedUdpSocket(Socket socket, bool choosesAddress) : LinuxUdpSocket(socket, isConnected: false, choosesAddress)
{
    private readonly CancellationTokenSource stopping = new();
    private readonly Lock gate = new();
    private bool isWaiting, isClosed;

    /// <inheritdoc/>
    public override async ValueTask<SocketError> WaitAsync()
    {
        lock (gate)
        {
            if (isClosed)
                return SocketError.OperationAborted;
            isWaiting = true;
        }
        var error = await base.WaitAsync().ConfigureAwait(false);
        bool isLast;
        lock (gate)
        {
            isWaiting = false;
            isLast = isClosed;
        }
        if (isLast)
            base.Close();
        return error;
    }

    /// <inheritdoc/>
    protected override void Close()
    {
        lock (gate)
        {
            if (isClosed)
                return;
            isClosed = true;
            if (!isWaiting)
                base.Close();
        }
        stopping.Cancel();
    }

    /// <inheritdoc/>
    protected override CancellationToken Stopping => stopping.Token;
}
