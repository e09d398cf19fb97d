using System.Globalization;

namespace Fairlead;

/// <summary>How sizes are written: <c>64KiB</c>, <c>1MiB</c>. Memory is counted in powers of 1024 (IEC 80000-13).</summary>
internal static class ByteSize
{
    private static readonly (string Unit, int Factor)[] units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

    /// <summary>Reads a size, in bytes.</summary>
    /// <exception cref="FormatException">The text is not of that form, or more than 2 GiB.</exception>
    public static int Parse(string text)
    {
        var unit = Array.Find(units, one => text.EndsWith(one.Unit, StringComparison.Ordinal));
        if (unit.Unit is null || !long.TryParse(text.AsSpan(0, text.Length - unit.Unit.Length).TrimEnd(' '), NumberStyles.None, CultureInfo.InvariantCulture, out var count))
            throw new FormatException($"'{Printable.Escape(text)}' is not a size; write a whole number and a unit, B, KiB, MiB or GiB, like 64KiB");
        return count <= int.MaxValue / unit.Factor ? (int)count * unit.Factor : throw new FormatException($"'{Printable.Escape(text)}' is 2GiB or more; write a smaller size");
    }

    /// <summary>The shortest way to write it that loses nothing.</summary>
    public static string ToText(int bytes)
    {
        var (unit, factor) = bytes == 0 ? ("B", 1) : Array.Find(units, one => bytes % one.Factor == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / factor}{unit}");
    }
}
