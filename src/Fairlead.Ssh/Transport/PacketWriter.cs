using System.Buffers;
using System.Buffers.Binary;

namespace Fairlead.Ssh;

/// <summary>Packets on their way out (RFC 4253 section 6), each sealed where it will be sent from, one behind the other, so that many leave in one call.</summary>
/// <param name="random">Where padding comes from.</param>
internal sealed class PacketWriter(SshRandom random) : IDisposable
{
    // Section 6: padding of 4 to 255 bytes.
    private const int LeastPadding = 4;

    // Who sends much sends more at once: room for what may wait to leave, so that it is not copied while it grows.
    private const int Much = 4 << 10, RoomForMuch = SshTransport.HighWater + (64 << 10);

    private readonly byte[] paddings = new byte[1024];
    private int paddingsLeft;
    private byte[] buffer = [];
    private int count, payloadLength;
    private PacketCipher cipher = new PlainPacketCipher();
    private uint sequence;

    /// <summary>How many bytes wait to be taken.</summary>
    public int Count => count;

    /// <summary>How many bytes and packets were sealed with the present key.</summary>
    public long Bytes { get; private set; }

    public long Packets { get; private set; }

    /// <summary>Seals a packet with this payload.</summary>
    public void Append(ReadOnlySpan<byte> payload)
    {
        payload.CopyTo(Begin(payload.Length));
        Seal();
    }

    /// <summary>Seals a packet whose payload is a head and data, which is not copied first.</summary>
    public void Append(ReadOnlySpan<byte> head, ReadOnlySpan<byte> data)
    {
        head.CopyTo(Begin(head.Length + data.Length));
        Seal(data);
    }

    // Where the payload is to be written.
    private Span<byte> Begin(int length)
    {
        payloadLength = length;
        Reserve(5 + length + cipher.BlockSize + LeastPadding + cipher.TagLength);
        return buffer.AsSpan(count + 5, length);
    }

    // Seals what was begun, whose end lies elsewhere yet.
    private void Seal(ReadOnlySpan<byte> data = default)
    {
        var block = cipher.BlockSize;
        var counted = (cipher.IsLengthApart ? 1 : 5) + payloadLength;
        var padding = block - counted % block;
        if (padding < LeastPadding)
            padding += block;
        var packet = buffer.AsSpan(count, 5 + payloadLength + padding);
        BinaryPrimitives.WriteUInt32BigEndian(packet, (uint)(1 + payloadLength + padding));
        packet[4] = (byte)padding;
        FillRandom(packet[^padding..]);
        var tag = buffer.AsSpan(count + packet.Length, cipher.TagLength);
        if (data.IsEmpty)
            cipher.Seal(sequence, packet, tag);
        else
            cipher.Seal(sequence, packet, data, 5 + payloadLength - data.Length, tag);
        sequence++;
        count += packet.Length + cipher.TagLength;
        Bytes += packet.Length;
        Packets++;
    }

    /// <summary>Takes what is sealed. Whoever takes it gives the array back to the shared pool.</summary>
    public ArraySegment<byte> Take()
    {
        var taken = new ArraySegment<byte>(buffer, 0, count);
        (buffer, count) = ([], 0);
        return taken;
    }

    /// <summary>Another key from here on. It is this writer's.</summary>
    /// <param name="next">What seals.</param>
    /// <param name="resets">Whether the sequence number begins anew (strict key exchange).</param>
    public void Use(PacketCipher next, bool resets)
    {
        cipher.Dispose();
        cipher = next;
        (Bytes, Packets) = (0, 0);
        if (resets)
            sequence = 0;
    }

    public void Dispose()
    {
        cipher.Dispose();
        Return(Take());
    }

    public static void Return(ArraySegment<byte> taken)
    {
        if (taken.Array is { Length: > 0 } array)
            ArrayPool<byte>.Shared.Return(array);
    }

    private void Reserve(int length)
    {
        if (buffer.Length - count >= length)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(count + length, length >= Much && count < RoomForMuch ? RoomForMuch : count * 2));
        buffer.AsSpan(0, count).CopyTo(larger);
        Return(new ArraySegment<byte>(buffer));
        buffer = larger;
    }

    // A few bytes a packet, which a call for each would be most of the cost of.
    private void FillRandom(Span<byte> padding)
    {
        if (paddingsLeft < padding.Length)
        {
            random.Fill(paddings);
            paddingsLeft = paddings.Length;
        }
        paddingsLeft -= padding.Length;
        paddings.AsSpan(paddingsLeft, padding.Length).CopyTo(padding);
    }
}
