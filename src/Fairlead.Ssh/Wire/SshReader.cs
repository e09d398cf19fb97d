using System.Buffers.Binary;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>Reads the data types of RFC 4251 section 5 from a payload, one after the other. What it returns lies inside the payload.</summary>
/// <remarks>Everything throws <see cref="SshFormatException"/> where the payload is too short; nothing is allocated by a length that it claims.</remarks>
internal ref struct SshReader(ReadOnlySpan<byte> payload)
{
    private ReadOnlySpan<byte> rest = payload;

    /// <summary>What is not read yet.</summary>
    public readonly ReadOnlySpan<byte> Rest => rest;

    public readonly bool IsAtEnd => rest.IsEmpty;

    public byte ReadByte() => Take(1)[0];

    /// <summary>Any value but 0 is true.</summary>
    public bool ReadBoolean() => Take(1)[0] != 0;

    public uint ReadUInt32() => BinaryPrimitives.ReadUInt32BigEndian(Take(4));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64BigEndian(Take(8));

    public ReadOnlySpan<byte> ReadBytes(int count) => Take(count);

    public ReadOnlySpan<byte> ReadString()
    {
        var length = ReadUInt32();
        if (length > (uint)rest.Length)
            throw new SshFormatException("a string is longer than what holds it");
        return Take((int)length);
    }

    /// <summary>A string as text: UTF-8, with what is none replaced. A stranger's, to be printed escaped.</summary>
    public string ReadText() => Encoding.UTF8.GetString(ReadString());

    /// <summary>A name of US-ASCII (RFC 4251 section 6), of at most 64 characters.</summary>
    public string ReadName()
    {
        var name = ReadString();
        if (name.Length > 64 || name.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
            throw new SshFormatException("a name is none");
        return Encoding.ASCII.GetString(name);
    }

    /// <summary>Names with commas between them. What has other characters than names may have is an error.</summary>
    public string[] ReadNameList()
    {
        var list = ReadString();
        if (list.ContainsAnyExceptInRange((byte)'!', (byte)'~'))
            throw new SshFormatException("a list of names has a character that names do not have");
        return list.IsEmpty ? [] : Encoding.ASCII.GetString(list).Split(',');
    }

    /// <summary>The magnitude of a number that is not negative, without leading zeros: big-endian, empty for 0.</summary>
    public ReadOnlySpan<byte> ReadMpint()
    {
        var bytes = ReadString();
        if (!bytes.IsEmpty && (bytes[0] & 0x80) != 0)
            throw new SshFormatException("a number is negative");
        var start = bytes.IndexOfAnyExcept((byte)0);
        return start < 0 ? [] : bytes[start..];
    }

    /// <summary>Throws unless everything was read.</summary>
    public readonly void End()
    {
        if (!rest.IsEmpty)
            throw new SshFormatException("there are bytes behind the end of a message");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > rest.Length)
            throw new SshFormatException("a message is too short");
        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
