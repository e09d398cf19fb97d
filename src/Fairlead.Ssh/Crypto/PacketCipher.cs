namespace Fairlead.Ssh;

/// <summary>
/// Encrypts and authenticates the packets of one direction (RFC 4253 section 6), in place. One key, one direction, one thread at a time.
/// </summary>
/// <remarks>
/// A packet is its length (4 bytes), a byte that says how much padding there is, the payload, the padding; then the tag, which its length does not count. The sequence number is
/// counted by the caller.
/// </remarks>
internal abstract class PacketCipher : IDisposable
{
    /// <summary>What the length of what is encrypted is a multiple of, in bytes; at least 8.</summary>
    public abstract int BlockSize { get; }

    /// <summary>Whether the 4 bytes of length do not count for that multiple: in AEAD ciphers, and where the MAC is over what is encrypted.</summary>
    public abstract bool IsLengthApart { get; }

    /// <summary>How long the tag is, in bytes.</summary>
    public abstract int TagLength { get; }

    /// <summary>How many bytes of a packet must have come to read its length: 4, or a block where the length is encrypted with the rest.</summary>
    public abstract int HeadLength { get; }

    /// <summary>How many packets this key may still protect; at 0 none is sealed or opened.</summary>
    /// <remarks>
    /// Sequence numbers have 32 bits: after that many packets they come again, and with them nonces and what a MAC was computed of (RFC 4344 section 3.1). Whoever uses the
    /// cipher has asked for new keys long before.
    /// </remarks>
    public ulong PacketsLeft { get; internal set; } = 1UL << 32;

    /// <summary>Seals a packet.</summary>
    /// <param name="sequence">Its sequence number.</param>
    /// <param name="packet">From its length to the end of its padding; encrypted in place.</param>
    /// <param name="tag">Filled with the tag: <see cref="TagLength"/> bytes. It may lie directly behind the packet.</param>
    /// <exception cref="InvalidOperationException"><see cref="PacketsLeft"/> is 0.</exception>
    public abstract void Seal(uint sequence, Span<byte> packet, Span<byte> tag);

    /// <summary>Seals a packet of which a part lies elsewhere.</summary>
    /// <param name="sequence">Its sequence number.</param>
    /// <param name="packet">As above, where <paramref name="data"/> is not yet.</param>
    /// <param name="data">That part; not changed.</param>
    /// <param name="at">Where it belongs in the packet.</param>
    /// <param name="tag">As above.</param>
    /// <exception cref="InvalidOperationException"><see cref="PacketsLeft"/> is 0.</exception>
    public virtual void Seal(uint sequence, Span<byte> packet, ReadOnlySpan<byte> data, int at, Span<byte> tag)
    {
        data.CopyTo(packet[at..]);
        Seal(sequence, packet, tag);
    }

    /// <summary>Reads the length of the next packet, once a packet. It is not authenticated yet: whoever asks has to bound it.</summary>
    /// <param name="sequence">The packet's sequence number.</param>
    /// <param name="head">Its first <see cref="HeadLength"/> bytes, which may be decrypted in place, or not yet: they are for <see cref="TryOpen"/> alone to read.</param>
    public abstract uint ReadLength(uint sequence, Span<byte> head);

    /// <summary>Opens a packet whose length was read.</summary>
    /// <param name="sequence">Its sequence number.</param>
    /// <param name="packet">From its length to the end of its padding, in the same memory as its head; decrypted in place.</param>
    /// <param name="tag">The tag that came.</param>
    /// <returns>False: it was changed on the way, or <see cref="PacketsLeft"/> is 0; nothing of it may be used, and no packet behind it. Compared in constant time.</returns>
    public abstract bool TryOpen(uint sequence, Span<byte> packet, ReadOnlySpan<byte> tag);

    /// <summary>Wipes the keys.</summary>
    public abstract void Dispose();

    /// <summary>Counts a packet.</summary>
    /// <returns>False: the key has protected as many as it may.</returns>
    protected bool TrySpend()
    {
        if (PacketsLeft == 0)
            return false;
        PacketsLeft--;
        return true;
    }

    /// <summary>Counts a packet that is sealed.</summary>
    protected void Spend()
    {
        if (!TrySpend())
            throw new InvalidOperationException("a key has sealed as many packets as it may");
    }
}
