using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Fairlead.Bench;

/// <summary>What iperf3 moved: what the receiver got, not what the sender put into buffers.</summary>
readonly record struct IperfResult(double Gigabits, double Gigabytes);

/// <summary>iperf3 as the source and the sink of bulk traffic.</summary>
static class Iperf
{
    const string Name = "iperf3";

    public static string? Missing => Programs.Missing(Name, Name);

    public static Child StartServer(Workshop workshop, IPEndPoint endPoint)
    {
        var child = workshop.Start(new(Programs.PathOf(Name), "-s", "-B", Text(endPoint.Address), "-p", Text(endPoint.Port)));
        Loopback.WaitForListeners([endPoint], child);
        return child;
    }

    public static Command Client(IPEndPoint server, int seconds, int streams) => new(
        Programs.PathOf(Name), "-c", Text(server.Address), "-p", Text(server.Port), "-t", Text(seconds), "-P", Text(streams), "-J");

    public static IperfResult Run(Workshop workshop, IPEndPoint server, int seconds, int streams)
    {
        const int tries = 5;
        for (var i = 1; ; i++)
        {
            var output = workshop.Run(Client(server, seconds, streams), TimeSpan.FromSeconds(seconds + 15));
            // A server serves one test at a time, and may still be tidying up after the last.
            if (i < tries && output.Contains("server is busy", StringComparison.Ordinal))
                Thread.Sleep(100);
            else
                return Read(output);
        }
    }

    public static IperfResult Read(string output)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            if (document.RootElement.TryGetProperty("error", out var error))
                throw new MeasureException($"iperf3: {error}");
            var received = document.RootElement.GetProperty("end").GetProperty("sum_received");
            return new(received.GetProperty("bits_per_second").GetDouble() / 1e9, received.GetProperty("bytes").GetDouble() / 1e9);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new MeasureException($"iperf3 gave no result: {e.Message}");
        }
    }

    static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
