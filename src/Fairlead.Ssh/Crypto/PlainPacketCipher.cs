using System.Buffers.Binary;

namespace Fairlead.Ssh;

/// <summary>No encryption and no MAC: before the first <c>SSH_MSG_NEWKEYS</c> (RFC 4253 section 6).</summary>
internal sealed class PlainPacketCipher : PacketCipher
{
    public override int BlockSize => 8;

    public override bool IsLengthApart => false;

    public override int TagLength => 0;

    public override int HeadLength => 4;

    public override void Seal(uint sequence, Span<byte> packet, Span<byte> tag) => Spend();

    public override uint ReadLength(uint sequence, Span<byte> head) => BinaryPrimitives.ReadUInt32BigEndian(head);

    public override bool TryOpen(uint sequence, Span<byte> packet, ReadOnlySpan<byte> tag) => TrySpend();

    public override void Dispose()
    {
    }
}
