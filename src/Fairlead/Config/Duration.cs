using System.Globalization;

namespace Fairlead;

/// <summary>How durations are written: <c>500ms</c>, <c>10s</c>, <c>5m</c>, <c>1h</c>, <c>7d</c>, and <c>off</c> for one that never ends.</summary>
public static class Duration
{
    /// <summary>The longest duration: timers count milliseconds in 31 bits, which is 24.8 days.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(24);

    private const string Form = "write a whole number and a unit (ms, s, m, h, d), like 500ms or 10s, or off";

    /// <summary>Reads a duration; <c>off</c> is <see cref="Timeout.InfiniteTimeSpan"/>.</summary>
    /// <exception cref="FormatException">The text is not of that form, or longer than <see cref="Longest"/>.</exception>
    public static TimeSpan Parse(string text)
    {
        if (text == "off")
            return Timeout.InfiniteTimeSpan;

        var digits = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (digits < 0)
            digits = text.Length;
        if (digits == 0)
            throw Error(text, "is not a duration");
        if (digits == text.Length)
            throw Error(text, "has no unit");

        long milliseconds = text[digits..] switch
        {
            "ms" => 1,
            "s" => 1000,
            "m" => 60 * 1000,
            "h" => 60 * 60 * 1000,
            "d" => 24 * 60 * 60 * 1000,
            _ => throw Error(text, $"has the unit '{Printable.Escape(text[digits..])}', which is unknown"),
        };
        // Ten digits are enough for the longest duration in milliseconds, and few enough that the product does not overflow.
        var number = text.AsSpan(0, digits).TrimStart('0');
        var count = number.IsEmpty ? 0 : number.Length > 10 ? long.MaxValue : long.Parse(number, CultureInfo.InvariantCulture);
        if (count > Longest.TotalMilliseconds / milliseconds)
            throw new FormatException($"'{Printable.Escape(text)}' is too long: a duration is at most {ToText(Longest)}; write off for one that never ends");
        return TimeSpan.FromMilliseconds(count * milliseconds);
    }

    /// <summary>The shortest way to write a duration that loses nothing above a millisecond.</summary>
    public static string ToText(TimeSpan duration)
    {
        if (duration == Timeout.InfiniteTimeSpan)
            return "off";
        var milliseconds = (long)duration.TotalMilliseconds;
        var (count, unit) = milliseconds switch
        {
            0 => (0, "s"),
            _ when milliseconds % 86_400_000 == 0 => (milliseconds / 86_400_000, "d"),
            _ when milliseconds % 3_600_000 == 0 => (milliseconds / 3_600_000, "h"),
            _ when milliseconds % 60_000 == 0 => (milliseconds / 60_000, "m"),
            _ when milliseconds % 1000 == 0 => (milliseconds / 1000, "s"),
            _ => (milliseconds, "ms"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{count}{unit}");
    }

    private static FormatException Error(string text, string complaint) => new($"'{Printable.Escape(text)}' {complaint}; {Form}");
}
