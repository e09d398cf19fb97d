using System.Text;

namespace Fairlead;

/// <summary>
/// Follows a chunked body (RFC 9112 section 7.1) that is passed on as it is, and tells which bytes belong to it. Strict, because whoever reads it next may be lenient in another way:
/// lines end in CRLF, sizes are plain hexadecimal digits, and trailers have nothing in them that frames a message or is meant for one hop.
/// </summary>
internal sealed class HttpChunks
{
    /// <summary>How long a size may be (leading zeros count), the extensions behind one, and all trailers together.</summary>
    public const int MostSizeDigits = 16, MostExtensionBytes = 1 << 10, MostTrailerBytes = 8 << 10;

    private State state;
    private long size;
    private int count;
    private StringBuilder? name;

    private enum State
    {
        Size,
        Extension,
        SizeFeed,
        Data,
        DataReturn,
        DataFeed,
        TrailerLine,
        TrailerName,
        TrailerValue,
        TrailerFeed,
        LastFeed,
        Complete,
    }

    /// <summary>Whether the last byte of the body has been seen.</summary>
    public bool IsComplete => state == State.Complete;

    /// <summary>What is wrong with the body; null if nothing is so far. Nothing is taken afterwards.</summary>
    public string? Fault { get; private set; }

    /// <summary>Takes the next run of bytes that are all payload, or all framing.</summary>
    /// <param name="bytes">What follows the bytes taken so far.</param>
    /// <param name="isPayload">Which of the two.</param>
    /// <returns>How many bytes; 0 if there are none, the body is complete, or <see cref="Fault"/> says what is wrong.</returns>
    public int Next(ReadOnlySpan<byte> bytes, out bool isPayload)
    {
        isPayload = state == State.Data;
        if (isPayload)
        {
            var length = (int)Math.Min(size, bytes.Length);
            size -= length;
            if (size == 0)
                state = State.DataReturn;
            return length;
        }
        var taken = 0;
        while (taken < bytes.Length && state is not (State.Data or State.Complete) && Fault is null)
        {
            Fault = Step(bytes[taken]);
            taken += Fault is null ? 1 : 0;
        }
        return taken;
    }

    private string? Step(byte next)
    {
        switch (state)
        {
            case State.Size:
                return Size(next);
            case State.Extension when next == '\r':
                state = State.SizeFeed;
                return null;
            case State.Extension:
                return IsControl(next) ? "the extension of a chunk has a control character"
                    : ++count > MostExtensionBytes ? $"the extension of a chunk is longer than {MostExtensionBytes} bytes"
                    : null;
            case State.SizeFeed:
                (count, name) = (0, null);
                return Expect(next, '\n', size > 0 ? State.Data : State.TrailerLine);
            case State.DataReturn:
                return Expect(next, '\r', State.DataFeed);
            case State.DataFeed:
                return Expect(next, '\n', State.Size);
            case State.TrailerLine when next == '\r':
                state = State.LastFeed;
                return null;
            case State.TrailerLine:
                (state, name) = (State.TrailerName, new StringBuilder());
                return TrailerName(next);
            case State.TrailerName:
                return TrailerName(next);
            case State.TrailerValue when next == '\r':
                state = State.TrailerFeed;
                return null;
            case State.TrailerValue:
                return IsControl(next) ? "a trailer has a control character" : CountTrailer();
            case State.TrailerFeed:
                return Expect(next, '\n', State.TrailerLine);
            default:
                return Expect(next, '\n', State.Complete);
        }
    }

    private string? Size(byte next)
    {
        if (char.IsAsciiHexDigit((char)next))
        {
            if (++count > MostSizeDigits || size > long.MaxValue >> 4)
                return "the size of a chunk is too large";
            size = (size << 4) | (long)(next <= '9' ? next - '0' : (next | 0x20) - 'a' + 10);
            return null;
        }
        if (count == 0 || next is not ((byte)'\r' or (byte)';'))
            return "the size of a chunk is not a hexadecimal number";
        (state, count) = (next == ';' ? State.Extension : State.SizeFeed, 0);
        return null;
    }

    private string? TrailerName(byte next)
    {
        if (next != ':')
        {
            name!.Append((char)next);
            return HttpFields.IsToken([next]) ? CountTrailer() : "the name of a trailer has a character that names do not have";
        }
        if (name!.Length == 0)
            return "a trailer has no name";
        state = State.TrailerValue;
        var text = name.ToString();
        return HttpHop.MayBeTrailer(text) ? CountTrailer() : $"{Printable.Escape(text, 64)} stands in a trailer, where it must not";
    }

    private string? CountTrailer() => ++count > MostTrailerBytes ? $"the trailers are longer than {MostTrailerBytes} bytes" : null;

    private string? Expect(byte next, char expected, State then)
    {
        if (next != expected)
            return "a line or the data of a chunk does not end in CRLF";
        if (then == State.Size)
            (size, count) = (0, 0);
        state = then;
        return null;
    }

    private static bool IsControl(byte next) => next is (< 32 and not (byte)'\t') or 127;
}
