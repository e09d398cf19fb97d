using System.Buffers;

namespace Fairlead.Ssh;

/// <summary>Packets as they come in (RFC 4253 section 6), each opened where it lies. Between packets it holds no memory.</summary>
internal sealed class PacketReader : IDisposable
{
    /// <summary>
    /// The longest packet that is read, in bytes. Section 6.1 asks for 35,000 at the least, and what a channel may send in one packet is said when it is opened: the longest is a datagram.
    /// </summary>
    public const int MostPacket = 66 << 10;

    private const int BufferLength = 256 << 10;

    private byte[] buffer = [];
    private int start, end;
    private int length;
    private PacketCipher cipher = new PlainPacketCipher();
    private uint sequence;

    /// <summary>Whether part of a packet is there, or more.</summary>
    public bool HasBytes => end > start;

    /// <summary>How many bytes and packets were opened with the present key.</summary>
    public long Bytes { get; private set; }

    public long Packets { get; private set; }

    /// <summary>The number of the packet that was read last, for <c>SSH_MSG_UNIMPLEMENTED</c>.</summary>
    public uint LastSequence => sequence - 1;

    /// <summary>Where the next bytes from the network go; <see cref="Commit"/> says how many there were.</summary>
    public Memory<byte> Room()
    {
        if (buffer.Length == 0)
            buffer = ArrayPool<byte>.Shared.Rent(BufferLength);
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        return buffer.AsMemory(end);
    }

    public void Commit(int count) => end += count;

    /// <summary>Opens the next packet if all of it is there.</summary>
    /// <param name="payload">Its payload, which lies in the buffer until <see cref="Room"/> or <see cref="Rest"/> is called.</param>
    /// <exception cref="SshProtocolException">It is no packet, or was changed on the way.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        var there = buffer.AsSpan(start, end - start);
        if (length == 0)
        {
            if (there.Length < cipher.HeadLength)
                return false;
            length = Checked(cipher.ReadLength(sequence, there[..cipher.HeadLength]));
        }
        if (there.Length < length + 4 + cipher.TagLength)
            return false;
        var packet = there[..(length + 4)];
        if (!cipher.TryOpen(sequence, packet, there.Slice(packet.Length, cipher.TagLength)))
            throw new SshProtocolException(SshDisconnectReason.MacError, "a packet was changed on the way");
        var padding = packet[4];
        var payloadLength = length - 1 - padding;
        // Section 6: at least four bytes of padding, and a payload has at least its number.
        if (padding < 4 || payloadLength < 1)
            throw SshProtocolException.Of($"a packet of {length} bytes with {padding} of padding is none");
        payload = buffer.AsMemory(start + 5, payloadLength);
        start += packet.Length + cipher.TagLength;
        Bytes += packet.Length;
        Packets++;
        sequence++;
        length = 0;
        return true;
    }

    /// <summary>Gives its memory back where no part of a packet is left in it.</summary>
    public void Rest()
    {
        if (start < end || buffer.Length == 0)
            return;
        ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = ([], 0, 0);
    }

    /// <summary>Another key from here on. It is this reader's.</summary>
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
        start = end;
        Rest();
    }

    private int Checked(uint claimed)
    {
        // Section 6: 16 bytes or a block, whichever is larger, with the length itself.
        if (claimed is < 8 or > MostPacket || (claimed + (cipher.IsLengthApart ? 0 : 4)) % cipher.BlockSize != 0)
            throw SshProtocolException.Of($"a packet of {claimed} bytes is none");
        return (int)claimed;
    }
}
