using System.Globalization;
using System.Net;
using System.Text.Json;

namespace Fairlead.Bench;

/// <summary>What iperf3 moved: what the receiver got, not what the sender put into buffers.</summary>
readonly record struct IperfResult(double Gigabits, double Gigabytes);

/// <summary>What became of the datagrams of one test.</summary>
/// <param name="Sent">By the client.</param>
/// <param name="Delivered">To the server, by its own count.</param>
/// <param name="Lost">Gaps in the sequence at the server; those on their way when the client stops are none.</param>
/// <param name="Seconds">How long the server took them for.</param>
readonly record struct IperfUdpResult(double Sent, double Delivered, double Lost, double Seconds);

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

    /// <param name="workshop">Where it runs.</param>
    /// <param name="server">Or what leads there.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="streams">How many.</param>
    /// <param name="through">How it is started, where not by itself.</param>
    public static IperfResult Run(Workshop workshop, IPEndPoint server, int seconds, int streams, Func<Command, Command>? through = null)
    {
        var client = Client(server, seconds, streams);
        return Read(Run(workshop, through?.Invoke(client) ?? client, seconds));
    }

    /// <summary>One flow of datagrams. Its control connection is TCP, to the same port.</summary>
    /// <param name="workshop">Where it runs.</param>
    /// <param name="server">Or what leads there.</param>
    /// <param name="seconds">How long.</param>
    /// <param name="size">Bytes of each.</param>
    /// <param name="perSecond">How many; 0 for as many as pass.</param>
    public static IperfUdpResult RunUdp(Workshop workshop, IPEndPoint server, int seconds, int size, long perSecond)
    {
        var client = Client(server, seconds, streams: 1);
        client = client with { Arguments = [.. client.Arguments, "-u", "-l", Text(size), "-b", Text(perSecond * size * 8)] };
        return ReadUdp(Run(workshop, client, seconds));
    }

    static string Run(Workshop workshop, Command client, int seconds)
    {
        const int tries = 5;
        for (var i = 1; ; i++)
        {
            var output = workshop.Run(client, TimeSpan.FromSeconds(seconds + 15));
            // A server serves one test at a time, and may still be tidying up after the last.
            if (i < tries && output.Contains("server is busy", StringComparison.Ordinal))
                Thread.Sleep(100);
            else
                return output;
        }
    }

    public static IperfResult Read(string output) => Read(output, end =>
    {
        var received = end.GetProperty("sum_received");
        return new IperfResult(received.GetProperty("bits_per_second").GetDouble() / 1e9, received.GetProperty("bytes").GetDouble() / 1e9);
    });

    public static IperfUdpResult ReadUdp(string output)
    {
        var result = Read(output, end =>
        {
            var received = end.GetProperty("sum_received");
            double packets = received.GetProperty("packets").GetDouble(), lost = received.GetProperty("lost_packets").GetDouble();
            return new IperfUdpResult(end.GetProperty("sum_sent").GetProperty("packets").GetDouble(), packets - lost, lost, received.GetProperty("seconds").GetDouble());
        });
        return result.Delivered > 0 ? result : throw new MeasureException("iperf3: no datagram arrived");
    }

    static T Read<T>(string output, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(output);
            if (document.RootElement.TryGetProperty("error", out var error))
                throw new MeasureException($"iperf3: {error}");
            return read(document.RootElement.GetProperty("end"));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException)
        {
            throw new MeasureException($"iperf3 gave no result: {e.Message}");
        }
    }

    static string Text(object value) => Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
