using System.Globalization;

namespace Fairlead.Ssh;

/// <summary>The time after which a key is not accepted: <c>expiry-time</c> of sshd(8).</summary>
internal static class ExpiryTime
{
    private static readonly string[] formats = ["yyyyMMdd", "yyyyMMddHHmm", "yyyyMMddHHmmss"];

    /// <summary>Reads <c>YYYYMMDD</c>, <c>YYYYMMDDHHMM</c> or <c>YYYYMMDDHHMMSS</c>, with <c>Z</c> or <c>UTC</c> behind it where it is not the time of this place.</summary>
    /// <param name="text">The text.</param>
    /// <param name="zone">The time of this place. Of an hour that the clock shows twice, the first is meant.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static DateTimeOffset Parse(string text, TimeZoneInfo zone)
    {
        var isUtc = text.EndsWith("Z", StringComparison.OrdinalIgnoreCase) || text.EndsWith("UTC", StringComparison.OrdinalIgnoreCase);
        var digits = isUtc ? text[..^(text.EndsWith("Z", StringComparison.OrdinalIgnoreCase) ? 1 : 3)] : text;
        if (!DateTime.TryParseExact(digits, formats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
            throw new FormatException($"expiry-time=\"{KeyLines.Shown(text)}\" is no time, so that the key is not accepted; write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z behind it for UTC");
        var offset = isUtc ? TimeSpan.Zero : zone.IsAmbiguousTime(time) ? zone.GetAmbiguousTimeOffsets(time).Max() : zone.GetUtcOffset(time);

        // What is written to mean "never" or "always" may be beyond what the calendar has elsewhere.
        return new DateTimeOffset(Math.Clamp(time.Ticks - offset.Ticks, DateTime.MinValue.Ticks, DateTime.MaxValue.Ticks), TimeSpan.Zero);
    }
}
