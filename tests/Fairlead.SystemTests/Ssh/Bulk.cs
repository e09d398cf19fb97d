using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>What one end of a connection has sent and got, as SHA-256.</summary>
internal readonly record struct Hashed(string Sent, string Got, long GotBytes);

/// <summary>A server that sends bytes while it takes what its client sends, and clients of it.</summary>
internal sealed class Bulk : IDisposable
{
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public Bulk()
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
    }

    public int Port => ((IPEndPoint)listener.LocalEndPoint!).Port;

    /// <summary>Exchanges bytes with the server over a connection that comes out there, and compares the hashes of both ends.</summary>
    /// <param name="connect">Makes the connection.</param>
    /// <param name="up">How many bytes the client sends.</param>
    /// <param name="down">How many the server sends.</param>
    public async Task CompareAsync(Func<Task<Socket>> connect, long up, long down)
    {
        var serving = ServeAsync(down);
        using var client = await connect();
        var (near, far) = (await ExchangeAsync(client, up), await serving);
        Assert.Equal((up, down), (far.GotBytes, near.GotBytes));
        Assert.Equal((near.Sent, far.Sent), (far.Got, near.Got));
    }

    /// <summary>Takes the next client.</summary>
    public async Task<Socket> AcceptAsync() => await listener.AcceptAsync();

    public void Dispose() => listener.Dispose();

    /// <summary>Sends so many bytes and ends, and reads to the end meanwhile.</summary>
    public static async Task<Hashed> ExchangeAsync(Socket socket, long length)
    {
        var sending = Task.Run(() => SendAsync(socket, length));
        var (got, gotBytes) = await Task.Run(() => ReceiveAsync(socket));
        return new Hashed(await sending, got, gotBytes);
    }

    private async Task<Hashed> ServeAsync(long length)
    {
        using var socket = await listener.AcceptAsync();
        return await ExchangeAsync(socket, length);
    }

    // Each piece has its number in it, so that one that is lost or told twice is noticed.
    private static async Task<string> SendAsync(Socket socket, long length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var piece = RandomNumberGenerator.GetBytes(64 << 10);
        for (long left = length, number = 0; left > 0; number++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(piece, number);
            var part = piece.AsMemory(0, (int)Math.Min(piece.Length, left));
            hash.AppendData(part.Span);
            left -= part.Length;
            while (!part.IsEmpty)
                part = part[await socket.SendAsync(part)..];
        }
        socket.Shutdown(SocketShutdown.Send);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static async Task<(string Hash, long Length)> ReceiveAsync(Socket socket)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[256 << 10];
        var length = 0L;
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
        {
            hash.AppendData(buffer.AsSpan(0, count));
            length += count;
        }
        return (Convert.ToHexString(hash.GetHashAndReset()), length);
    }
}
