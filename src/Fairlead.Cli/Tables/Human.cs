using System.Globalization;

namespace Fairlead.Cli;

/// <summary>Numbers for people, in as few letters as say enough.</summary>
internal static class Human
{
    private static readonly string[] units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>Bytes in decimal units, as rates are written in the configuration: <c>0 B</c>, <c>512 B</c>, <c>1.23 kB</c>, <c>98.8 GB</c>.</summary>
    public static string Bytes(double bytes)
    {
        var unit = 0;
        // From 999.5 on, three digits would say 1000.
        while (bytes >= 999.5 && unit < units.Length - 1)
        {
            bytes /= 1000;
            unit++;
        }
        var digits = unit == 0 || bytes >= 99.95 ? "F0" : bytes >= 9.995 ? "F1" : "F2";
        return $"{bytes.ToString(digits, CultureInfo.InvariantCulture)} {units[unit]}";
    }

    /// <summary>Bytes a second; nothing for none, so that what moves is seen.</summary>
    public static string Rate(double bytesPerSecond) => bytesPerSecond < 0.5 ? "-" : $"{Bytes(bytesPerSecond)}/s";

    /// <summary><c>120,417</c>.</summary>
    public static string Count(long count) => count.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A time in its two largest units: <c>42s</c>, <c>1m 15s</c>, <c>2h</c>, <c>3d 4h</c>.</summary>
    public static string Age(TimeSpan age)
    {
        var (days, hours, minutes, seconds) = age < TimeSpan.Zero ? (0, 0, 0, 0) : ((int)age.TotalDays, age.Hours, age.Minutes, age.Seconds);
        return days > 0 ? Both(days, 'd', hours, 'h')
            : hours > 0 ? Both(hours, 'h', minutes, 'm')
            : minutes > 0 ? Both(minutes, 'm', seconds, 's')
            : $"{seconds}s";

        static string Both(int large, char largeUnit, int small, char smallUnit) => small == 0 ? $"{large}{largeUnit}" : $"{large}{largeUnit} {small}{smallUnit}";
    }

    /// <summary><c>1 connection</c>, <c>2 connections</c>.</summary>
    public static string Count(long count, string one) => $"{Count(count)} {one}{(count == 1 ? "" : "s")}";
}
