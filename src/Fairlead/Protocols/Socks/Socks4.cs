using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead;

/// <summary>What a client of SOCKS4 wants.</summary>
/// <param name="Command"><see cref="SocksCommand"/>, or whatever else the client wrote.</param>
/// <param name="Target">Where to; a name comes as SOCKS4A has it.</param>
/// <param name="User">Who the client says he is, which proves nothing; a stranger's text.</param>
internal sealed record Socks4Request(byte Command, EndPoint Target, string User);

/// <summary>What an answer of a SOCKS4 server says.</summary>
/// <param name="Code">See <see cref="SocksReplies"/>.</param>
/// <param name="Bound">The address that it listens on or has dialled from, as far as it tells.</param>
internal readonly record struct Socks4Reply(byte Code, IPEndPoint Bound);

/// <summary>The messages of SOCKS4 (Ying-Da Lee, "SOCKS: A protocol for TCP proxy across firewalls") and of SOCKS4A, which adds names to it.</summary>
internal static class Socks4
{
    public const byte Version = 4;

    /// <summary>How long a user's name may be. Neither protocol has a bound.</summary>
    public const int MostUserBytes = 255;

    /// <summary>The longest request that is read: the head, a user and a name with their zeros.</summary>
    public const int MostRequestBytes = Head + MostUserBytes + 1 + MostNameBytes + 1;

    // VN, CD, DSTPORT, DSTIP; a reply has the same shape.
    private const int Head = 8, MostNameBytes = 255;

    /// <summary>Reads a request.</summary>
    public static Parsed<Socks4Request> ReadRequest(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != Version)
            return Parsed.Wrong<Socks4Request>($"the version is {bytes[0]}, not 4");
        if (bytes.Length <= Head)
            return default;
        var user = UntilZero(bytes[Head..], MostUserBytes);
        if (user == -1)
            return default;
        if (user < 0)
            return Parsed.Wrong<Socks4Request>($"the user is longer than {MostUserBytes} bytes");
        var command = bytes[1];
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        var name = Encoding.UTF8.GetString(bytes.Slice(Head, user));
        var length = Head + user + 1;

        // 0.0.0.x, x not 0, is the address that says that a name follows.
        if (bytes[4] != 0 || bytes[5] != 0 || bytes[6] != 0 || bytes[7] == 0)
            return Parsed.Whole(new Socks4Request(command, new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), port), name), length);
        var host = UntilZero(bytes[length..], MostNameBytes);
        if (host == -1)
            return default;
        if (host < 0)
            return Parsed.Wrong<Socks4Request>($"the host is longer than {MostNameBytes} bytes");
        return Destination.Read(Encoding.Latin1.GetString(bytes.Slice(length, host)), port, out var fault) is { } target
            ? Parsed.Whole(new Socks4Request(command, target, name), length + host + 1)
            : Parsed.Wrong<Socks4Request>($"the host {fault}");
    }

    /// <summary>Writes a request for an IPv4 address or a name.</summary>
    /// <param name="command">See <see cref="SocksCommand"/>.</param>
    /// <param name="target">An <see cref="IPEndPoint"/> of IPv4, or a <see cref="DnsEndPoint"/> of ASCII.</param>
    /// <param name="user">Who the client says he is; without a NUL.</param>
    public static byte[] Request(byte command, EndPoint target, string user)
    {
        var id = Encoding.UTF8.GetBytes(user);
        var name = target is DnsEndPoint dns ? Encoding.ASCII.GetBytes(dns.Host) : [];
        var request = new byte[Head + id.Length + 1 + (name.Length == 0 ? 0 : name.Length + 1)];
        (request[0], request[1]) = (Version, command);
        id.CopyTo(request, Head);
        if (target is IPEndPoint ip)
        {
            WriteEndPoint(ip, request.AsSpan(2));
            return request;
        }
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(2), (ushort)((DnsEndPoint)target).Port);
        request[7] = 1;
        name.CopyTo(request, Head + id.Length + 1);
        return request;
    }

    /// <summary>Reads a reply.</summary>
    public static Parsed<Socks4Reply> ReadReply(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        // "VN is the version of the reply code and should be 0"; some servers write 4.
        if (bytes[0] is not (0 or Version))
            return Parsed.Wrong<Socks4Reply>($"it begins with 0x{bytes[0]:x2}, which no SOCKS4 reply does");
        if (bytes.Length < Head)
            return default;
        var bound = new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]));
        return Parsed.Whole(new Socks4Reply(bytes[1], bound), Head);
    }

    /// <summary>Writes a reply.</summary>
    /// <param name="code">See <see cref="SocksReplies"/>.</param>
    /// <param name="bound">The address that is listened on or was dialled from; null: none. IPv6, which does not fit in, is told as 0.0.0.0.</param>
    public static byte[] Reply(byte code, IPEndPoint? bound = null)
    {
        var reply = new byte[Head];
        reply[1] = code;
        if (bound is not null)
            WriteEndPoint(bound, reply.AsSpan(2));
        return reply;
    }

    private static void WriteEndPoint(IPEndPoint endPoint, Span<byte> to)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to, (ushort)endPoint.Port);
        var address = Destination.Of(endPoint.Address, 0).Address;
        if (address.AddressFamily == AddressFamily.InterNetwork)
            address.TryWriteBytes(to[2..], out _);
    }

    // How many bytes there are before a zero; -1: more are needed to tell; -2: more than so many.
    private static int UntilZero(ReadOnlySpan<byte> bytes, int most)
    {
        var zero = bytes[..Math.Min(bytes.Length, most + 1)].IndexOf((byte)0);
        return zero >= 0 ? zero : bytes.Length > most ? -2 : -1;
    }
}
