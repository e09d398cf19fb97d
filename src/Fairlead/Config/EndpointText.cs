using System.Globalization;
using System.Text;

namespace Fairlead;

/// <summary>
/// Reads the parts that endpoints are made of. Its errors name the whole text and the part of it: <c>forward '8080:h:x': target port 'x' …</c>.
/// </summary>
/// <param name="kind">What the whole text is: <c>forward</c> or <c>endpoint</c>.</param>
/// <param name="whole">The whole text, as it was written.</param>
internal sealed class EndpointText(string kind, string whole)
{
    public const string UnixPrefix = "unix:";

    /// <summary><c>sun_path</c> of unix(7) has 108 bytes, the last of which is zero.</summary>
    public const int LongestUnixPath = 107;

    private static readonly string[] suffixes = ["/tcp", "/udp", "/tcp+udp"];

    /// <param name="complaint">The part, what was found, what is expected, and how to write it.</param>
    public FormatException Error(string complaint) => new($"{kind} '{Printable.Escape(whole)}': {complaint}");

    /// <summary>
    /// Cuts a text at its colons; those of an address in brackets belong to the address. Stops before a field that begins with
    /// <c>unix:</c>, from where everything is a path.
    /// </summary>
    /// <returns>The fields, and the rest from <c>unix:</c> on, null where there is none.</returns>
    public (List<string> Fields, string? Unix) Split(string text)
    {
        var fields = new List<string>();
        for (var at = 0; ;)
        {
            if (fields.Count > 0 && text.AsSpan(at).StartsWith(UnixPrefix))
                return (fields, text[at..]);
            var from = at;
            if (at < text.Length && text[at] == '[')
            {
                from = text.IndexOf(']', at);
                if (from < 0)
                    throw Error("has a '[' without ']'; an IPv6 address stands in brackets, like [::1]:80");
            }
            var colon = text.IndexOf(':', from);
            fields.Add(colon < 0 ? text[at..] : text[at..colon]);
            if (colon < 0)
                return (fields, null);
            at = colon + 1;
        }
    }

    /// <summary>A host: without brackets, and empty for every address.</summary>
    /// <param name="text">As written: <c>host</c>, <c>10.0.0.5</c>, <c>[::1]</c>, <c>*</c> or nothing.</param>
    /// <param name="side"><c>"listen "</c>, <c>"target "</c>, or nothing.</param>
    public string Host(string text, string side)
    {
        if (text.Length == 0 || text == "*")
            return "";
        if (text[0] == '[' && text[^1] == ']')
        {
            var address = text[1..^1];
            if (!address.Contains(':', StringComparison.Ordinal))
                throw Error($"{side}host '{Printable.Escape(text)}' is not an IPv6 address in brackets; only those stand in brackets, like [::1]");
            text = address;
        }
        return HostText.Fault(text) is { } fault ? throw Error($"{side}host {fault}") : text;
    }

    /// <summary>A port, or a range of them, and the protocols behind them, as far as they are written.</summary>
    public (PortRange Ports, PortProtocols Protocols) PortsAndProtocols(string text, string side)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0)
            return (Ports(text, side), PortProtocols.None);
        var protocols = text[slash..] switch
        {
            "/tcp" => PortProtocols.Tcp,
            "/udp" => PortProtocols.Udp,
            "/tcp+udp" => PortProtocols.Tcp | PortProtocols.Udp,
            var other => throw Error($"protocol '{Printable.Escape(other)}' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP"),
        };
        return (Ports(text[..slash], side), protocols);
    }

    /// <summary>A port, or a range of them.</summary>
    public PortRange Ports(string text, string side)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (dash < 0)
            return new PortRange(Port(text, side));

        var shown = $"{side}port range '{Printable.Escape(text)}'";
        if (dash == 0 || dash == text.Length - 1)
            throw Error($"{shown} lacks an end; write the first and the last port, like 8000-8010");
        var range = new PortRange(Port(text[..dash], side), Port(text[(dash + 1)..], side));
        if (range.Last < range.First)
            throw Error($"{shown} runs backwards; write {range.Last}-{range.First}");
        if (range.First == 0)
            throw Error($"{shown} begins with 0; a range begins at 1, and port 0 (the system chooses one) stands alone");
        return range;
    }

    /// <summary>A Unix endpoint, <c>unix:</c> included.</summary>
    public UnixEndpoint Unix(string text, string side)
    {
        var path = text[UnixPrefix.Length..];
        return PathFault(path) is { } fault ? throw Error($"{side}{fault}") : new UnixEndpoint(path);
    }

    /// <summary>What is wrong with a Unix path, as the end of a sentence; null if nothing is.</summary>
    public static string? PathFault(string path)
    {
        if (path.Length == 0)
            return "Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock";
        if (path.Contains('\0', StringComparison.Ordinal))
            return $"Unix path '{Printable.Escape(path)}' has a NUL character; a path has none";
        if (Array.Find(suffixes, suffix => path.EndsWith(suffix, StringComparison.Ordinal)) is { } protocol)
            return $"Unix path '{Printable.Escape(path)}' ends in a protocol, and a Unix socket has none; leave out {protocol}";
        var length = Encoding.UTF8.GetByteCount(path);
        return length <= LongestUnixPath
            ? null
            : string.Create(CultureInfo.InvariantCulture, $"Unix path '{Printable.Escape(path)}' is {length} bytes long; the system takes at most {LongestUnixPath}, so use a shorter or a relative one");
    }

    private int Port(string text, string side)
    {
        const string Remedy = "write a number from 1 to 65535, like 8080";
        if (text.Length == 0)
            throw Error($"{side}port is missing; {Remedy}");
        if (text.AsSpan().IndexOfAnyExceptInRange('0', '9') >= 0)
            throw Error($"{side}port '{Printable.Escape(text)}' is not a number; {Remedy}");
        if (text.Length > 5 || int.Parse(text, CultureInfo.InvariantCulture) > 65535)
            throw Error($"{side}port '{Printable.Escape(text)}' is above 65535; {Remedy}");
        return int.Parse(text, CultureInfo.InvariantCulture);
    }
}
