using System.Net;
using System.Net.Sockets;

namespace Fairlead.Cli;

/// <summary>Sends back what it is sent, on a free port of the loopback; its clients' ends of stream too.</summary>
internal sealed class EchoServer : IAsyncDisposable
{
    /// <summary>Who comes beyond these waits in the backlog.</summary>
    private const int MaximumClients = 64;

    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource stop = new();
    private readonly Task[] lanes;

    public EchoServer()
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        lanes = [.. Enumerable.Range(0, MaximumClients).Select(_ => ServeAsync())];
    }

    public IPEndPoint EndPoint => (IPEndPoint)listener.LocalEndPoint!;

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(lanes).ConfigureAwait(false);
        listener.Dispose();
        stop.Dispose();
    }

    /// <summary>Serves one client after the other.</summary>
    private async Task ServeAsync()
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                using var client = await listener.AcceptAsync(stop.Token).ConfigureAwait(false);
                await EchoAsync(client).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException)
            {
                // The client is gone, or accepting failed; a pause keeps a lasting failure from spinning.
                await Task.Delay(100).ConfigureAwait(false);
            }
        }
    }

    private async Task EchoAsync(Socket client)
    {
        var buffer = new byte[16 * 1024];
        while (await client.ReceiveAsync(buffer, stop.Token).ConfigureAwait(false) is var count and > 0)
        {
            for (var sent = 0; sent < count;)
                sent += await client.SendAsync(buffer.AsMemory(sent, count - sent), stop.Token).ConfigureAwait(false);
        }
        client.Shutdown(SocketShutdown.Send);
    }
}
