using System.IO.Enumeration;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Opens the files of a configuration, and remembers which they were.</summary>
/// <param name="distrust">What is wrong with reading a file, as an error; null if nothing is. See <see cref="FileTrust"/>.</param>
internal sealed class ConfigurationFiles(Func<string, string?> distrust)
{
    /// <summary>10,000 forwards are 2 MB.</summary>
    public const int MostBytes = 16 << 20;

    public const int MostSecretBytes = 64 << 10;

    /// <summary>How many files a configuration may have.</summary>
    public const int MostFiles = 10_000;

    private readonly List<string> files = [];
    private readonly List<string> folders = [];

    public ConfigurationSources Sources => new([.. files.Distinct()], [.. folders.Distinct()]);

    /// <summary>Remembers a file that was read elsewhere.</summary>
    /// <param name="path">An absolute path.</param>
    public void Remember(string path) => files.Add(path);

    /// <summary>Reads a file of the configuration.</summary>
    /// <exception cref="FormatException">It cannot be read; the message says why and what to do.</exception>
    public byte[] Read(string path) => Read(path, MostBytes);

    /// <summary>Reads a file that holds a secret, without the line break at its end.</summary>
    /// <exception cref="FormatException">It cannot be read, or is no text.</exception>
    public string ReadSecret(string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Read(path, MostSecretBytes)).TrimEnd('\r', '\n');
        }
        catch (DecoderFallbackException)
        {
            throw new FormatException($"{Printable.Escape(path)} is not UTF-8");
        }
    }

    /// <summary>The files that a pattern names, sorted; one without wildcards names itself.</summary>
    /// <exception cref="FormatException">A folder cannot be looked into.</exception>
    public IReadOnlyList<string> Match(string folder, string pattern)
    {
        if (pattern.AsSpan().IndexOfAny('*', '?') < 0)
            return [Path.Combine(folder, pattern)];
        if (pattern.Contains("**", StringComparison.Ordinal))
            throw new FormatException($"'{Printable.Escape(pattern)}' has '**', which is not read; write each folder, with '*' for its files");
        var found = new List<string> { Path.IsPathRooted(pattern) ? "/" : folder };
        foreach (var segment in pattern.Split('/', StringSplitOptions.RemoveEmptyEntries))
            found = [.. found.SelectMany(place => Step(place, segment)).Take(MostFiles + 1)];
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private IEnumerable<string> Step(string folder, string segment)
    {
        if (segment.AsSpan().IndexOfAny('*', '?') < 0)
            return [Path.Combine(folder, segment)];
        var absolute = Path.GetFullPath(folder.Length == 0 ? "." : folder);
        folders.Add(absolute);
        try
        {
            // As in a shell, what begins with a dot has to be asked for.
            return [.. Directory.EnumerateFileSystemEntries(absolute).Select(entry => Path.GetFileName(entry))
                .Where(name => name.StartsWith('.') == segment.StartsWith('.') && FileSystemName.MatchesSimpleExpression(segment, name, ignoreCase: false))
                .Take(MostFiles + 1).Select(name => Path.Combine(folder, name))];
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"the folder {Printable.Escape(absolute)} cannot be looked into: {Reason(error)}");
        }
    }

    private byte[] Read(string path, int most)
    {
        var shown = Printable.Escape(path, 4096);
        if (path.Contains('\0', StringComparison.Ordinal) || path.Length == 0)
            throw new FormatException($"'{shown}' is no path");
        var absolute = Path.GetFullPath(path);
        files.Add(absolute);
        try
        {
            // Opening a pipe would wait for who writes to it.
            if (Directory.Exists(absolute))
                throw new FormatException($"{shown} is a folder; write the path of a file");
            if (OperatingSystem.IsLinux() && !UnixPermissions.At(absolute, follow: true).IsRegular)
                throw new FormatException($"{shown} is not a file; write the path of one");
            if (distrust(absolute) is { } fault)
                throw new FormatException(fault);
            using var file = new FileStream(absolute, new FileStreamOptions { Mode = FileMode.Open, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            var bytes = new byte[(int)Math.Min(file.Length, most) + 1];
            var length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > most)
                throw new FormatException($"{shown} is larger than {most >> 10} KiB, which is the most that is read");
            return bytes[..length];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new FormatException($"{shown} cannot be read: {Reason(error)}");
        }
    }

    private static string Reason(Exception error) => error switch
    {
        FileNotFoundException or DirectoryNotFoundException => "it does not exist",
        UnauthorizedAccessException => "permission denied",
        _ when error.Message.StartsWith("No such file", StringComparison.Ordinal) => "it does not exist",
        _ => Printable.Escape(error.Message.TrimEnd('.')),
    };
}
