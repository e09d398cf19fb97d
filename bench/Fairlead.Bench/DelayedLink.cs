using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>
/// A long way to a server: every byte arrives so much later, and as many as there are may be on it. Nothing of it is lost, and it never holds anybody up, so that what passes in a second is what the
/// two ends let be on the way.
/// </summary>
sealed class DelayedLink : IDisposable
{
    const int PieceLength = 64 << 10;

    readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly ConcurrentBag<Socket> sockets = [];
    readonly IPEndPoint server;
    readonly TimeSpan delay;

    /// <param name="server">Where it leads.</param>
    /// <param name="delay">One way; a round trip takes twice as long.</param>
    public DelayedLink(IPEndPoint server, TimeSpan delay)
    {
        (this.server, this.delay) = (server, delay);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        EndPoint = (IPEndPoint)listener.LocalEndPoint!;
        Run(Accept);
    }

    /// <summary>Where it begins.</summary>
    public IPEndPoint EndPoint { get; }

    public void Dispose()
    {
        listener.Dispose();
        foreach (var socket in sockets)
            socket.Dispose();
    }

    void Accept()
    {
        while (true)
        {
            var near = listener.Accept();
            sockets.Add(near);
            var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            sockets.Add(far);
            far.Connect(server);
            near.NoDelay = far.NoDelay = true;
            Carry(near, far);
            Carry(far, near);
        }
    }

    void Carry(Socket from, Socket to)
    {
        var onTheWay = new BlockingCollection<(long Sent, byte[] Bytes, int Count)>();
        Run(() =>
        {
            int count;
            do
            {
                var piece = ArrayPool<byte>.Shared.Rent(PieceLength);
                count = from.Receive(piece);
                onTheWay.Add((Stopwatch.GetTimestamp(), piece, count));
            }
            while (count > 0);
        });
        Run(() =>
        {
            foreach (var (sent, bytes, count) in onTheWay.GetConsumingEnumerable())
            {
                // A sleep takes a millisecond at the least: what is due by then leaves now, or small pieces would wait for one another.
                if (delay - Stopwatch.GetElapsedTime(sent) is { TotalMilliseconds: >= 1 } left)
                    Thread.Sleep(left);
                if (count == 0)
                {
                    to.Shutdown(SocketShutdown.Send);
                    return;
                }
                for (var at = 0; at < count;)
                    at += to.Send(bytes, at, count - at, SocketFlags.None);
                ArrayPool<byte>.Shared.Return(bytes);
            }
        });
    }

    // Whatever breaks a connection ends it: the others are not concerned.
    static void Run(Action action) => new Thread(() =>
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    })
    { IsBackground = true }.Start();
}
