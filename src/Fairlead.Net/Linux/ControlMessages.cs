using System.Runtime.CompilerServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// What a message carries besides its bytes: <c>struct cmsghdr { size_t cmsg_len; int cmsg_level; int cmsg_type; }</c> and data, each aligned to a
/// <c>size_t</c>; see cmsg(3).
/// </summary>
[SupportedOSPlatform("linux")]
internal unsafe ref struct ControlMessages(byte* control, nuint length)
{
    private readonly byte* end = control + length;
    private byte* next = control;

    private static int HeaderLength => sizeof(nuint) + 2 * sizeof(int);

    /// <summary>The level and the type of what <see cref="MoveNext"/> found.</summary>
    public int Level { get; private set; }

    public int Type { get; private set; }

    /// <summary>Its data.</summary>
    public ReadOnlySpan<byte> Data { get; private set; }

    /// <summary>How much room data of a length takes (<c>CMSG_SPACE</c>).</summary>
    public static int Space(int dataLength) => Align(HeaderLength) + Align(dataLength);

    /// <summary>Writes one, data of zeros, and says where its data lies.</summary>
    public static Span<byte> Write(byte* control, int level, int type, int dataLength)
    {
        Unsafe.InitBlockUnaligned(control, 0, (uint)Space(dataLength));
        *(nuint*)control = (nuint)(HeaderLength + dataLength);
        *(int*)(control + sizeof(nuint)) = level;
        *(int*)(control + sizeof(nuint) + sizeof(int)) = type;
        return new Span<byte>(control + HeaderLength, dataLength);
    }

    /// <summary>Goes to the next; false when there is none.</summary>
    public bool MoveNext()
    {
        if (end - next < HeaderLength)
            return false;
        var all = *(nuint*)next;
        if (all < (nuint)HeaderLength || all > (nuint)(end - next))
            return false;
        Level = *(int*)(next + sizeof(nuint));
        Type = *(int*)(next + sizeof(nuint) + sizeof(int));
        Data = new ReadOnlySpan<byte>(next + HeaderLength, (int)all - HeaderLength);
        next += Math.Min(Align((int)all), end - next);
        return true;
    }

    private static int Align(int length) => (length + sizeof(nuint) - 1) & ~(sizeof(nuint) - 1);
}
