using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>A target that sends back what it gets.</summary>
sealed class EchoTarget : IDisposable
{
    readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    readonly List<Socket> connections = [];
    readonly Lock gate = new();
    readonly bool onlyOnce;
    readonly byte mark;

    /// <param name="onlyOnce">Answers the first byte of a connection and then lets it lie: no thread for each of thousands.</param>
    /// <param name="mark">Added to the first byte of each answer, to tell targets apart.</param>
    public EchoTarget(bool onlyOnce, byte mark = 0)
    {
        (this.onlyOnce, this.mark) = (onlyOnce, mark);
        listener.Bind(Loopback.NewEndPoint());
        listener.Listen(4096);
        new Thread(Accept) { IsBackground = true, Name = "echo" }.Start();
    }

    public IPEndPoint EndPoint => (IPEndPoint)listener.LocalEndPoint!;

    void Accept()
    {
        while (true)
        {
            Socket connection;
            try
            {
                connection = listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
            lock (gate)
                connections.Add(connection);
            if (onlyOnce)
                Echo(connection);
            else
                // Blocking, on a thread of its own: what is measured is a forwarder's round trip, not this pool's.
                new Thread(() => Echo(connection)) { IsBackground = true, Name = "echo" }.Start();
        }
    }

    void Echo(Socket connection)
    {
        var buffer = new byte[onlyOnce ? 1 : 4096];
        try
        {
            connection.NoDelay = true;
            do
            {
                var n = connection.Receive(buffer);
                if (n == 0)
                {
                    connection.Dispose();
                    return;
                }
                buffer[0] += mark;
                connection.Send(buffer.AsSpan(0, n));
            }
            while (!onlyOnce);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            connection.Dispose();
        }
    }

    /// <summary>Closes what lies. A forwarder that is asked to end would wait for it.</summary>
    public void CloseConnections()
    {
        lock (gate)
        {
            foreach (var connection in connections)
                connection.Dispose();
            connections.Clear();
        }
    }

    public void Dispose()
    {
        listener.Dispose();
        CloseConnections();
    }
}
