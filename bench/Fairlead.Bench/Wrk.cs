using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Fairlead.Bench;

/// <summary>wrk as the HTTP client: one thread, so that it leaves a core to what is measured, and 64 connections.</summary>
static partial class Wrk
{
    public const int Connections = 64;

    public static string? Missing => Programs.Missing("wrk", "wrk") ?? Programs.Missing("nginx", "nginx");

    public static LoadResult Run(Workshop workshop, IPEndPoint server, int seconds, params string[] options) => Read(workshop.Run(
        new(Programs.PathOf("wrk"), ["-t", "1", "-c", Text(Connections), "-d", $"{seconds}s", "--latency", .. options, $"http://{server}/"]),
        TimeSpan.FromSeconds(seconds + 15)));

    public static LoadResult Read(string output)
    {
        if (Errors().Match(output) is { Success: true } errors)
            throw new MeasureException($"wrk: {errors.Value.Trim()}");
        return new(
            Number(PerSecond().Match(output), output),
            Latency(output, "50%"),
            Latency(output, "99%"),
            Number(Total().Match(output), output));
    }

    static double Latency(string output, string percent)
    {
        var match = Regex.Match(output, $@"^\s+{percent}\s+([\d.]+)(us|ms|s|m|h)\s*$", RegexOptions.Multiline);
        return Number(match, output) * match.Groups[2].Value switch
        {
            "us" => 1e-3,
            "ms" => 1,
            "s" => 1e3,
            "m" => 60e3,
            _ => 3600e3,
        };
    }

    static double Number(Match match, string output) => match.Success
        ? double.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
        : throw new MeasureException($"wrk gave no result: {output.TrimEnd().Split('\n')[^1]}");

    static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Printed only where there was one.</summary>
    [GeneratedRegex(@"^\s*(Socket errors:|Non-2xx or 3xx responses:|unable to connect).*$", RegexOptions.Multiline)]
    private static partial Regex Errors();

    [GeneratedRegex(@"^Requests/sec:\s+([\d.]+)", RegexOptions.Multiline)]
    private static partial Regex PerSecond();

    [GeneratedRegex(@"^\s+(\d+) requests in ", RegexOptions.Multiline)]
    private static partial Regex Total();
}
