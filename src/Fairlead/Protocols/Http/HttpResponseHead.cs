using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>The head of a response (RFC 9112 section 4).</summary>
/// <param name="Status">From 100 to 999.</param>
/// <param name="Reason">The words behind it, a stranger's text; may be empty.</param>
/// <param name="IsHttp10">Whether it is of HTTP/1.0.</param>
/// <param name="Fields">Its fields.</param>
internal sealed record HttpResponseHead(int Status, string Reason, bool IsHttp10, HttpFields Fields)
{
    /// <summary>How long a head may be: answers have longer ones than requests, by what they say of cookies and policies.</summary>
    public const int MostBytes = 32 << 10;

    // "HTTP/1.1 200", which some servers end the line after.
    private const int ShortestLine = 12;

    /// <summary>
    /// Whether the server may be asked again on this connection, if the body ends by itself. One of HTTP/1.0 may not, whatever it says.
    /// </summary>
    public bool KeepsOpen => !IsHttp10 && !Fields.Lists("Connection", "close");

    /// <summary>Reads a head. Everything that is wrong with it is the server's doing: 502.</summary>
    public static Parsed<HttpResponseHead> Read(ReadOnlySpan<byte> bytes)
    {
        var length = HttpHeadBytes.Measure(bytes, MostBytes, out var fault);
        if (fault is not null)
            return Wrong(fault);
        var known = Math.Min(bytes.Length, 7);
        if (!bytes[..known].SequenceEqual("HTTP/1."u8[..known]))
            return Wrong("it does not begin with HTTP/1.1");
        if (length == 0)
            return default;
        var head = bytes[..(length - 2)];
        var end = head.IndexOf("\r\n"u8);
        var line = head[..end];
        if (line.Length < ShortestLine || line[7] is not ((byte)'0' or (byte)'1') || line[8] != ' ' || (line.Length > ShortestLine && line[ShortestLine] != ' ')
            || !int.TryParse(line[9..ShortestLine], NumberStyles.None, CultureInfo.InvariantCulture, out var status) || status < 100)
            return Wrong("its first line is not HTTP/1.1 STATUS REASON");
        if (HttpFields.HasControl(line))
            return Wrong("its first line has a control character");
        if (HttpFields.Read(head[(end + 2)..], out fault, out _) is not { } fields)
            return Wrong(fault!);
        var reason = line.Length > ShortestLine ? Encoding.Latin1.GetString(line[(ShortestLine + 1)..]) : "";
        return Parsed.Whole(new HttpResponseHead(status, reason, line[7] == '0', fields), length);
    }

    private static Parsed<HttpResponseHead> Wrong(string fault) => Parsed.Wrong<HttpResponseHead>(fault, 502);
}
