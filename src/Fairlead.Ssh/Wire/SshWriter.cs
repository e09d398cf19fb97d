using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>Writes the data types of RFC 4251 section 5, one after the other, into memory that grows.</summary>
internal sealed class SshWriter(int capacity = 256)
{
    private byte[] bytes = new byte[capacity];
    private int count;

    /// <summary>What was written so far; valid until more is.</summary>
    public ReadOnlySpan<byte> Written => bytes.AsSpan(0, count);

    /// <summary>Begins a message: forgets what there was, and writes its number.</summary>
    public SshWriter Begin(byte message)
    {
        count = 0;
        return WriteByte(message);
    }

    /// <summary>Forgets what there was.</summary>
    public SshWriter Clear()
    {
        count = 0;
        return this;
    }

    public SshWriter WriteByte(byte value)
    {
        Take(1)[0] = value;
        return this;
    }

    public SshWriter WriteBoolean(bool value) => WriteByte(value ? (byte)1 : (byte)0);

    public SshWriter WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Take(4), value);
        return this;
    }

    public SshWriter WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64BigEndian(Take(8), value);
        return this;
    }

    public SshWriter WriteBytes(ReadOnlySpan<byte> value)
    {
        value.CopyTo(Take(value.Length));
        return this;
    }

    public SshWriter WriteString(ReadOnlySpan<byte> value)
    {
        WriteUInt32((uint)value.Length);
        return WriteBytes(value);
    }

    public SshWriter WriteString(string value)
    {
        var length = Encoding.UTF8.GetByteCount(value);
        WriteUInt32((uint)length);
        Encoding.UTF8.GetBytes(value, Take(length));
        return this;
    }

    public SshWriter WriteNameList(IEnumerable<string> names) => WriteString(string.Join(',', names));

    /// <summary>A number that is not negative, from its big-endian magnitude, which may have leading zeros.</summary>
    public SshWriter WriteMpint(ReadOnlySpan<byte> magnitude)
    {
        var start = magnitude.IndexOfAnyExcept((byte)0);
        var value = start < 0 ? [] : magnitude[start..];
        if (value.IsEmpty || value[0] < 0x80)
            return WriteString(value);
        WriteUInt32((uint)value.Length + 1);
        WriteByte(0);
        return WriteBytes(value);
    }

    public byte[] ToArray() => Written.ToArray();

    /// <summary>Forgets what there was, and overwrites it: for secrets. What was written beyond the capacity was moved, and stays where it had been before.</summary>
    public void Wipe()
    {
        CryptographicOperations.ZeroMemory(bytes);
        count = 0;
    }

    private Span<byte> Take(int length)
    {
        if (bytes.Length - count < length)
            Array.Resize(ref bytes, Math.Max(bytes.Length * 2, count + length));
        count += length;
        return bytes.AsSpan(count - length, length);
    }
}
