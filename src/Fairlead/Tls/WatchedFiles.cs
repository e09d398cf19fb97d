using System.Globalization;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What was read from some files, read anew when they change. They are looked at every two seconds, on the thread pool: that also sees what a rename, a symbolic link that is led
/// elsewhere or a network file system does, of which inotify(7) says nothing.
/// </summary>
/// <typeparam name="T">An immutable value. Whoever took it may go on with it.</typeparam>
internal sealed class WatchedFiles<T> : IDisposable
    where T : class
{
    /// <summary>How often they are looked at. A change is taken up when it has come to rest, so after two to four seconds.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly string[] paths;
    private readonly Func<T> read;
    private readonly Action<string> warn;
    private readonly ITimer timer;
    private volatile T current;
    private string taken, last;

    /// <summary>Reads them, here and now.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="read">Reads them; throws <see cref="FormatException"/> where they cannot be used.</param>
    /// <param name="time">What measures the two seconds; off the event loops.</param>
    /// <param name="warn">Told once of each state of the files that cannot be used; what was read before is kept. Called on the thread pool: it must not throw.</param>
    /// <exception cref="FormatException">They cannot be used.</exception>
    public WatchedFiles(IEnumerable<string> paths, Func<T> read, TimeProvider time, Action<string> warn)
    {
        this.paths = [.. paths.Select(Path.GetFullPath).Distinct()];
        this.read = read;
        this.warn = warn;
        // Before the reading: what changes meanwhile has changed.
        taken = last = Fingerprint();
        current = read();
        timer = time.CreateTimer(static files => ((WatchedFiles<T>)files!).Look(), this, Interval, Interval);
    }

    /// <summary>What was read last.</summary>
    public T Current => current;

    /// <summary>Looks at them no more; what was read stays.</summary>
    public void Dispose() => timer.Dispose();

    private void Look()
    {
        // Reading may take longer than two seconds, on a file system far away.
        if (!gate.TryEnter())
            return;
        try
        {
            var (before, now) = (last, Fingerprint());
            last = now;
            if (now != before || now == taken)
                return;
            taken = now;
            current = read();
        }
        catch (Exception error)
        {
            // Whatever it is: on a timer it would end the process.
            warn($"{error.Message}; what was read before is kept");
        }
        finally
        {
            gate.Exit();
        }
    }

    // What a change of any of them changes: where links lead, number, length, time.
    private string Fingerprint()
    {
        var text = new StringBuilder();
        foreach (var path in paths)
        {
            try
            {
                var info = new FileInfo(path);
                var target = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
                var number = UnixFile.At(target.FullName)?.Number;
                text.Append(CultureInfo.InvariantCulture, $"{target.FullName} {number} {(target.Exists ? target.Length : -1)} {target.LastWriteTimeUtc.Ticks}\n");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                text.Append("cannot be looked at\n");
            }
        }
        return text.ToString();
    }
}
