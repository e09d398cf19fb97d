using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Fairlead.Net;

/// <summary>
/// An IP address and port in 24 bytes, where an <see cref="IPEndPoint"/> would take 100: each accepted connection carries one.
/// IPv4 as seen by a dual-stack socket (<c>::ffff:a.b.c.d</c>) is IPv4 here. All zero: no name.
/// </summary>
[SupportedOSPlatform("linux")]
internal readonly struct SocketName
{
    private readonly Address16 address;
    private readonly uint scope;
    private readonly ushort port;
    private readonly ushort family;

    private SocketName(ushort family, ushort port, ReadOnlySpan<byte> bytes, uint scope)
    {
        (this.family, this.port, this.scope) = (family, port, scope);
        bytes.CopyTo(address);
    }

    /// <summary>The longest <c>sockaddr</c> here: <c>sockaddr_un</c>, unix(7).</summary>
    public const int MaxSockAddr = 110;

    /// <summary>Reads a <c>sockaddr</c>; one of another family than IP has no name.</summary>
    public static SocketName Read(ReadOnlySpan<byte> sockaddr)
    {
        if (sockaddr.Length < 8)
            return default;
        var port = BinaryPrimitives.ReadUInt16BigEndian(sockaddr[2..]);
        switch (MemoryMarshal.Read<ushort>(sockaddr))
        {
            case Libc.AF_INET:
                return new SocketName(Libc.AF_INET, port, sockaddr.Slice(4, 4), 0);
            case Libc.AF_INET6 when sockaddr.Length >= 28:
                var bytes = sockaddr.Slice(8, 16);
                return bytes[..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255])
                    ? new SocketName(Libc.AF_INET, port, bytes[12..], 0)
                    : new SocketName(Libc.AF_INET6, port, bytes, MemoryMarshal.Read<uint>(sockaddr[24..]));
            default:
                return default;
        }
    }

    /// <summary>The name that a socket is bound to; none if it cannot be asked.</summary>
    public static unsafe SocketName OfSocket(int descriptor)
    {
        var sockaddr = stackalloc byte[MaxSockAddr];
        uint length = MaxSockAddr;
        return Libc.getsockname(descriptor, sockaddr, &length) < 0
            ? default
            : Read(new ReadOnlySpan<byte>(sockaddr, (int)Math.Min(length, MaxSockAddr)));
    }

    /// <summary>The address that a socket is bound to, a path too; null if it has none.</summary>
    public static unsafe EndPoint? EndPointOfSocket(int descriptor)
    {
        var sockaddr = stackalloc byte[MaxSockAddr];
        uint length = MaxSockAddr;
        if (Libc.getsockname(descriptor, sockaddr, &length) < 0)
            return null;
        var name = new ReadOnlySpan<byte>(sockaddr, (int)Math.Min(length, MaxSockAddr));
        if (name.Length <= 2 || MemoryMarshal.Read<ushort>(name) != Libc.AF_UNIX)
            return Read(name).ToEndPoint();

        // A path ends at its zero; an abstract name begins with one, and ends where the kernel says; see unix(7).
        var path = name[2..];
        var end = path[0] == 0 ? -1 : path.IndexOf((byte)0);
        return new UnixDomainSocketEndPoint(Encoding.UTF8.GetString(end < 0 ? path : path[..end]));
    }

    /// <summary>Writes an address as a <c>sockaddr</c>: its length. <paramref name="sockaddr"/> has room for <see cref="MaxSockAddr"/>.</summary>
    public static int Write(EndPoint endPoint, Span<byte> sockaddr)
    {
        sockaddr.Clear();
        switch (endPoint)
        {
            case IPEndPoint { AddressFamily: AddressFamily.InterNetwork } ip:
                MemoryMarshal.Write(sockaddr, (ushort)Libc.AF_INET);
                BinaryPrimitives.WriteUInt16BigEndian(sockaddr[2..], (ushort)ip.Port);
                ip.Address.TryWriteBytes(sockaddr[4..], out _);
                return 16;
            case IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 } ip:
                MemoryMarshal.Write(sockaddr, (ushort)Libc.AF_INET6);
                BinaryPrimitives.WriteUInt16BigEndian(sockaddr[2..], (ushort)ip.Port);
                ip.Address.TryWriteBytes(sockaddr[8..], out _);
                MemoryMarshal.Write(sockaddr[24..], (uint)ip.Address.ScopeId);
                return 28;
            case UnixDomainSocketEndPoint unix:
                MemoryMarshal.Write(sockaddr, (ushort)Libc.AF_UNIX);
                // The path and its terminating NUL.
                return 2 + Encoding.UTF8.GetBytes(unix.ToString(), sockaddr[2..^1]) + 1;
            default:
                throw new ArgumentException($"{endPoint} is not an address that a socket has.", nameof(endPoint));
        }
    }

    /// <summary>The address family of an address, as socket(2) wants it.</summary>
    public static int Family(EndPoint endPoint) => endPoint.AddressFamily switch
    {
        AddressFamily.InterNetwork => Libc.AF_INET,
        AddressFamily.InterNetworkV6 => Libc.AF_INET6,
        AddressFamily.Unix => Libc.AF_UNIX,
        var other => throw new ArgumentException($"{endPoint} is not an address that a socket has ({other}).", nameof(endPoint)),
    };

    /// <summary>The address as .NET has it; null where there is none.</summary>
    public EndPoint? ToEndPoint() => family switch
    {
        Libc.AF_INET => new IPEndPoint(new IPAddress(((ReadOnlySpan<byte>)address)[..4]), port),
        Libc.AF_INET6 => new IPEndPoint(new IPAddress((ReadOnlySpan<byte>)address, scope), port),
        _ => null,
    };

    /// <summary>The address as a number; null where there is none.</summary>
    public AddressKey? ToKey() => family switch
    {
        Libc.AF_INET => AddressKey.Read(((ReadOnlySpan<byte>)address)[..4]),
        Libc.AF_INET6 => AddressKey.Read((ReadOnlySpan<byte>)address),
        _ => null,
    };

    [InlineArray(16)]
    private struct Address16
    {
        private byte element;
    }
}
