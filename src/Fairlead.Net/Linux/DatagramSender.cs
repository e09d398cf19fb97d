using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// Sends the batches of a loop's sockets: datagrams of one size in a row as one message that the kernel cuts (<c>UDP_SEGMENT</c>, udp(7)), and many
/// messages by one call. Bytes are sent from where they lie.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class DatagramSender : IDisposable
{
    /// <summary>No size is too long to be merged, as far as is known.</summary>
    public const ushort MergesAll = ushort.MaxValue;

    // UDP_MAX_SEGMENTS of the kernel is 64 up to Linux 6.9 (128 since), and IP_MAXPACKET bounds a message like a datagram.
    private const int MostSegments = 64;
    private const int MostMessages = 64, MostPieces = 512, NameSize = 28;

    // A refusal that lay on the socket may be followed by another at once, where the peer is on this machine; but not for ever.
    private const int MostRetries = 3;

    private static readonly int segmentSpace = ControlMessages.Space(sizeof(ushort));
    private static readonly int controlSize = segmentSpace + ControlMessages.Space(20);

    private readonly byte* name, source, controls;
    private readonly Libc.mmsghdr* headers;
    private readonly Libc.iovec* pieces;
    private readonly Message[] messages = new Message[MostMessages];
    private int nameLength, sourceLength;

    public DatagramSender()
    {
        name = (byte*)NativeMemory.AllocZeroed(NameSize);
        source = (byte*)NativeMemory.AllocZeroed((nuint)controlSize);
        controls = (byte*)NativeMemory.AllocZeroed((nuint)(MostMessages * controlSize));
        headers = (Libc.mmsghdr*)NativeMemory.AllocZeroed((nuint)(MostMessages * sizeof(Libc.mmsghdr)));
        pieces = (Libc.iovec*)NativeMemory.AllocZeroed((nuint)(MostPieces * sizeof(Libc.iovec)));
    }

    /// <summary>How many calls of the kernel it took so far, and how many messages; for tests.</summary>
    public long Calls { get; private set; }

    public long Messages { get; private set; }

    /// <summary>Sends to the peer of a connected socket.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="batch">What.</param>
    /// <param name="mergesBelow">Datagrams of this size or more are not merged, since the kernel refused it; brought up to date.</param>
    /// <param name="told">The first error that the network told meanwhile, a positive errno; 0 for none.</param>
    public DatagramsSent Send(int descriptor, in DatagramBatch batch, ref ushort mergesBelow, out int told)
    {
        (nameLength, sourceLength) = (0, 0);
        return SendAll(descriptor, batch, ref mergesBelow, out told);
    }

    /// <summary>Sends to a peer, from the address that it wrote to, by a socket of a family that is not connected.</summary>
    public DatagramsSent SendTo(int descriptor, int family, in DatagramPeer peer, in DatagramBatch batch, ref ushort mergesBelow)
    {
        nameLength = WriteName(peer, family);
        sourceLength = WriteSource(peer);
        return SendAll(descriptor, batch, ref mergesBelow, out _);
    }

    public void Dispose()
    {
        NativeMemory.Free(name);
        NativeMemory.Free(source);
        NativeMemory.Free(controls);
        NativeMemory.Free(headers);
        NativeMemory.Free(pieces);
    }

    private DatagramsSent SendAll(int descriptor, in DatagramBatch batch, ref ushort mergesBelow, out int told)
    {
        told = 0;
        var sum = default(DatagramsSent);
        var places = batch.Places;
        fixed (byte* buffer = batch.Buffer)
        {
            for (var at = default(Position); at.Place < places.Length;)
            {
                var count = Lay(buffer, places, ref at, mergesBelow);
                for (int next = 0, retries = 0; next < count;)
                {
                    var result = Libc.sendmmsg(descriptor, headers + next, (uint)(count - next), Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL);
                    Calls++;
                    if (result > 0)
                    {
                        // Fewer than were given: the next one failed, and says why when it is tried again.
                        for (retries = 0; result > 0; result--)
                            sum += messages[next++].AsSent;
                        continue;
                    }
                    ref var message = ref messages[next];
                    if (result == -Libc.EAGAIN)
                        return sum with { NoRoom = sum.NoRoom + CountFrom(places, message.Start) };
                    if (message.Count > 1 && IsRefusedMerger(-result))
                    {
                        mergesBelow = (ushort)message.Segment;
                        at = message.Start;
                        break;
                    }
                    if (result == -Libc.EINTR || (NativeErrors.IsOfTheWay(-result) && retries++ < MostRetries))
                    {
                        // What the network told of another datagram: this one was not sent for it.
                        if (told == 0 && result != -Libc.EINTR)
                            told = -result;
                        continue;
                    }
                    sum += message.AsLost(-result);
                    (next, retries) = (next + 1, 0);
                }
            }
        }
        return sum;
    }

    // Makes messages of what is to be sent, as many as there is room for, and goes on to what is left: how many.
    private int Lay(byte* buffer, ReadOnlySpan<DatagramPlace> places, ref Position at, int mergesBelow)
    {
        int count = 0, piece = 0;
        while (count < MostMessages && piece < MostPieces && at.Place < places.Length)
        {
            var first = piece;
            ref var message = ref messages[count];
            message = new Message { Start = at, Segment = SegmentAt(places[at.Place], at.Offset) };
            var most = message.Segment > 0 && message.Segment < mergesBelow
                ? Math.Clamp(DatagramBatch.MaxLength / message.Segment, 1, MostSegments)
                : 1;
            do
            {
                var place = places[at.Place];
                var taken = message.Take(place, at.Offset, most);
                if (taken < 0)
                    break;
                var start = buffer + place.Offset + at.Offset;
                if (piece > first && (byte*)pieces[piece - 1].iov_base + pieces[piece - 1].iov_len == start)
                    pieces[piece - 1].iov_len += (nuint)taken;
                else
                    pieces[piece++] = new Libc.iovec { iov_base = start, iov_len = (nuint)taken };
                at = at.Offset + taken < place.Length ? at with { Offset = at.Offset + taken } : new Position(at.Place + 1, 0);
            }
            while (!message.IsFull && message.Count < most && at.Place < places.Length && piece < MostPieces);
            Address(ref headers[count].msg_hdr, count, message);
            headers[count].msg_hdr.msg_iov = pieces + first;
            headers[count].msg_hdr.msg_iovlen = (nuint)(piece - first);
            Messages++;
            count++;
        }
        return count;
    }

    // The segment's size comes first, so that it can be left out; then the address to send from.
    private void Address(ref Libc.msghdr header, int index, in Message message)
    {
        var control = controls + index * controlSize;
        var isRun = message.Count > 1;
        if (isRun)
        {
            var size = (ushort)message.Segment;
            MemoryMarshal.Write(ControlMessages.Write(control, Libc.IPPROTO_UDP, Libc.UDP_SEGMENT, sizeof(ushort)), size);
        }
        new ReadOnlySpan<byte>(source, sourceLength).CopyTo(new Span<byte>(control + segmentSpace, sourceLength));
        header.msg_name = nameLength == 0 ? null : name;
        header.msg_namelen = (uint)nameLength;
        header.msg_control = isRun ? control : control + segmentSpace;
        header.msg_controllen = (nuint)(sourceLength + (isRun ? segmentSpace : 0));
        header.msg_flags = 0;
    }

    private int WriteName(in DatagramPeer peer, int family)
    {
        var sockaddr = new Span<byte>(name, NameSize);
        sockaddr.Clear();
        BinaryPrimitives.WriteUInt16BigEndian(sockaddr[2..], peer.Port);
        if (family == Libc.AF_INET && peer.Remote.IsV4)
        {
            MemoryMarshal.Write(sockaddr, (ushort)Libc.AF_INET);
            BinaryPrimitives.WriteUInt32BigEndian(sockaddr[4..], (uint)peer.Remote.Bits);
            return 16;
        }
        MemoryMarshal.Write(sockaddr, (ushort)Libc.AF_INET6);
        // A dual-stack socket writes to IPv4 as ::ffff:a.b.c.d.
        BinaryPrimitives.WriteUInt128BigEndian(sockaddr[8..], peer.Remote.IsV4 ? peer.Remote.Bits | ((UInt128)0xFFFF << 32) : peer.Remote.Bits);
        MemoryMarshal.Write(sockaddr[24..], peer.Scope);
        return 28;
    }

    private int WriteSource(in DatagramPeer peer)
    {
        if (peer.Local == default && peer.Interface == 0)
            return 0;
        if (peer.Remote.IsV4)
        {
            var ipv4 = ControlMessages.Write(source, Libc.IPPROTO_IP, Libc.IP_PKTINFO, 12);
            MemoryMarshal.Write(ipv4, peer.Interface);
            BinaryPrimitives.WriteUInt32BigEndian(ipv4[4..], (uint)peer.Local.Bits);
            return ControlMessages.Space(12);
        }
        var ipv6 = ControlMessages.Write(source, Libc.IPPROTO_IPV6, Libc.IPV6_PKTINFO, 20);
        BinaryPrimitives.WriteUInt128BigEndian(ipv6, peer.Local.Bits);
        MemoryMarshal.Write(ipv6[16..], peer.Interface);
        return ControlMessages.Space(20);
    }

    // Longer than the way carries in one piece, or a way that cannot cut (no checksums, IPsec): EINVAL, EIO, and EMSGSIZE since Linux 6.14.
    private static bool IsRefusedMerger(int errno) => errno is Libc.EINVAL or Libc.EIO or Libc.EMSGSIZE or Libc.EOPNOTSUPP;

    private static int CountFrom(ReadOnlySpan<DatagramPlace> places, Position at)
    {
        var place = places[at.Place];
        var count = new DatagramPlace(place.Offset + at.Offset, place.Length - at.Offset, place.SegmentSize).Count;
        foreach (var later in places[(at.Place + 1)..])
            count += later.Count;
        return count;
    }

    private static int SegmentAt(DatagramPlace place, int offset) => Math.Min(place.SegmentSize, place.Length - offset);

    /// <summary>A datagram of a batch: its place, and where in it the datagram begins.</summary>
    private readonly record struct Position(int Place, int Offset);

    /// <summary>What is sent in one piece: datagrams of one size, the last of which may be shorter.</summary>
    private struct Message
    {
        public Position Start;
        public int Segment, Count, Bytes;

        /// <summary>Whether the last was shorter.</summary>
        public bool IsFull;

        public readonly DatagramsSent AsSent => new(Count, Bytes);

        public readonly DatagramsSent AsLost(int errno) => errno switch
        {
            Libc.EMSGSIZE => new DatagramsSent(0, TooLong: Count),
            Libc.ENOBUFS or Libc.ENOMEM => new DatagramsSent(0, NoRoom: Count),
            _ => new DatagramsSent(0, Failed: Count),
        };

        /// <summary>Takes what fits of a place, from an offset on, up to so many in all: how many bytes; below zero, it does not belong here.</summary>
        public int Take(DatagramPlace place, int offset, int most)
        {
            var rest = place.Length - offset;
            var size = SegmentAt(place, offset);
            if (Count > 0 && (size == 0 || size > Segment || (size < Segment && size < rest)))
                return -1;
            var taken = size == 0 ? 0 : Math.Min(rest, size * (most - Count));
            var count = size == 0 ? 1 : (taken + size - 1) / size;
            IsFull = taken < Segment * count;
            Count += count;
            Bytes += taken;
            return taken;
        }
    }
}
