using System.Globalization;
using System.Runtime.InteropServices;

namespace Fairlead.Bench;

/// <summary>What the figures were taken on.</summary>
sealed record Machine(string Hardware, string System, string Date, IReadOnlyDictionary<string, string> Versions)
{
    public static Machine Describe(IEnumerable<Peer> peers, Workshop workshop)
    {
        var versions = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var peer in peers.Where(peer => peer.HasProcesses).DistinctBy(peer => peer.Family))
            versions[peer.Family] = Line(() => peer.Version(workshop));
        foreach (var (tool, flag) in new[] { ("iperf3", "--version"), ("wrk", "-v"), ("curl", "--version"), ("openssl", "version") })
        {
            if (Programs.Find(tool) is { } path)
                versions[tool] = Line(() => workshop.Run(new(path, flag), TimeSpan.FromSeconds(10)).Split('\n')[0].Split(" (")[0].Split(" [")[0].Replace("iperf ", "", StringComparison.Ordinal));
        }
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1 << 30);
        return new(
            string.Create(CultureInfo.InvariantCulture, $"{Processor()}, {Environment.ProcessorCount} cores, {memory} GiB"),
            $"{Distribution()}, Linux {Environment.OSVersion.Version.ToString(3)}, {RuntimeInformation.OSArchitecture}",
            DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
            versions);
    }

    static string Line(Func<string> ask)
    {
        try
        {
            return ask() is { Length: > 0 } line ? line.TrimEnd() : "unknown version";
        }
        catch (MeasureException)
        {
            return "unknown version";
        }
    }

    static string Processor() => Value("/proc/cpuinfo", "model name", ':') ?? RuntimeInformation.OSArchitecture.ToString();

    static string Distribution() => Value("/etc/os-release", "PRETTY_NAME", '=') ?? "Linux";

    static string? Value(string file, string name, char separator) => File.Exists(file)
        ? File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(separator, 2)[1].Trim().Trim('"')
        : null;
}
