using System.Globalization;

namespace Fairlead;

/// <summary>
/// How rates are written: <c>20MB/s</c>, <c>160Mbit/s</c>. Prefixes are those of the SI (k, M, G, T: powers of 1000) and of IEC 80000-13 (Ki, Mi, Gi, Ti: powers of
/// 1024).
/// </summary>
internal static class Rate
{
    private static readonly (string Prefix, long Factor)[] prefixes =
        [("", 1), ("k", 1000), ("M", 1000_000), ("G", 1000_000_000), ("T", 1000_000_000_000), ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40)];

    /// <summary>Reads a rate.</summary>
    /// <returns>Bytes a second, at least 1.</returns>
    /// <exception cref="FormatException">The text is not of that form; what does not say whether it means bytes or bits is shown both ways.</exception>
    public static long Parse(string text)
    {
        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        var number = digits < 0 ? text : text[..digits];
        var unit = digits < 0 ? "" : text[digits..].TrimStart(' ');
        if (number.Length == 0)
            throw Error(text, "is not a rate; write a whole number and a unit, like 20MB/s or 160Mbit/s");
        if (unit.StartsWith('.'))
            throw Error(text, "is not a whole number; write a smaller unit, like 1500kB/s");

        var perSecond = unit.EndsWith("/s", StringComparison.Ordinal);
        var quantity = perSecond ? unit[..^2] : unit.EndsWith("ps", StringComparison.Ordinal) ? unit[..^2] : unit;
        foreach (var (prefix, factor) in prefixes)
        {
            if (quantity == prefix + "B" && perSecond)
                return Bytes(text, number, factor, 1);
            if (quantity == prefix + "bit" && perSecond)
                return Bytes(text, number, factor, 8);
        }
        // What was meant: the prefix as people write it, which is not always as the SI does.
        foreach (var (prefix, _) in prefixes)
        {
            if (quantity.Equals(prefix + "bit", StringComparison.OrdinalIgnoreCase))
                throw Error(text, $"has the unit '{Printable.Escape(unit)}'; write {number}{prefix}bit/s");
            if (quantity == prefix + "B" || (quantity.Equals(prefix + "B", StringComparison.OrdinalIgnoreCase) && quantity.EndsWith('B')))
                throw Error(text, $"has the unit '{Printable.Escape(unit)}'; write {number}{prefix}B/s");
            if (quantity.Equals(prefix, StringComparison.OrdinalIgnoreCase) || quantity.Equals(prefix + "b", StringComparison.OrdinalIgnoreCase))
                throw Error(text, $"does not say bytes or bits; write {number}{prefix}B/s for bytes or {number}{prefix}bit/s for bits");
        }
        throw Error(text, $"has the unit '{Printable.Escape(unit)}', which is unknown; write B/s or bit/s, with k, M, G, T, Ki, Mi, Gi or Ti before it, like 20MB/s or 160Mbit/s");
    }

    /// <summary>The shortest way to write a rate that loses nothing.</summary>
    public static string ToText(long bytesPerSecond)
    {
        // Powers of 1000 before those of 1024: people write them more often.
        var (prefix, factor) = prefixes.Where(unit => bytesPerSecond % unit.Factor == 0).OrderBy(unit => bytesPerSecond / unit.Factor).ThenBy(unit => unit.Prefix.Length).First();
        return string.Create(CultureInfo.InvariantCulture, $"{bytesPerSecond / factor}{prefix}B/s");
    }

    private static long Bytes(string text, string number, long factor, int bits)
    {
        var total = UInt128.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= long.MaxValue ? count * (UInt128)factor / (UInt128)bits : UInt128.MaxValue;
        if (total > long.MaxValue)
            throw Error(text, "is more than any machine can do; write a smaller rate, or off");
        return total > 0 ? (long)total : throw Error(text, "is less than a byte a second; write a higher rate, or off for none");
    }

    private static FormatException Error(string text, string complaint) => new($"'{Printable.Escape(text)}' {complaint}");
}
