using System.Net;

namespace Fairlead;

/// <summary>
/// Which names are meant: <c>example.com</c> that one alone; <c>*.example.com</c> every name below it, however deep, and not itself.
/// </summary>
public sealed record NamePattern
{
    // The name; of a pattern the dot and what stands behind it.
    private readonly string text;
    private readonly bool isBelow;

    private NamePattern(string text, bool isBelow)
    {
        this.text = text;
        this.isBelow = isBelow;
    }

    /// <summary>Reads a pattern. Case and a dot at the end mean nothing.</summary>
    /// <exception cref="FormatException">It is none; the message says what to write.</exception>
    public static NamePattern Parse(string pattern)
    {
        var isBelow = pattern.StartsWith("*.", StringComparison.Ordinal);
        var name = isBelow ? pattern[2..] : pattern;
        if (name.Contains('*', StringComparison.Ordinal))
            throw new FormatException($"name '{Printable.Escape(pattern)}' has '*' elsewhere than alone before the first dot; write example.com for one name, or *.example.com for all below it");
        if (name.Length == 0)
            throw new FormatException("name is empty; write one like example.com, or *.example.com for all below it");
        if (HostText.Fault(name) is { } fault)
            throw new FormatException($"name {fault}");
        // Neither a name in a ClientHello (RFC 6066 section 3) nor one that is looked up is an address.
        if (IPAddress.TryParse(name.TrimEnd('.'), out _) || name.Contains(':', StringComparison.Ordinal))
            throw new FormatException($"name '{Printable.Escape(pattern)}' is an address; write a name like example.com, or *.example.com for all below it");
        name = (name[^1] == '.' ? name[..^1] : name).ToLowerInvariant();
        return new NamePattern(isBelow ? '.' + name : name, isBelow);
    }

    /// <summary>Whether a name is meant.</summary>
    /// <param name="name">In lower case, and without a dot at the end.</param>
    public bool Matches(string name)
    {
        return isBelow ? name.Length > text.Length && name.EndsWith(text, StringComparison.Ordinal) : string.Equals(name, text, StringComparison.Ordinal);
    }

    /// <summary>The pattern as it is written.</summary>
    public override string ToString() => isBelow ? '*' + text : text;
}
