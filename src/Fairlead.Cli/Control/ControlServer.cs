using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Cli;

/// <summary>Takes the orders of <c>fairlead ssh -O</c>, one at a time, from this process's user and root.</summary>
internal sealed class ControlServer : IAsyncDisposable
{
    // An order is there at once; whoever waits behind one that is not, waits no longer.
    private static readonly TimeSpan mostForOrder = TimeSpan.FromSeconds(2), pauseAfterFault = TimeSpan.FromMilliseconds(100);

    private readonly Socket socket;
    private readonly UnixListen claim;
    private readonly Func<string[], Task<string[]>> obey;
    private readonly CancellationTokenSource ended = new();
    private readonly Task serving;

    private ControlServer(Socket socket, UnixListen claim, Func<string[], Task<string[]>> obey)
    {
        (this.socket, this.claim, this.obey) = (socket, claim, obey);
        serving = ServeAsync();
    }

    /// <summary>Listens.</summary>
    /// <param name="path">Where.</param>
    /// <param name="isDefault">Whether the folder is made, and must be private.</param>
    /// <param name="obey">Does what it is told: the answer.</param>
    /// <exception cref="StartException">The folder cannot be had.</exception>
    /// <exception cref="ListenException">The path cannot be had.</exception>
    public static ControlServer Start(string path, bool isDefault, Func<string[], Task<string[]>> obey)
    {
        if (isDefault)
            AdminPlace.MakeFolder(path, mustBePrivate: true);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            return new ControlServer(socket, UnixListen.Claim(new UnixDomainSocketEndPoint(path), bound => socket.Bind(new UnixDomainSocketEndPoint(bound)), () => socket.Listen(16)), obey);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        claim.Dispose();
        await ended.CancelAsync().ConfigureAwait(false);
        await serving.ConfigureAwait(false);
        socket.Dispose();
        ended.Dispose();
    }

    private async Task ServeAsync()
    {
        while (await TryAcceptAsync().ConfigureAwait(false) is { } client)
        {
            using (client)
            {
                if (PeerUser.IsTrusted(PeerUser.Of(client), PeerUser.Own))
                    await AnswerAsync(client).ConfigureAwait(false);
            }
        }
    }

    // Null: it is over.
    private async Task<Socket?> TryAcceptAsync()
    {
        while (true)
        {
            try
            {
                return await socket.AcceptAsync(ended.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
            catch (SocketException)
            {
                // No descriptor is left, which passes.
                await Task.Delay(pauseAfterFault).ConfigureAwait(false);
            }
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        // An order that ends the process is answered all the same.
        using var late = new CancellationTokenSource(mostForOrder);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, ended.Token);
        var stream = new NetworkStream(client);
        await using (stream.ConfigureAwait(false))
        {
            try
            {
                var order = await ControlOrder.ReadAsync(stream, either.Token).ConfigureAwait(false);
                // Which may take longer than it took to come.
                var answer = await obey(order).ConfigureAwait(false);
                using var unread = new CancellationTokenSource(mostForOrder);
                await stream.WriteAsync(ControlOrder.Write(answer), unread.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (e is IOException or FormatException or OperationCanceledException)
            {
                // Whoever asked has gone, or has asked nothing.
            }
        }
    }
}
