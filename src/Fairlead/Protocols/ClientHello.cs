using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Fairlead;

/// <summary>What the first bytes of a connection say.</summary>
internal enum ClientHelloState
{
    /// <summary>They can be the beginning of a ClientHello.</summary>
    NeedMore,

    /// <summary>They are none, or one that is broken or too long; <see cref="ClientHello.Reason"/> says which.</summary>
    NotTls,

    /// <summary>A ClientHello that names a server.</summary>
    Name,

    /// <summary>A ClientHello that names none, or none that could be one.</summary>
    NoName,
}

/// <summary>
/// The name of the server that a client of TLS asks for, before anything is answered: the ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) in its records, and
/// in it the extension <c>server_name</c> (RFC 6066 section 3).
/// </summary>
/// <param name="State">What was found.</param>
/// <param name="Needed">How many bytes there must be, from the first, before it makes sense to look again; only where more are needed.</param>
/// <param name="Name">In lower case and without a dot at the end; a host (<see cref="HostText"/>), never an address.</param>
/// <param name="HasWrongName">A name was there that cannot be one, or is an address, or two were.</param>
/// <param name="Reason">Why it is not TLS, in plain words and without a stranger's text.</param>
internal readonly record struct ClientHello(ClientHelloState State, int Needed = 0, string? Name = null, bool HasWrongName = false, string? Reason = null)
{
    /// <summary>
    /// The longest beginning that is looked at. Browsers send 0.5 to 2 KiB, with keys of post-quantum exchanges included; sessions that are resumed add a ticket of a few KiB
    /// at most.
    /// </summary>
    public const int Most = 16 << 10;

    private const byte Handshake = 22, ClientHelloType = 1;
    private const int RecordHeader = 5, MessageHeader = 4, MostFragment = 16 << 10;

    /// <summary>Looks at what a connection has said so far. Nothing is consumed: whoever answers the client wants all of it.</summary>
    /// <param name="bytes">From the first byte on.</param>
    /// <remarks>
    /// The message may be cut into records anywhere, down to one byte each. The work is a step a record until the last byte is there; <see cref="Needed"/>, which counts what
    /// the message still lacks, keeps the number of looks small even where every byte comes alone.
    /// </remarks>
    public static ClientHello Read(ReadOnlySpan<byte> bytes)
    {
        Span<byte> header = stackalloc byte[MessageHeader];
        var (at, gathered, length, records) = (0, 0, -1, 0);
        while (length < 0 || gathered < MessageHeader + length)
        {
            if (RecordFault(bytes[at..]) is { } fault)
                return NotTls(fault);
            if (bytes.Length - at < RecordHeader)
                return NeedMore(length < 0 ? bytes.Length + 1 : at + RecordHeader + Lacking(length, gathered));
            int fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 3)..]);
            var present = bytes.Slice(at + RecordHeader, Math.Min(fragment, bytes.Length - at - RecordHeader));
            if (gathered < MessageHeader)
                present[..Math.Min(present.Length, MessageHeader - gathered)].CopyTo(header[gathered..]);
            gathered += present.Length;
            if (gathered > 0 && header[0] != ClientHelloType)
                return NotTls("it does not begin with a ClientHello");
            if (length < 0 && gathered >= MessageHeader)
                length = BinaryPrimitives.ReadInt32BigEndian(header) & 0xFF_FFFF;
            var lacking = Lacking(length, gathered);
            if (at + RecordHeader + present.Length + lacking > Most)
                return NotTls($"its ClientHello does not end within {Most} bytes");
            if (present.Length < fragment && lacking > 0)
            {
                // What does not fit in this record needs another header. Of a message that may be none, each byte tells.
                var left = fragment - present.Length;
                return NeedMore(bytes.Length + (length < 0 ? 1 : lacking <= left ? lacking : lacking + RecordHeader));
            }
            at += RecordHeader + present.Length;
            records++;
        }
        return records == 1 ? ReadMessage(bytes.Slice(RecordHeader + MessageHeader, length)) : ReadCut(bytes, length);
    }

    // How many bytes the message lacks, as far as is known.
    private static int Lacking(int length, int gathered) => Math.Max(0, MessageHeader + Math.Max(0, length) - gathered);

    private static ClientHello NeedMore(int needed) => needed > Most ? NotTls($"its ClientHello does not end within {Most} bytes") : new(ClientHelloState.NeedMore, needed);

    // RFC 8446 section 5.1. The minor version means nothing there; a fragment of a handshake is never empty.
    private static string? RecordFault(ReadOnlySpan<byte> record)
    {
        if (record.Length > 0 && record[0] != Handshake)
            return "it does not begin with a handshake of TLS";
        if (record.Length > 1 && record[1] != 3)
            return "it has a record of an unknown version of TLS";
        if (record.Length >= RecordHeader && BinaryPrimitives.ReadUInt16BigEndian(record[3..]) is 0 or > MostFragment)
            return "it has a record of TLS whose length is wrong";
        return null;
    }

    private static ClientHello ReadCut(ReadOnlySpan<byte> bytes, int length)
    {
        var rented = ArrayPool<byte>.Shared.Rent(MessageHeader + length);
        try
        {
            var message = rented.AsSpan(0, MessageHeader + length);
            for (var (at, gathered) = (0, 0); gathered < message.Length;)
            {
                int fragment = BinaryPrimitives.ReadUInt16BigEndian(bytes[(at + 3)..]);
                var part = Math.Min(fragment, message.Length - gathered);
                bytes.Slice(at + RecordHeader, part).CopyTo(message[gathered..]);
                (at, gathered) = (at + RecordHeader + fragment, gathered + part);
            }
            return ReadMessage(message[MessageHeader..]);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static ClientHello ReadMessage(ReadOnlySpan<byte> message)
    {
        var rest = new Cursor(message);
        // legacy_version, random, legacy_session_id, cipher_suites, legacy_compression_methods
        if (!rest.TryTake(2, out var version) || version[0] != 3 || !rest.TryTake(32, out _)
            || !rest.TryTakeVector(1, out var session) || session.Length > 32
            || !rest.TryTakeVector(2, out var suites) || suites.Length < 2 || suites.Length % 2 != 0
            || !rest.TryTakeVector(1, out var compressions) || compressions.IsEmpty)
            return Broken();
        // Before TLS 1.3 there may be no extensions at all.
        if (rest.IsEmpty)
            return new(ClientHelloState.NoName);
        if (!rest.TryTakeVector(2, out var all) || !rest.IsEmpty)
            return Broken();

        var extensions = new Cursor(all);
        var found = new ClientHello(ClientHelloState.NoName);
        var isNamed = false;
        while (!extensions.IsEmpty)
        {
            if (!extensions.TryTake(2, out var type) || !extensions.TryTakeVector(2, out var content))
                return Broken();
            if (BinaryPrimitives.ReadUInt16BigEndian(type) != 0)
                continue;
            // Twice the same extension is forbidden (RFC 8446 section 4.2): who routes and who answers could each take another.
            if (isNamed)
                return Broken();
            isNamed = true;
            if (ReadNames(content) is not { } read)
                return Broken();
            found = read;
        }
        return found;
    }

    // ServerNameList: a type and a vector each, also for types to come; at most one of each type.
    private static ClientHello? ReadNames(ReadOnlySpan<byte> content)
    {
        var rest = new Cursor(content);
        if (!rest.TryTakeVector(2, out var list) || !rest.IsEmpty || list.IsEmpty)
            return null;
        var names = new Cursor(list);
        ReadOnlySpan<byte> host = default;
        var count = 0;
        while (!names.IsEmpty)
        {
            if (!names.TryTake(1, out var type) || !names.TryTakeVector(2, out var name))
                return null;
            if (type[0] != 0)
                continue;
            host = name;
            count++;
        }
        if (count == 0)
            return new ClientHello(ClientHelloState.NoName);
        return count == 1 && Host(host) is { } found ? new ClientHello(ClientHelloState.Name, Name: found) : new ClientHello(ClientHelloState.NoName, HasWrongName: true);
    }

    // 253 characters, and a dot at the end.
    private static string? Host(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length is 0 or > 254)
            return null;
        var name = Encoding.Latin1.GetString(bytes);
        if (HostText.Fault(name) is not null || name.Contains(':', StringComparison.Ordinal))
            return null;
        name = (name[^1] == '.' ? name[..^1] : name).ToLowerInvariant();
        return IPAddress.TryParse(name, out _) ? null : name;
    }

    private static ClientHello NotTls(string reason) => new(ClientHelloState.NotTls, Reason: reason);

    private static ClientHello Broken() => NotTls("its ClientHello is broken");

    /// <summary>Takes one field after the other; nothing where there is not enough.</summary>
    private ref struct Cursor(ReadOnlySpan<byte> bytes)
    {
        private ReadOnlySpan<byte> left = bytes;

        public readonly bool IsEmpty => left.IsEmpty;

        public bool TryTake(int count, out ReadOnlySpan<byte> taken)
        {
            taken = default;
            if (count > left.Length)
                return false;
            taken = left[..count];
            left = left[count..];
            return true;
        }

        /// <summary>A length of so many bytes, then as much (RFC 8446 section 3.4).</summary>
        public bool TryTakeVector(int lengthSize, out ReadOnlySpan<byte> taken)
        {
            taken = default;
            if (!TryTake(lengthSize, out var length))
                return false;
            return TryTake(lengthSize == 1 ? length[0] : BinaryPrimitives.ReadUInt16BigEndian(length), out taken);
        }
    }
}
