using System.Text;

namespace Fairlead.Cli;

/// <summary>
/// Tells when files have changed, by looking once a second: that also sees what a rename, a symbolic link that is led elsewhere, or a network file system
/// does, of which inotify(7) says nothing. A change is told when it has come to rest, so that a file is not read while it is written.
/// </summary>
internal sealed class FileWatch : IDisposable
{
    private static readonly TimeSpan interval = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Action changed;
    private readonly ITimer timer;
    private Func<string>? look;
    private string told = "", last = "";

    /// <param name="changed">Told of a change, on a pool thread.</param>
    /// <param name="time">What measures the second.</param>
    public FileWatch(Action changed, TimeProvider time)
    {
        this.changed = changed;
        timer = time.CreateTimer(static watch => ((FileWatch)watch!).Look(), this, interval, interval);
    }

    /// <summary>Watches these from now on.</summary>
    /// <param name="files">Files, which need not exist.</param>
    /// <param name="folders">Folders, of which every file counts.</param>
    /// <param name="readSince">When reading them began: what was written after that counts as changed, and so does what may have been.</param>
    public void Watch(IReadOnlyList<string> files, IReadOnlyList<string> folders, DateTime readSince)
    {
        var (from, until) = (readSince - interval, DateTime.UtcNow + interval);
        // A time in the future says nothing, and would say it again and again.
        var mayBeOld = files.Any(file => File.Exists(file) && File.GetLastWriteTimeUtc(file) is var written && written > from && written < until);
        Watch(() => Fingerprint(files, folders), isKnown: !mayBeOld);
    }

    /// <summary>Watches nothing.</summary>
    public void Rest()
    {
        lock (gate)
            look = null;
    }

    public void Dispose() => timer.Dispose();

    internal void Watch(Func<string> fingerprint, bool isKnown)
    {
        lock (gate)
        {
            look = fingerprint;
            last = fingerprint();
            told = isKnown ? last : "";
        }
    }

    private void Look()
    {
        lock (gate)
        {
            if (look is null)
                return;
            var (before, now) = (last, look());
            last = now;
            if (now != before || now == told)
                return;
            told = now;
        }
        changed();
    }

    // What a change of any of them changes: names, lengths, times.
    private static string Fingerprint(IReadOnlyList<string> files, IReadOnlyList<string> folders)
    {
        var text = new StringBuilder();
        foreach (var file in files)
            Append(text, file);
        foreach (var folder in folders)
        {
            try
            {
                foreach (var entry in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
                    Append(text, entry);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                text.Append("no folder\n");
            }
        }
        return text.ToString();
    }

    private static void Append(StringBuilder text, string path)
    {
        try
        {
            var info = new FileInfo(path);
            var target = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
            text.Append(target.FullName).Append(' ').Append(target.Exists ? target.Length : -1).Append(' ').Append(target.LastWriteTimeUtc.Ticks).Append('\n');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            text.Append(path).Append(" cannot be looked at\n");
        }
    }
}
