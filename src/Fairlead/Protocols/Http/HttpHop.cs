using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>
/// What one hop takes off a head and puts on (RFC 9110 section 7.6). What frames the body is never copied: it is written anew from what was read, so that no
/// <c>Connection: Content-Length</c> can take it away.
/// </summary>
/// <remarks>
/// There is no <c>X-Forwarded-For</c> and no <c>Forwarded</c>: a client that goes through a proxy has not asked to be announced by it. <c>Via</c> is owed to the protocol, and
/// tells no more than that there is one.
/// </remarks>
internal static class HttpHop
{
    // RFC 9110 section 7.6.1, and of old Keep-Alive. Trailer stays: it belongs to the body, which is passed on as it is.
    private static readonly string[] hopByHop = ["Connection", "Keep-Alive", "TE", "Upgrade"];

    // Written anew.
    private static readonly string[] framing = ["Content-Length", "Transfer-Encoding"];

    // RFC 9110 section 6.5.1: what frames, routes or authenticates a message comes too late behind it.
    private static readonly string[] neverTrailers = ["Host", "Trailer", "Authorization"];

    /// <summary>Whether a field may stand behind a body.</summary>
    public static bool MayBeTrailer(string name) => !IsOfOneHop(name) && !Has(framing, name) && !Has(neverTrailers, name);

    /// <summary>Writes the head of a request for its target.</summary>
    /// <param name="head">The request.</param>
    /// <param name="closes">Whether nothing will follow it on the connection.</param>
    /// <param name="writer">Gets the bytes.</param>
    public static void WriteRequest(HttpRequestHead head, bool closes, ArrayBufferWriter<byte> writer)
    {
        Write(writer, $"{head.Method} {head.Path} HTTP/1.1\r\nHost: {head.Target!.ToHostField()}\r\n");
        foreach (var field in EndToEnd(head.Fields))
        {
            // What HTTP/1.0 does not know is not asked for in its name (RFC 9110 section 10.1.1).
            if (field.Is("Host") || (head.IsHttp10 && field.Is("Expect")))
                continue;
            var isHops = head.Method == "OPTIONS" && field.Is("Max-Forwards") && int.TryParse(field.Value, NumberStyles.None, CultureInfo.InvariantCulture, out _);
            Write(writer, field.Name, isHops ? (int.Parse(field.Value, CultureInfo.InvariantCulture) - 1).ToString(CultureInfo.InvariantCulture) : field.Value);
        }
        if (head.Framing.End == HttpBodyEnd.Chunks)
            Write(writer, "Transfer-Encoding", "chunked");
        else if (head.Fields.Count("Content-Length") > 0)
            Write(writer, "Content-Length", head.Framing.Length.ToString(CultureInfo.InvariantCulture));
        Finish(writer, head.IsHttp10, closes);
    }

    /// <summary>Writes the head of a response for the client.</summary>
    /// <param name="head">The response.</param>
    /// <param name="request">What it answers.</param>
    /// <param name="body">Where its body ends.</param>
    /// <param name="closes">Whether nothing will follow it on the connection.</param>
    /// <param name="writer">Gets the bytes.</param>
    public static void WriteResponse(HttpResponseHead head, HttpRequestHead request, HttpFraming body, bool closes, ArrayBufferWriter<byte> writer)
    {
        Write(writer, string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {head.Status} {head.Reason}\r\n"));
        foreach (var field in EndToEnd(head.Fields))
            Write(writer, field.Name, field.Value);
        if (body.End == HttpBodyEnd.Length)
            Write(writer, "Content-Length", body.Length.ToString(CultureInfo.InvariantCulture));
        // What a body would have had that is not there (RFC 9110 section 8.6). 1xx and 204 have none, whatever they say.
        else if (body.End == HttpBodyEnd.None && head.Status is >= 200 and not 204 && head.Fields.First("Content-Length") is { } length)
            Write(writer, "Content-Length", length);
        else if (body.End == HttpBodyEnd.Chunks && !request.IsHttp10)
            Write(writer, "Transfer-Encoding", "chunked");
        Finish(writer, head.IsHttp10, closes);
    }

    private static void Finish(ArrayBufferWriter<byte> writer, bool isHttp10, bool closes)
    {
        // RFC 9110 section 7.6.3: the version is that of the message as it came.
        Write(writer, "Via", isHttp10 ? "1.0 fairlead" : "1.1 fairlead");
        if (closes)
            Write(writer, "Connection", "close");
        Write(writer, "\r\n");
    }

    private static IEnumerable<HttpField> EndToEnd(HttpFields fields)
    {
        var named = fields.List("Connection").ToArray();
        foreach (var field in fields.All)
        {
            if (!IsOfOneHop(field.Name) && !Has(framing, field.Name) && !Has(named, field.Name))
                yield return field;
        }
    }

    private static bool IsOfOneHop(string name) => Has(hopByHop, name) || name.StartsWith("Proxy-", StringComparison.OrdinalIgnoreCase);

    private static bool Has(string[] names, string name)
    {
        foreach (var one in names)
        {
            if (one.Equals(name, StringComparison.OrdinalIgnoreCase))
                return true;
        }
        return false;
    }

    private static void Write(ArrayBufferWriter<byte> writer, string name, string value) => Write(writer, $"{name}: {value}\r\n");

    private static void Write(ArrayBufferWriter<byte> writer, string text)
    {
        writer.Advance(Encoding.Latin1.GetBytes(text, writer.GetSpan(text.Length)));
    }
}
