using System.Globalization;

namespace Fairlead;

/// <summary>How the end of a body is told.</summary>
internal enum HttpBodyEnd
{
    /// <summary>There is no body.</summary>
    None,

    /// <summary>By <c>Content-Length</c>.</summary>
    Length,

    /// <summary>By its last chunk.</summary>
    Chunks,

    /// <summary>By the end of the connection; of responses only.</summary>
    Close,
}

/// <summary>Where a body ends (RFC 9112 section 6.3). What two readers could understand differently is no framing, but a fault.</summary>
/// <param name="End">How its end is told.</param>
/// <param name="Length">How many bytes it has, where they are counted; else 0.</param>
internal readonly record struct HttpFraming(HttpBodyEnd End, long Length = 0)
{
    /// <summary>Of a request.</summary>
    /// <param name="method">Its method.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="isHttp10">Whether it is of HTTP/1.0.</param>
    /// <param name="fault">What is wrong; null if nothing is.</param>
    /// <param name="status">The answer to what is wrong.</param>
    public static HttpFraming OfRequest(string method, HttpFields fields, bool isHttp10, out string? fault, out int status)
    {
        var framing = Of(fields, isHttp10, out fault, out var isOtherCoding);
        // RFC 9112 section 6.1: a coding that is not known is not implemented.
        status = isOtherCoding ? 501 : 400;
        if (fault is null && method == "CONNECT" && framing.End != HttpBodyEnd.None)
            fault = "CONNECT has no body";
        return framing;
    }

    /// <summary>Of a response.</summary>
    /// <param name="method">The method of the request that it answers.</param>
    /// <param name="status">Its status.</param>
    /// <param name="fields">Its fields.</param>
    /// <param name="isHttp10">Whether it is of HTTP/1.0.</param>
    /// <param name="fault">What is wrong; null if nothing is.</param>
    public static HttpFraming OfResponse(string method, int status, HttpFields fields, bool isHttp10, out string? fault)
    {
        var framing = Of(fields, isHttp10, out fault, out _);
        if (fault is not null || method == "HEAD" || status is < 200 or 204 or 304 || (method == "CONNECT" && status is >= 200 and < 300))
            return default;
        return framing.End == HttpBodyEnd.None && fields.Count("Content-Length") == 0 ? new HttpFraming(HttpBodyEnd.Close) : framing;
    }

    private static HttpFraming Of(HttpFields fields, bool isHttp10, out string? fault, out bool isOtherCoding)
    {
        var lengths = fields.Count("Content-Length");
        var codings = fields.Count("Transfer-Encoding");
        (fault, isOtherCoding) = (null, false);
        if (codings > 0)
        {
            // Exactly this: "gzip, chunked" would be framed as well, but nobody was asked for it (TE is taken off), and two fields are read in two ways.
            isOtherCoding = !fields.First("Transfer-Encoding")!.Equals("chunked", StringComparison.OrdinalIgnoreCase);
            fault = lengths > 0 ? "Content-Length and Transfer-Encoding stand together"
                : isHttp10 ? "Transfer-Encoding stands in a message of HTTP/1.0"
                : codings > 1 ? "Transfer-Encoding stands there more than once"
                : isOtherCoding ? "the transfer coding is not chunked"
                : null;
            isOtherCoding &= lengths == 0 && !isHttp10 && codings == 1;
            return new HttpFraming(HttpBodyEnd.Chunks);
        }
        if (lengths == 0)
            return default;
        var text = fields.First("Content-Length")!;
        if (lengths > 1)
            fault = "Content-Length stands there more than once";
        // NumberStyles.None is digits alone: no sign, no white space, no list.
        else if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            fault = "Content-Length is not a number";
        else
            return length == 0 ? default : new HttpFraming(HttpBodyEnd.Length, length);
        return default;
    }
}
