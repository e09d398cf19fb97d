using System.Net;

namespace Fairlead;

/// <summary>What a client of SOCKS5 wants.</summary>
/// <param name="Command"><see cref="SocksCommand"/>, or whatever else the client wrote.</param>
/// <param name="Target">
/// Where to; of UDP ASSOCIATE, where the client will send from, and most say 0.0.0.0:0. Null: its type is unknown, so that nobody can tell where the
/// request ends. The answer is <see cref="SocksReplies.AddressTypeNotSupported"/>, and the end.
/// </param>
internal readonly record struct Socks5Request(byte Command, EndPoint? Target)
{
    /// <summary>The longest request, and the longest reply.</summary>
    public const int MostBytes = Head + SocksAddress.MostBytes;

    // VER, CMD or REP, RSV.
    private const int Head = 3;

    /// <summary>Reads a request (RFC 1928 section 4).</summary>
    public static Parsed<Socks5Request> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != Socks5Login.Version)
            return Parsed.Wrong<Socks5Request>($"the version is {bytes[0]}, not 5");
        if (bytes.Length <= Head)
            return default;
        if (SocksAddress.Measure(bytes[Head..]) < 0)
            return Parsed.Whole(new Socks5Request(bytes[1], null), Head + 1);
        var address = SocksAddress.Read(bytes[Head..]);
        // Where datagrams will come from is no destination, and some name none: PySocks says "0".
        if (address.Fault is not null && bytes[1] == SocksCommand.UdpAssociate)
            return Parsed.Whole(new Socks5Request(bytes[1], SocksAddress.None), Head + SocksAddress.Measure(bytes[Head..]));
        return address.IsWhole ? Parsed.Whole(new Socks5Request(bytes[1], address.Value), Head + address.Length) : new Parsed<Socks5Request> { Fault = address.Fault };
    }

    /// <summary>Writes a request.</summary>
    /// <param name="command">See <see cref="SocksCommand"/>.</param>
    /// <param name="target">What <see cref="SocksAddress.CanWrite"/>.</param>
    public static byte[] Write(byte command, EndPoint target) => WriteMessage(command, target);

    /// <summary>VER, a byte, RSV, address: the shape that requests and replies share.</summary>
    internal static byte[] WriteMessage(byte second, EndPoint address)
    {
        Span<byte> message = stackalloc byte[MostBytes];
        (message[0], message[1], message[2]) = (Socks5Login.Version, second, 0);
        return message[..(Head + SocksAddress.Write(address, message[Head..]))].ToArray();
    }
}

/// <summary>What an answer of a SOCKS5 server says.</summary>
/// <param name="Code">See <see cref="SocksReplies"/>.</param>
/// <param name="Bound">The address that it listens on, or has dialled from; a few servers tell a name.</param>
internal readonly record struct Socks5Reply(byte Code, EndPoint Bound)
{
    /// <summary>Reads a reply (RFC 1928 section 6).</summary>
    public static Parsed<Socks5Reply> Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != Socks5Login.Version)
            return Parsed.Wrong<Socks5Reply>($"its reply begins with 0x{bytes[0]:x2}, not 0x05");
        if (bytes.Length <= 3)
            return default;
        var length = SocksAddress.Measure(bytes[3..]);
        // Of a refusal the code is all that matters, and some servers write nothing sensible behind it.
        if (length < 0 && bytes[1] != SocksReplies.Succeeded)
            return Parsed.Whole(new Socks5Reply(bytes[1], SocksAddress.None), 4);
        if (length < 0)
            return Parsed.Wrong<Socks5Reply>($"its reply has the address type 0x{bytes[3]:x2}, which is unknown");
        if (length == 0 || bytes.Length < 3 + length)
            return default;
        // Whether the name is one does not matter: hardly anybody asks for it, and some servers write an empty one.
        var address = SocksAddress.Read(bytes[3..]);
        return Parsed.Whole(new Socks5Reply(bytes[1], address.Value ?? SocksAddress.None), 3 + length);
    }

    /// <summary>Writes a reply.</summary>
    /// <param name="code">See <see cref="SocksReplies"/>.</param>
    /// <param name="bound">The address that is listened on, or was dialled from; null: there is none.</param>
    public static byte[] Write(byte code, IPEndPoint? bound = null) => Socks5Request.WriteMessage(code, bound ?? SocksAddress.None);
}
