using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Fairlead.Bench;

/// <summary>ab as the HTTPS client: one thread, and a new session of TLS for each request. wrk would resume the last one.</summary>
static class ApacheBench
{
    public const int Connections = 64;

    /// <summary>More than there are in a second; ab has a table for all of them.</summary>
    const int MostPerSecond = 50_000;

    public static string? Missing => Programs.Missing("ab", "apache2-utils");

    public static LoadResult Run(Workshop workshop, IPEndPoint server, int seconds) => Read(workshop.Run(
        // -n after -t, which sets it too.
        new(Programs.PathOf("ab"), "-q", "-c", Text(Connections), "-t", Text(seconds), "-n", Text(MostPerSecond * seconds), "-f", "TLS1.3", $"https://{server}/"),
        TimeSpan.FromSeconds(seconds + 15)));

    public static LoadResult Read(string output)
    {
        var failed = Number("Failed requests:", output) + (Match("Non-2xx responses:", output) is { Success: true } other ? Parse(other) : 0);
        if (failed > 0)
            throw new MeasureException($"ab: {failed} requests failed");
        // In whole milliseconds.
        return new(Number("Requests per second:", output), Number("50%", output), Number("99%", output), Number("Complete requests:", output));
    }

    static double Number(string label, string output) => Match(label, output) is { Success: true } match
        ? Parse(match)
        : throw new MeasureException($"ab gave no result: {output.TrimEnd().Split('\n')[^1]}");

    static Match Match(string label, string output) => Regex.Match(output, $@"^\s*{Regex.Escape(label)}\s+([\d.]+)", RegexOptions.Multiline);

    static double Parse(Match match) => double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture);

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
