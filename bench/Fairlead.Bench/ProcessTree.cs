using System.Globalization;

namespace Fairlead.Bench;

/// <summary>What /proc says of a process and of those that it has started.</summary>
static class ProcessTree
{
    /// <summary>Linux counts processor time for user space in hundredths of a second, whatever its own clock.</summary>
    const double TicksASecond = 100;

    /// <summary>The process and everything below it. Empty when it has ended.</summary>
    public static IReadOnlyList<int> Of(int root)
    {
        var children = new Dictionary<int, List<int>>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, null, out var id) || Stat(id) is not { } stat)
                continue;
            var parent = int.Parse(stat[1], CultureInfo.InvariantCulture);
            if (!children.TryGetValue(parent, out var list))
                children[parent] = list = [];
            list.Add(id);
        }
        var found = new List<int>();
        var open = new Queue<int>([root]);
        while (open.TryDequeue(out var id))
        {
            if (Stat(id) is null)
                continue;
            found.Add(id);
            foreach (var child in children.GetValueOrDefault(id, []))
                open.Enqueue(child);
        }
        return found;
    }

    /// <summary>Processor time that the process, its children and those of them that have ended have used.</summary>
    public static TimeSpan ProcessorTime(int root)
    {
        var ticks = 0L;
        foreach (var id in Of(root))
        {
            // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), counted here from the third on.
            if (Stat(id) is { } stat)
                ticks += stat[11..15].Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        }
        return TimeSpan.FromSeconds(ticks / TicksASecond);
    }

    /// <summary>The sum over the tree of one line of smaps_rollup, in bytes.</summary>
    public static long Memory(int root, string line) => Of(root).Sum(id => Field($"/proc/{id}/smaps_rollup", line));

    /// <summary>The sum over the tree of one line of status, in bytes.</summary>
    public static long Status(int root, string line) => Of(root).Sum(id => Field($"/proc/{id}/status", line));

    /// <summary>How many descriptors the tree has open.</summary>
    public static int Descriptors(int root) => Of(root).Sum(id => Directory.GetFileSystemEntries($"/proc/{id}/fd").Length);

    /// <summary>The name of the program, cut by the kernel at 15 characters; null when it has ended.</summary>
    public static string? NameOf(int id) => Read($"/proc/{id}/comm")?.TrimEnd();

    static long Field(string path, string name)
    {
        foreach (var line in Read(path)?.Split('\n') ?? [])
        {
            if (line.StartsWith(name + ":", StringComparison.Ordinal))
                return long.Parse(line[(name.Length + 1)..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture) * 1024;
        }
        return 0;
    }

    /// <summary>The fields behind the name, which may itself hold spaces and brackets; the first is the state.</summary>
    static string[]? Stat(int id) => Read($"/proc/{id}/stat") is { } text ? text[(text.LastIndexOf(')') + 2)..].Split(' ') : null;

    static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        // A process may end between any two looks at it: ENOENT before the open, ESRCH after it.
        catch (IOException)
        {
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            return null;
        }
    }
}
