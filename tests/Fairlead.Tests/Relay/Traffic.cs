using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What the ends of a connection do in tests of what lies between them.</summary>
internal static class Traffic
{
    public static byte[] RandomBytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    /// <summary>Odd sizes from 1 to 70,000, small ones more often.</summary>
    public static Func<int> OddSizes(int seed)
    {
        var random = new Random(seed);
        return () => (random.Next(1, 70_000) >> random.Next(0, 17)) | 1;
    }

    /// <summary>Writes everything in pieces, and then the end.</summary>
    public static async Task SendAsync(Connection connection, byte[] bytes, Func<int>? sizes = null)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            var size = Math.Min(sizes?.Invoke() ?? bytes.Length, bytes.Length - sent);
            await connection.WriteAsync(bytes.AsMemory(sent, size));
            sent += size;
        }
        await connection.CompleteWritesAsync();
    }

    /// <summary>Reads to the end, which must be an orderly one, and compares.</summary>
    public static async Task ExpectToEndAsync(Connection connection, byte[] expected, Func<int>? sizes = null)
    {
        var (bytes, error) = await DrainAsync(connection, sizes);
        Assert.Null(error);
        Assert.Equal(expected.Length, bytes.Length);
        Assert.True(bytes.AsSpan().SequenceEqual(expected), "What arrived is not what was sent.");
    }

    /// <summary>Reads so many bytes as there is room for.</summary>
    public static async Task UntilFullAsync(Connection connection, byte[] bytes)
    {
        for (var read = 0; read < bytes.Length;)
        {
            var got = await connection.ReadAsync(bytes.AsMemory(read));
            Assert.NotEqual(0, got);
            read += got;
        }
    }

    /// <summary>Reads so many bytes and compares.</summary>
    public static async Task ExpectAsync(Connection connection, byte[] expected)
    {
        var bytes = new byte[expected.Length];
        await UntilFullAsync(connection, bytes);
        Assert.True(bytes.AsSpan().SequenceEqual(expected), "What arrived is not what was sent.");
    }

    /// <summary>Writes a few bytes at one end and reads them at the other: both still live.</summary>
    public static Task SayAsync(Connection from, Connection to, string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text);
        return Task.WhenAll(from.WriteAsync(bytes).AsTask(), ExpectAsync(to, bytes));
    }

    /// <summary>Reads until there is no more: what there was, and how it broke; null after an orderly end.</summary>
    public static async Task<(byte[] Bytes, ConnectionError? Error)> DrainAsync(Connection connection, Func<int>? sizes = null)
    {
        using var all = new MemoryStream();
        var buffer = new byte[128 << 10];
        try
        {
            while (await connection.ReadAsync(buffer.AsMemory(0, sizes?.Invoke() ?? buffer.Length)) is var count and > 0)
                all.Write(buffer, 0, count);
            return (all.ToArray(), null);
        }
        catch (ConnectionException e)
        {
            return (all.ToArray(), e.Error);
        }
    }

    /// <summary>Waits, turn by turn, until something is so.</summary>
    public static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
            await Task.Yield();
    }

    /// <summary>Waits until a count has not moved for many turns: what is behind it waits for somebody.</summary>
    public static async Task UntilStillAsync(Func<long> count)
    {
        var last = count();
        for (var turns = 0; turns < 2000; turns++)
        {
            await Task.Yield();
            if (count() is var now && now != last)
                (last, turns) = (now, 0);
        }
    }
}

/// <summary>Somebody who writes on and on, until that fails or was enough.</summary>
internal sealed class Writer
{
    private readonly Connection connection;
    private readonly byte[] bytes;
    private readonly int piece;
    private long written;

    /// <summary>Starts writing; the last piece is followed by the end.</summary>
    public Writer(Connection connection, byte[] bytes, int piece = 16 << 10)
    {
        this.connection = connection;
        this.bytes = bytes;
        this.piece = piece;
        Ending = RunAsync();
    }

    /// <summary>How many bytes the transport has taken.</summary>
    public long Written => Interlocked.Read(ref written);

    /// <summary>How it ended: null when everything was taken.</summary>
    public Task<ConnectionError?> Ending { get; }

    private async Task<ConnectionError?> RunAsync()
    {
        try
        {
            for (var sent = 0; sent < bytes.Length; sent += piece)
            {
                await connection.WriteAsync(bytes.AsMemory(sent, Math.Min(piece, bytes.Length - sent)));
                Interlocked.Add(ref written, Math.Min(piece, bytes.Length - sent));
            }
            await connection.CompleteWritesAsync();
            return null;
        }
        catch (ConnectionException e)
        {
            return e.Error;
        }
    }
}
