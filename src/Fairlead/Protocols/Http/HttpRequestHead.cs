using System.Text;

namespace Fairlead;

/// <summary>The four ways to write what a request is for (RFC 9112 section 3.2), without the one that is for this proxy itself (<c>OPTIONS *</c>).</summary>
internal enum HttpTargetForm
{
    /// <summary><c>CONNECT host:port</c>.</summary>
    Authority,

    /// <summary><c>GET http://host/path</c>: to be passed on.</summary>
    Absolute,

    /// <summary><c>GET /path</c>: this program is asked itself.</summary>
    Origin,
}

/// <summary>The head of a request to a proxy (RFC 9112 section 3).</summary>
internal sealed class HttpRequestHead
{
    /// <summary>How long a head may be, and how long its target.</summary>
    public const int MostBytes = 16 << 10, MostTargetBytes = 8 << 10;

    // The longest method that is registered has 17.
    private const int MostMethodBytes = 32;

    /// <summary>As it was written: methods know upper and lower case.</summary>
    public required string Method { get; init; }

    public required HttpTargetForm Form { get; init; }

    /// <summary>Where it is to go; null for <see cref="HttpTargetForm.Origin"/>.</summary>
    public HttpAuthority? Target { get; init; }

    /// <summary>The path and query for the target (a Latin-1 string, as it was written); <c>*</c> for OPTIONS of a whole host; empty for CONNECT.</summary>
    public required string Path { get; init; }

    /// <summary>What <c>Host</c> says; null where it is empty or missing, which is only in HTTP/1.0 and for this program itself.</summary>
    public HttpAuthority? Host { get; init; }

    /// <summary>Whether it is of HTTP/1.0 rather than HTTP/1.1.</summary>
    public required bool IsHttp10 { get; init; }

    public required HttpFields Fields { get; init; }

    /// <summary>Where its body ends.</summary>
    public required HttpFraming Framing { get; init; }

    /// <summary>
    /// Whether the client may send another request afterwards. One of HTTP/1.0 may not, whatever it says: between it and this could be a proxy that did not understand what
    /// it passed on (RFC 9112 section 9.3).
    /// </summary>
    public bool KeepsOpen => !IsHttp10 && !Fields.Lists("Connection", "close") && !Fields.Lists("Proxy-Connection", "close");

    /// <summary>Whether it may be sent twice: it does the same again, and has no body that would be gone (RFC 9110 section 9.2.2).</summary>
    public bool IsRepeatable => Framing.End == HttpBodyEnd.None && Method is "GET" or "HEAD" or "OPTIONS" or "PUT" or "DELETE";

    /// <summary>Reads a head. Of what is wrong, <see cref="Parsed{T}.Code"/> is the status to answer with.</summary>
    public static Parsed<HttpRequestHead> Read(ReadOnlySpan<byte> bytes)
    {
        // RFC 9112 section 2.2: some clients end a body with an empty line that is not its.
        var skipped = bytes.StartsWith("\r\n"u8) ? 2 : 0;
        var rest = bytes[skipped..];
        if (rest.IsEmpty || (skipped == 0 && bytes is [(byte)'\r']))
            return default;
        var length = HttpHeadBytes.Measure(rest, MostBytes, out var fault);
        if (fault is not null)
            return Wrong(fault, fault == HttpHeadBytes.TooLong ? 431 : 400);
        if (length == 0)
            return Early(rest);
        var head = rest[..(length - 2)];
        var end = head.IndexOf("\r\n"u8);
        var parsed = Read(head[..end], head[(end + 2)..]);
        return parsed.Fault is null ? Parsed.Whole(parsed.Value!, skipped + length) : parsed;
    }

    // What will never be a head is not waited for: who speaks something else would wait too.
    private static Parsed<HttpRequestHead> Early(ReadOnlySpan<byte> bytes)
    {
        var space = bytes.IndexOf((byte)' ');
        var method = space < 0 ? bytes : bytes[..space];
        if (method.Length > MostMethodBytes || !HttpFields.IsToken(method))
            return Wrong("this does not begin as a request of HTTP does");
        var line = bytes.IndexOf((byte)'\r') is var end and >= 0 ? bytes[..end] : bytes;
        return line.Length > MostMethodBytes + MostTargetBytes + 16 ? Wrong($"the target is longer than {MostTargetBytes} bytes", 414) : default;
    }

    private static Parsed<HttpRequestHead> Read(ReadOnlySpan<byte> line, ReadOnlySpan<byte> lines)
    {
        var (first, last) = (line.IndexOf((byte)' '), line.LastIndexOf((byte)' '));
        if (first < 0 || first == last)
            return Wrong("the first line is not METHOD TARGET HTTP/1.1");
        var version = line[(last + 1)..];
        var isHttp10 = version.SequenceEqual("HTTP/1.0"u8);
        if (!isHttp10 && !version.SequenceEqual("HTTP/1.1"u8))
        {
            return version is [(byte)'H', (byte)'T', (byte)'T', (byte)'P', (byte)'/', >= (byte)'0' and <= (byte)'9', (byte)'.', >= (byte)'0' and <= (byte)'9']
                ? Wrong("only HTTP/1.0 and HTTP/1.1 are spoken here", 505)
                : Wrong("the first line does not end in HTTP/1.1");
        }
        var method = line[..first];
        var target = line[(first + 1)..last];
        if (method.Length > MostMethodBytes || !HttpFields.IsToken(method))
            return Wrong("the method has characters that methods do not have, or too many");
        if (target.Length > MostTargetBytes)
            return Wrong($"the target is longer than {MostTargetBytes} bytes", 414);
        if (target.IsEmpty || HttpFields.HasControl(target) || target.ContainsAny((byte)' ', (byte)'\t'))
            return Wrong("the target is empty, or has white space or a control character");
        if (HttpFields.Read(lines, out var fault, out var isTooMany) is not { } fields)
            return Wrong(fault!, isTooMany ? 431 : 400);

        var name = Encoding.Latin1.GetString(method);
        if (TargetOf(name, Encoding.Latin1.GetString(target), out fault, out var status) is not var (form, authority, path))
            return Wrong(fault!, status);
        var host = HostOf(fields, isHttp10, form, authority, out fault);
        if (fault is not null)
            return Wrong(fault);
        var framing = HttpFraming.OfRequest(name, fields, isHttp10, out fault, out status);
        if (fault is not null)
            return Wrong(fault, status);
        return Parsed.Whole(
            new HttpRequestHead { Method = name, Form = form, Target = authority, Path = path, Host = host, IsHttp10 = isHttp10, Fields = fields, Framing = framing }, 1);
    }

    private static (HttpTargetForm Form, HttpAuthority? Authority, string Path)? TargetOf(string method, string target, out string? fault, out int status)
    {
        const string Scheme = "http://";
        (fault, status) = (null, 400);
        if (method == "CONNECT")
        {
            var to = HttpAuthority.Read(target, 0, out fault);
            fault = to is null ? $"the target {fault}; CONNECT is followed by host:port" : null;
            return to is null ? null : (HttpTargetForm.Authority, to, "");
        }
        if (target.Contains('#', StringComparison.Ordinal))
            fault = "the target has a '#', which is the browser's";
        else if (target[0] == '/')
            return (HttpTargetForm.Origin, null, target);
        else if (!target.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            (fault, status) = target.Contains("://", StringComparison.Ordinal) ? ("only http:// is passed on; everything else comes by CONNECT", 501) : ("the target is neither http://host/path nor /path", 400);
        if (fault is not null)
            return null;

        var rest = target[Scheme.Length..];
        var end = rest.AsSpan().IndexOfAny('/', '?') is var at and >= 0 ? at : rest.Length;
        var authority = HttpAuthority.Read(rest[..end], 80, out fault);
        fault = authority is null ? $"the target {fault}" : null;
        // RFC 9112 section 3.2.4: the last proxy asks of the host as a whole.
        var path = end == rest.Length ? (method == "OPTIONS" ? "*" : "/") : rest[end] == '/' ? rest[end..] : $"/{rest[end..]}";
        return authority is null ? null : (HttpTargetForm.Absolute, authority, path);
    }

    // RFC 9112 section 3.2.2 lets a proxy ignore a Host that contradicts the target. Somebody before or after this may have looked at that one, so it is refused.
    private static HttpAuthority? HostOf(HttpFields fields, bool isHttp10, HttpTargetForm form, HttpAuthority? target, out string? fault)
    {
        fault = fields.Count("Host") switch
        {
            0 when !isHttp10 => "Host is missing",
            > 1 => "Host stands there more than once",
            _ => null,
        };
        if (fault is not null || fields.First("Host") is not { } text)
            return null;
        if (text.Length == 0)
        {
            fault = target is null ? null : "Host is empty, and the target is not";
            return null;
        }
        // In front of CONNECT some clients write it without the port.
        var host = HttpAuthority.Read(text, form == HttpTargetForm.Authority ? target!.Port : 80, out fault);
        fault = host is null ? $"Host {fault}"
            : target is not null && !host.IsSameAs(target) ? "Host contradicts the target"
            : null;
        return host;
    }

    private static Parsed<HttpRequestHead> Wrong(string fault, int status = 400) => Parsed.Wrong<HttpRequestHead>(fault, status);
}
