using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// What all datagrams of a loop are read into: one slot each, of the longest that there is, lent for the call that hands them on. Memory of a slot is
/// only taken from the system as far as datagrams reach into it.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe class DatagramReceiver : IDisposable
{
    /// <summary>How many batches one socket reads in a turn of the loop.</summary>
    public const int MostBatches = 4;

    /// <summary>How many bytes it reads in a turn, roughly: the loop's other sockets want theirs.</summary>
    public const int TurnBytes = 256 << 10;

    // Control messages have room for what is asked for (GRO 24, drops 24, two pktinfos 32 + 40), and for what an adopted socket's maker asked for.
    private const int Slots = 64, LeastSlots = 4, NameSize = 28, ControlSize = 256;

    private readonly int slotSize;
    private readonly int stride;
    private readonly byte* memory, names, controls;
    private readonly Libc.mmsghdr* headers;
    private readonly Libc.iovec* pieces;
    private readonly DatagramPlace[] places = new DatagramPlace[Slots];
    private readonly DatagramPeer[] peers = new DatagramPeer[Slots];

    // The longest message of the last batch: how many of its kind a batch may have.
    private int longest;

    /// <param name="slotSize">
    /// How long a datagram may be. At 65,535, the longest of IPv6 and the longest run that <c>UDP_GRO</c> gives, nothing is truncated.
    /// </param>
    public DatagramReceiver(int slotSize)
    {
        this.slotSize = slotSize;
        // Not a power of two apart: small datagrams would all lie on the same few lines of the processor's caches.
        stride = ((slotSize + 63) & ~63) + 37 * 64;
        memory = (byte*)NativeMemory.Alloc((nuint)(Slots * stride));
        names = (byte*)NativeMemory.AllocZeroed(Slots * NameSize);
        controls = (byte*)NativeMemory.AllocZeroed(Slots * ControlSize);
        headers = (Libc.mmsghdr*)NativeMemory.AllocZeroed((nuint)(Slots * sizeof(Libc.mmsghdr)));
        pieces = (Libc.iovec*)NativeMemory.AllocZeroed((nuint)(Slots * sizeof(Libc.iovec)));
        for (var i = 0; i < Slots; i++)
        {
            pieces[i].iov_base = memory + i * stride;
            pieces[i].iov_len = (nuint)slotSize;
            ref var header = ref headers[i].msg_hdr;
            header.msg_name = names + i * NameSize;
            header.msg_iov = pieces + i;
            header.msg_iovlen = 1;
            header.msg_control = controls + i * ControlSize;
        }
        Offer(Slots);
    }

    /// <summary>Reads what has arrived at a socket, without waiting.</summary>
    /// <param name="descriptor">The socket.</param>
    /// <param name="dropped">How many the kernel had dropped there when it was read last (<c>SO_RXQ_OVFL</c>); brought up to date.</param>
    public Arrival Read(int descriptor, ref uint dropped)
    {
        var most = Math.Clamp(TurnBytes / Math.Max(longest, 1), LeastSlots, Slots);

        // With MSG_TRUNC, the length is that of the whole message, however much of it was kept; see recv(2).
        var result = Libc.recvmmsg(descriptor, headers, (uint)most, Libc.MSG_DONTWAIT | Libc.MSG_TRUNC);
        if (result < 0)
            return new Arrival { Errno = -result };
        longest = 0;
        int kept = 0, truncated = 0, bytes = 0;
        var before = dropped;
        for (var i = 0; i < result; i++)
        {
            ref var header = ref headers[i].msg_hdr;
            var length = (int)headers[i].msg_len;
            var segment = length;
            ReadControl(in header, i, kept, ref segment, ref dropped);
            longest = Math.Max(longest, length);
            bytes += Math.Min(length, slotSize);
            var place = new DatagramPlace(i * stride, length, segment);
            if (length > slotSize || (header.msg_flags & Libc.MSG_TRUNC) != 0)
                truncated += place.Count;
            else
                places[kept++] = place;
        }
        Offer(result);
        return new Arrival
        {
            Batch = new DatagramBatch(new ReadOnlySpan<byte>(memory, Slots * stride), places.AsSpan(0, kept)),
            Peers = peers.AsSpan(0, kept),
            Bytes = bytes,
            IsLast = result < most,
            Truncated = truncated,
            // A count of 32 bits, which wraps.
            Dropped = (int)Math.Min(unchecked(dropped - before), int.MaxValue),
        };
    }

    public void Dispose()
    {
        NativeMemory.Free(memory);
        NativeMemory.Free(names);
        NativeMemory.Free(controls);
        NativeMemory.Free(headers);
        NativeMemory.Free(pieces);
    }

    // The kernel writes over what it was offered.
    private void Offer(int count)
    {
        for (var i = 0; i < count; i++)
        {
            ref var header = ref headers[i].msg_hdr;
            header.msg_namelen = NameSize;
            header.msg_controllen = ControlSize;
            header.msg_flags = 0;
        }
    }

    // What comes with a message: whose it is, where it was sent to, how long each of a run is, and what was lost before it.
    private void ReadControl(in Libc.msghdr header, int slot, int peer, ref int segment, ref uint dropped)
    {
        var control = new ControlMessages((byte*)header.msg_control, header.msg_controllen);
        AddressKey local4 = default, local6 = default;
        uint interface4 = 0, interface6 = 0;
        bool isGroup4 = false, isGroup6 = false;
        while (control.MoveNext())
        {
            var data = control.Data;
            switch ((control.Level, control.Type))
            {
                case (Libc.IPPROTO_UDP, Libc.UDP_GRO) when data.Length >= sizeof(int):
                    if (MemoryMarshal.Read<int>(data) is > 0 and var size && size < segment)
                        segment = size;
                    break;
                case (Libc.SOL_SOCKET, Libc.SO_RXQ_OVFL) when data.Length >= sizeof(uint):
                    dropped = MemoryMarshal.Read<uint>(data);
                    break;
                // struct in_pktinfo { int ipi_ifindex; in_addr ipi_spec_dst, ipi_addr; }: where to answer from, and what was written to; ip(7).
                case (Libc.IPPROTO_IP, Libc.IP_PKTINFO) when data.Length >= 12:
                    interface4 = MemoryMarshal.Read<uint>(data);
                    local4 = AddressKey.Read(data.Slice(4, 4));
                    isGroup4 = data[8] is >= 224 and < 240;
                    break;
                // struct in6_pktinfo { in6_addr ipi6_addr; int ipi6_ifindex; }: what was written to; ipv6(7).
                case (Libc.IPPROTO_IPV6, Libc.IPV6_PKTINFO) when data.Length >= 20:
                    local6 = AddressKey.Read(data[..16]);
                    interface6 = MemoryMarshal.Read<uint>(data[16..]);
                    isGroup6 = data[0] == 0xFF;
                    break;
            }
        }
        var name = new ReadOnlySpan<byte>(names + slot * NameSize, (int)Math.Min(header.msg_namelen, NameSize));
        peers[peer] = ReadPeer(name, out var remote) switch
        {
            { } zone when remote.Address.IsV4 => new DatagramPeer(
                remote.Address, remote.Port, zone, local4.Bits == 0 ? default : local4, isGroup4 || IsLinkLocal(remote.Address) ? interface4 : 0),
            { } zone => new DatagramPeer(
                remote.Address, remote.Port, zone, isGroup6 ? default : local6, isGroup6 || IsLinkLocal(remote.Address) || IsLinkLocal(local6) ? interface6 : 0),
            null => default,
        };
    }

    // The address and port of a sockaddr_in or sockaddr_in6, and its zone; null for none.
    private static uint? ReadPeer(ReadOnlySpan<byte> sockaddr, out (AddressKey Address, int Port) peer)
    {
        peer = default;
        if (sockaddr.Length < 16)
            return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(sockaddr[2..]);
        switch (MemoryMarshal.Read<ushort>(sockaddr))
        {
            case Libc.AF_INET:
                peer = (AddressKey.Read(sockaddr.Slice(4, 4)), port);
                return 0;
            case Libc.AF_INET6 when sockaddr.Length >= NameSize:
                peer = (AddressKey.Read(sockaddr.Slice(8, 16)), port);
                return MemoryMarshal.Read<uint>(sockaddr[24..]);
            default:
                return null;
        }
    }

    // 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291).
    private static bool IsLinkLocal(AddressKey address) =>
        address.IsV4 ? (uint)address.Bits >> 16 == 0xA9FE : (uint)(address.Bits >> 118) == 0x3FA;

    /// <summary>What one read found. Valid until the next.</summary>
    public ref struct Arrival
    {
        /// <summary>Why nothing was read; 0: something was.</summary>
        public int Errno;

        public DatagramBatch Batch;

        /// <summary>Whose they are, each place's; of no meaning on a connected socket.</summary>
        public ReadOnlySpan<DatagramPeer> Peers;

        public int Bytes;

        /// <summary>Whether there was nothing more.</summary>
        public bool IsLast;

        /// <summary>How many did not fit in, and how many the kernel dropped since the read before.</summary>
        public int Truncated, Dropped;
    }
}
