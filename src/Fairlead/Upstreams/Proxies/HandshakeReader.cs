using Fairlead.Net;

namespace Fairlead;

/// <summary>A parser of what the other side says: see <see cref="Parsed{T}"/>.</summary>
internal delegate Parsed<T> Parse<T>(ReadOnlySpan<byte> bytes);

/// <summary>Reads messages from a connection one after the other. What is read beyond a message is the next one's, or given back.</summary>
/// <param name="connection">The connection.</param>
/// <param name="mostBytes">How long a message may be.</param>
internal sealed class HandshakeReader(Connection connection, int mostBytes)
{
    private readonly byte[] buffer = new byte[mostBytes];
    private int start, end;

    /// <summary>Reads the next message. A stream that ends within it is wrong, and so is a message that is too long.</summary>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public async ValueTask<Parsed<T>> ReadAsync<T>(Parse<T> parse)
    {
        while (true)
        {
            var parsed = parse(buffer.AsSpan(start..end));
            if (!parsed.NeedsMore)
            {
                start += parsed.Length;
                return parsed;
            }
            if (start > 0)
            {
                buffer.AsSpan(start..end).CopyTo(buffer);
                (start, end) = (0, end - start);
            }
            if (end == buffer.Length)
                return Parsed.Wrong<T>($"what it says is longer than {buffer.Length} bytes");
            var count = await connection.ReadAsync(buffer.AsMemory(end));
            if (count == 0)
                return Parsed.Wrong<T>("the connection was closed during the handshake");
            end += count;
        }
    }

    /// <summary>Gives back to the connection what was read beyond the last message.</summary>
    public void GiveBack()
    {
        connection.Unread(buffer.AsSpan(start..end));
        start = end;
    }
}
