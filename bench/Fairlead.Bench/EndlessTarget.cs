using System.Net;
using System.Net.Sockets;

namespace Fairlead.Bench;

/// <summary>A web server whose only page has no end, with a thread for each connection.</summary>
sealed class EndlessTarget : IDisposable
{
    readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public EndlessTarget()
    {
        listener.Bind(Loopback.NewEndPoint());
        listener.Listen();
        new Thread(Accept) { IsBackground = true, Name = "endless" }.Start();
    }

    public IPEndPoint EndPoint => (IPEndPoint)listener.LocalEndPoint!;

    void Accept()
    {
        try
        {
            while (true)
            {
                var connection = listener.Accept();
                new Thread(() => Pour(connection)) { IsBackground = true, Name = "endless" }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
        }
    }

    /// <summary>Until the client has had enough.</summary>
    static void Pour(Socket connection)
    {
        var buffer = new byte[128 << 10];
        using (connection)
        {
            try
            {
                if (connection.Receive(buffer) == 0)
                    return;
                connection.Send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"u8);
                while (true)
                    connection.Send(buffer);
            }
            catch (SocketException)
            {
            }
        }
    }

    public void Dispose() => listener.Dispose();
}
