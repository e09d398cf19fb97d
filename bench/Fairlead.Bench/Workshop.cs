using System.Runtime.InteropServices;

namespace Fairlead.Bench;

/// <summary>Where everything that the benchmark starts and writes has its place: the children, and one temporary folder.
/// Both are gone when it is disposed.</summary>
sealed class Workshop : IDisposable
{
    readonly Lock gate = new();
    readonly List<Child> children = [];
    readonly string folder = Directory.CreateTempSubdirectory("fairlead-bench-").FullName;
    Pem? pem;
    SshKeys? sshKeys;
    int files;
    bool closed;

    /// <summary>The certificate of every server in here, made when the first asks for it.</summary>
    public Pem Pem => pem ??= Pem.New(this);

    /// <summary>The keys of every SSH server and client in here, made when the first asks for them.</summary>
    public SshKeys SshKeys => sshKeys ??= SshKeys.New(this);

    /// <summary>A path for a new file; the file itself is not made.</summary>
    public string NewFile(string name) => Path.Combine(folder, $"{Interlocked.Increment(ref files)}-{name}");

    /// <summary>Writes a configuration and gives its path.</summary>
    public string NewFile(string name, string text)
    {
        lock (gate)
        {
            StopWhenClosed();
            var path = NewFile(name);
            File.WriteAllText(path, text);
            return path;
        }
    }

    /// <summary>Starts a program, with its output in a file.</summary>
    public Child Start(Command command)
    {
        // Under the lock, so that no child is born behind the back of an ending that has already counted them.
        lock (gate)
        {
            StopWhenClosed();
            var child = new Child(command, NewFile(Path.GetFileName(command.Program) + ".log"));
            children.Add(child);
            return child;
        }
    }

    /// <summary>Runs a program to its end and gives what it printed.</summary>
    public string Run(Command command, TimeSpan limit)
    {
        using var child = Start(command);
        if (!child.WaitForEnd(limit))
            throw new MeasureException($"{Path.GetFileName(command.Program)} did not end within {limit.TotalSeconds:F0} s");
        return child.Output;
    }

    /// <summary>Ends everything when the signal comes, and the benchmark with it.</summary>
    public PosixSignalRegistration EndOn(PosixSignal signal) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        Dispose();
        Environment.Exit(signal == PosixSignal.SIGINT ? 130 : 143);
    });

    /// <summary>After a signal the process lives for another moment: nothing new is begun in it.</summary>
    void StopWhenClosed()
    {
        if (closed)
            Thread.Sleep(Timeout.Infinite);
    }

    public void Dispose()
    {
        lock (gate)
        {
            if (closed)
                return;
            closed = true;
            foreach (var child in children)
                child.Dispose();
        }
        Directory.Delete(folder, recursive: true);
    }
}
