using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>A server that answers only once the client has ended.</summary>
internal sealed class LateAnswer : IDisposable
{
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public LateAnswer()
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _ = ServeAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    public void Dispose() => listener.Dispose();

    private async Task ServeAsync()
    {
        using var socket = await listener.AcceptAsync();
        var buffer = new byte[1024];
        var question = "";
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
            question += Encoding.ASCII.GetString(buffer, 0, count);
        await socket.SendAsync(Encoding.ASCII.GetBytes($"the answer to {question}"));
    }
}
