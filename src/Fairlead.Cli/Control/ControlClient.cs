using System.Net.Sockets;

namespace Fairlead.Cli;

/// <summary>Gives an order to a running <c>fairlead ssh</c>.</summary>
internal static class ControlClient
{
    // It may have to look up names, and to wait for another order.
    private static readonly TimeSpan mostForAnswer = TimeSpan.FromSeconds(30);

    /// <summary>Gives the order, and waits for the answer.</summary>
    /// <param name="path">Where the running one listens.</param>
    /// <param name="order">See <see cref="ControlOrder"/>.</param>
    /// <param name="server">Where it is connected to, for messages.</param>
    /// <returns>What is to be told to the user.</returns>
    /// <exception cref="StartException">Nobody is there, or it refuses.</exception>
    public static async Task<IReadOnlyList<string>> AskAsync(string path, IEnumerable<string> order, string server)
    {
        string[] answer;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            using var late = new CancellationTokenSource(mostForAnswer);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), late.Token).ConfigureAwait(false);
            if (!PeerUser.IsTrusted(PeerUser.Of(socket), PeerUser.Own))
                throw new StartException($"another user listens on {Printable.Escape(path)}; name the socket of your own (-S PATH)");
            var stream = new NetworkStream(socket);
            await using (stream.ConfigureAwait(false))
            {
                await stream.WriteAsync(ControlOrder.Write(order), late.Token).ConfigureAwait(false);
                socket.Shutdown(SocketShutdown.Send);
                answer = await ControlOrder.ReadAsync(stream, late.Token).ConfigureAwait(false);
            }
        }
        catch (SocketException)
        {
            throw new StartException($"no fairlead ssh to {Printable.Escape(server)} is running (nobody listens on {Printable.Escape(path)}); start it, or name its socket (-S PATH)");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or FormatException or ArgumentException)
        {
            throw new StartException($"the fairlead ssh that listens on {Printable.Escape(path)} has not answered: {Printable.Escape(e.Message)}", e);
        }
        // Escaped again, though it has done so: whoever answers may be none.
        string[] lines = [.. answer.Skip(1).Select(line => Printable.Escape(line, 4096))];
        return answer[0] == "ok" ? lines : throw new StartException(string.Join('\n', lines.DefaultIfEmpty("it has refused")));
    }
}
