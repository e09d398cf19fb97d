using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>A target that sends each datagram back to where it came from, on one thread by blocking calls.</summary>
sealed class DatagramEcho : IDisposable
{
    readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    readonly Thread thread;
    volatile bool closed;

    public DatagramEcho()
    {
        socket.ReceiveBufferSize = socket.SendBufferSize = 4 << 20;
        socket.Bind(Loopback.NewEndPoint());
        EndPoint = (IPEndPoint)socket.LocalEndPoint!;
        thread = new(Echo) { IsBackground = true, Name = "echo" };
        thread.Start();
    }

    public IPEndPoint EndPoint { get; }

    void Echo()
    {
        var buffer = new byte[65_507];
        var peer = new SocketAddress(AddressFamily.InterNetwork);
        while (true)
        {
            try
            {
                var n = socket.ReceiveFrom(buffer, SocketFlags.None, peer);
                if (closed)
                    return;
                socket.SendTo(buffer.AsSpan(0, n), SocketFlags.None, peer);
            }
            catch (SocketException)
            {
                // One that cannot be answered is one that is lost: its client says so.
            }
        }
    }

    public void Dispose()
    {
        closed = true;
        using (var last = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
            last.SendTo([], EndPoint);
        thread.Join();
        socket.Dispose();
    }
}
