using System.Globalization;

namespace Fairlead;

/// <summary>Who has a port of this machine, where the system tells: Linux does, by /proc/net/tcp, /proc/net/udp and the descriptors of processes (proc(5)).</summary>
internal static class PortHolder
{
    // The states LISTEN of TCP, and CLOSE, which every UDP socket has that is not connected (net/tcp_states.h).
    private const string Listening = "0A", Bound = "07";

    /// <summary>The process, as "name (process 123)"; null if it cannot be found out.</summary>
    public static string? Find(int port, PortProtocols protocol)
    {
        try
        {
            var (name, state) = protocol == PortProtocols.Udp ? ("udp", Bound) : ("tcp", Listening);
            var sockets = new[] { $"/proc/net/{name}", $"/proc/net/{name}6" }.Where(File.Exists).SelectMany(table => Sockets(table, port, state)).ToHashSet();
            return sockets.Count == 0 ? null : Directory.EnumerateDirectories("/proc").Select(folder => Holder(folder, sockets)).FirstOrDefault(holder => holder is not null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …, addresses as hexadecimal ADDRESS:PORT
    private static IEnumerable<string> Sockets(string table, int port, string state)
    {
        foreach (var line in File.ReadLines(table).Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9 && fields[3] == state
                && int.TryParse(fields[1].AsSpan(fields[1].LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var local) && local == port)
                yield return $"socket:[{fields[9]}]";
        }
    }

    private static string? Holder(string folder, HashSet<string> sockets)
    {
        var id = Path.GetFileName(folder);
        if (!id.All(char.IsAsciiDigit))
            return null;
        try
        {
            foreach (var descriptor in Directory.EnumerateFileSystemEntries($"{folder}/fd"))
            {
                if (new FileInfo(descriptor).LinkTarget is { } target && sockets.Contains(target))
                    return $"{Printable.Escape(File.ReadAllText($"{folder}/comm").Trim())} (process {id})";
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Another user's process, or one that has just ended.
        }
        return null;
    }
}
