using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Fairlead.Bench;

/// <summary>A program with its arguments, and what is added to its environment.</summary>
sealed record Command(string Program, params IReadOnlyList<string> Arguments)
{
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}

/// <summary>A running program. Disposing ends it, and what it has started in turn.</summary>
sealed partial class Child : IDisposable
{
    const int Sigterm = 15;
    const int Sigkill = 9;
    const int Sigcont = 18;
    const int Sigstop = 19;

    /// <summary>How long a forwarder may drain. It has no connection left by then, so it needs none of it.</summary>
    static readonly TimeSpan grace = TimeSpan.FromSeconds(2);

    readonly Process process;
    readonly string log;
    bool ended;

    public Child(Command command, string log)
    {
        this.log = log;
        Program = Path.GetFileName(command.Program);
        // The shell opens the files and becomes the program: the process id stays, and nobody has to empty a pipe.
        var start = new ProcessStartInfo("/bin/sh") { UseShellExecute = false };
        foreach (var argument in new[] { "-c", "log=$1; shift; exec \"$@\" </dev/null >\"$log\" 2>&1", "sh", log, command.Program })
            start.ArgumentList.Add(argument);
        foreach (var argument in command.Arguments)
            start.ArgumentList.Add(argument);
        foreach (var (name, value) in command.Environment)
            start.Environment[name] = value;
        process = Process.Start(start)!;
        Id = process.Id;
    }

    public string Program { get; }

    public int Id { get; }

    public bool HasEnded => ended || process.HasExited;

    /// <summary>What it has printed so far.</summary>
    public string Output => File.Exists(log) ? File.ReadAllText(log) : "";

    public string LastWords => Output.Trim() is { Length: > 0 } said ? said.Split('\n')[^1] : "it said nothing";

    public bool WaitForEnd(TimeSpan limit) => process.WaitForExit(limit);

    public void Dispose()
    {
        if (ended)
            return;
        ended = true;
        // Taken before the end: afterwards the children of a killed parent have another one. Stopped, so that it has no more of them
        // meanwhile.
        if (!process.HasExited)
            _ = Kill(Id, Sigstop);
        var tree = ProcessTree.Of(Id);
        if (!process.HasExited)
        {
            _ = Kill(Id, Sigterm);
            _ = Kill(Id, Sigcont);
            if (!process.WaitForExit(grace))
                _ = Kill(Id, Sigkill);
        }
        foreach (var id in tree)
        {
            // socat leaves its children to their connections.
            if (id != Id && ProcessTree.NameOf(id) == Program)
                _ = Kill(id, Sigkill);
        }
        process.WaitForExit(grace);
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int id, int signal);
}
