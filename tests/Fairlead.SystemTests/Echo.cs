using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>A server that sends back what it gets, and ends when the client has ended.</summary>
internal sealed class Echo : IDisposable
{
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public Echo(int port = 0)
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(4096);
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    public void Dispose() => listener.Dispose();

    /// <summary>Connects and sends one byte, which comes back: the way there is open.</summary>
    public static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        await ExchangeAsync(socket, 1);
        return socket;
    }

    /// <summary>Sends a byte and waits for it.</summary>
    public static async Task ExchangeAsync(Socket socket, byte value)
    {
        var buffer = new byte[] { value };
        await socket.SendAsync(buffer);
        buffer[0] = 0;
        Assert.Equal(1, await socket.ReceiveAsync(buffer));
        Assert.Equal(value, buffer[0]);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await listener.AcceptAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The end of the test.
        }
    }

    private static async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                var buffer = new byte[16 << 10];
                int count;
                while ((count = await socket.ReceiveAsync(buffer)) > 0)
                {
                    for (var sent = 0; sent < count;)
                        sent += await socket.SendAsync(buffer.AsMemory(sent, count - sent));
                }
                socket.Shutdown(SocketShutdown.Send);
            }
            catch (SocketException)
            {
                // A client that resets.
            }
        }
    }
}
