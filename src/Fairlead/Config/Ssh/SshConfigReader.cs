using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// Reads files of ssh_config(5) for one server: lines of a keyword and its value, of which the first holds; <c>Host</c> and <c>Match</c> say for whom those behind them are, and
/// <c>Include</c> takes in other files. Lines for others are looked at only as far as that their keyword is known.
/// </summary>
internal sealed class SshConfigReader
{
    /// <summary>How deep files may include one another (<c>READCONF_MAX_DEPTH</c> of OpenSSH).</summary>
    public const int MostDepth = 16;

    /// <summary>How many files are read in all, one that is included twice counted twice.</summary>
    public const int MostFiles = 256;

    /// <summary>Of a file.</summary>
    public const int MostBytes = 1 << 20;

    /// <summary>Of a line.</summary>
    public const int MostCharacters = 16 << 10;

    /// <summary>The system's file, which is read after the user's.</summary>
    public const string SystemFile = "/etc/ssh/ssh_config";

    private const string None = "none";

    private readonly SshDraft draft;
    private readonly List<SshConfigException> errors = [];
    private int files;
    private bool isFinal, wantsFinal;

    private SshConfigReader(SshDraft draft) => this.draft = draft;

    /// <summary>One file on the way to being read.</summary>
    /// <param name="Path">Its path.</param>
    /// <param name="IsUsers">Whether it is a user's, or taken in by one: relative paths begin in <c>~/.ssh</c>.</param>
    /// <param name="IsForOthers">Whether nothing in it can be for this server.</param>
    /// <param name="Depth">How many files it is taken in through.</param>
    private sealed record Source(string Path, bool IsUsers, bool IsForOthers = false, int Depth = 0);

    /// <summary>Adds what files say to what is said already. Blocks, as long as commands of <c>Match exec</c> do.</summary>
    /// <param name="draft">What is said already, the host at least.</param>
    /// <param name="file">The file; <c>none</c> for none, and null for the user's and the system's, as far as they are there.</param>
    /// <returns>Every error; where there is one, the draft is of no use.</returns>
    public static IReadOnlyList<SshConfigException> Read(SshDraft draft, string? file)
    {
        var reader = new SshConfigReader(draft);
        if (file is not null && (file.Equals(None, StringComparison.OrdinalIgnoreCase) || file == "/dev/null"))
            return [];
        reader.Pass(file);
        // Match final: everything once more, by the name that it has come to.
        if (reader.wantsFinal && reader.errors.Count == 0)
        {
            reader.isFinal = true;
            draft.HostName ??= new SshValue("HostName", draft.Host!.Replace("%", "%%", StringComparison.Ordinal));
            reader.files = 0;
            reader.Pass(file);
        }
        return reader.errors;
    }

    // The host by the name that patterns are held to.
    private string Host => isFinal ? draft.ResolvedHost : draft.Host!;

    private void Pass(string? file)
    {
        if (file is not null)
        {
            ReadFile(new Source(file, IsUsers: true), isActive: true, new Place(file, 1, 1), isChecked: false);
            return;
        }
        if (HomePath.InSsh("config") is { } own && File.Exists(own))
            ReadFile(new Source(own, IsUsers: true), isActive: true, new Place(own, 1, 1), isChecked: true);
        if (File.Exists(SystemFile))
            ReadFile(new Source(SystemFile, IsUsers: false), isActive: true, new Place(SystemFile, 1, 1), isChecked: false);
    }

    private void ReadFile(Source source, bool isActive, Place from, bool isChecked)
    {
        if (TextOf(source, from, isChecked) is not { } text)
            return;
        var number = 0;
        foreach (var line in text.Split('\n'))
        {
            number++;
            try
            {
                ReadLine(source, line.TrimEnd(' ', '\t', '\r', '\f'), number, ref isActive);
            }
            catch (SshConfigException error)
            {
                errors.Add(error);
            }
            if (errors.Count >= Findings.MostErrors)
                return;
        }
    }

    private string? TextOf(Source source, Place from, bool isChecked)
    {
        try
        {
            if (source.Depth > MostDepth)
                throw new SshConfigException(from, $"Include goes deeper than {MostDepth} files; does one take in itself?");
            if (++files > MostFiles)
                throw new SshConfigException(from, $"Include takes in more than {MostFiles} files, which is the most that are read");
            draft.Files.Add(Path.GetFullPath(source.Path));
            if (File.Exists(source.Path) && FileTrust.Fault(Path.GetFullPath(source.Path)) is { } fault)
                throw new SshConfigException(from, fault);
            var text = KeyFiles.ReadSettings(source.Path, MostBytes, isChecked);
            return text.Contains('\0', StringComparison.Ordinal) ? throw new SshConfigException(from, $"{Printable.Escape(source.Path, 4096)} has a NUL character, and is no text") : text;
        }
        catch (SshConfigException error)
        {
            errors.Add(error);
        }
        catch (Exception error) when (error is SshKeyException or IOException)
        {
            errors.Add(new SshConfigException(from, error.Message));
        }
        return null;
    }

    private void ReadLine(Source source, string line, int number, ref bool isActive)
    {
        var start = line.AsSpan().IndexOfAnyExcept(" \t") is var first and >= 0 ? first : line.Length;
        if (start == line.Length || line[start] == '#')
            return;
        var place = new Place(source.Path, number, start + 1);
        if (line.Length > MostCharacters)
            throw new SshConfigException(place, $"the line is longer than {MostCharacters} characters, which is the most that are read");
        var end = line.AsSpan(start).IndexOfAny(" \t=") is var length and >= 0 ? start + length : line.Length;
        var (keyword, text) = (line[start..end], line[end..].TrimStart(' ', '\t'));
        text = text.StartsWith('=') ? text[1..].TrimStart(' ', '\t') : text;
        if (draft.IgnoreUnknown?.Matches(keyword.ToLowerInvariant()) == true && !SshKeywords.IsKnown(keyword))
            return;
        var value = new SshValue(SshKeywords.NameOf(keyword, place), text, place with { Column = line.Length - text.Length + 1 });
        if (text.Length == 0)
            throw new SshConfigException(place, $"{value.Option} has no value; write one behind it");
        switch (value.Option)
        {
            case "Host":
                isActive = IsForHost(value) && !source.IsForOthers;
                break;
            case "Match":
                var match = new SshConfigMatch(draft, isFinal, mayRun: !source.IsForOthers);
                isActive = match.Matches(value) && !source.IsForOthers;
                wantsFinal |= match.WantsFinal;
                break;
            case "Include":
                foreach (var word in value.Words)
                    Include(source, value, word, isActive);
                break;
            default:
                if (isActive)
                    SshKeywords.Set(draft, value);
                break;
        }
    }

    private bool IsForHost(SshValue value)
    {
        var found = false;
        foreach (var word in value.Words)
        {
            var isException = word.StartsWith('!');
            var pattern = isException ? word[1..] : word;
            if (pattern.Length == 0)
                throw value.Error("has an empty pattern; write one, like *.example.com");
            if (!PatternList.IsMatch(pattern, Host))
                continue;
            if (isException)
                return false;
            found = true;
        }
        return found;
    }

    private void Include(Source source, SshValue value, string word, bool isActive)
    {
        if (word.Length == 0 || (word[0] == '~' && !source.IsUsers))
            throw value.Error(word.Length == 0 ? "has an empty path; write one, or leave it out" : $"'{Printable.Escape(word)}' begins at a home, and this is the system's file; write the path in full");
        var path = new SshTokens(draft, draft.ResolvedHost).Path(value with { Text = word });
        var folder = source.IsUsers ? HomePath.InSsh("") : Path.GetDirectoryName(SystemFile);
        if (!Path.IsPathRooted(path))
            path = folder is not null ? Path.Combine(folder, path) : throw value.Error($"'{Printable.Escape(word)}' begins in ~/.ssh, and this user has no home; write the path in full");
        foreach (var found in Match(path, value))
            ReadFile(source with { Path = found, IsForOthers = !isActive, Depth = source.Depth + 1 }, isActive, value.Place!.Value, isChecked: true);
    }

    // glob(7), without ranges: what begins with a dot has to be asked for. A path without a pattern is itself, if it is there.
    private static List<string> Match(string path, SshValue value)
    {
        if (path.Contains('[', StringComparison.Ordinal))
            throw value.Error($"'{Printable.Escape(path)}' has a '[', and ranges of characters are not in this version; write * or ?");
        List<string> found = ["/"];
        try
        {
            foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
            {
                found = [.. part.AsSpan().ContainsAny('*', '?') ? found.Where(Directory.Exists).SelectMany(folder => Entries(folder, part)).Take(MostFiles + 1)
                    : found.Select(folder => Path.Combine(folder, part)).Where(Path.Exists)];
            }
            return [.. found.Where(File.Exists)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw value.Error($"'{Printable.Escape(path)}' cannot be looked for: {Printable.Escape(error.Message.TrimEnd('.'))}");
        }
    }

    private static IEnumerable<string> Entries(string folder, string pattern) => Directory.EnumerateFileSystemEntries(folder)
        .Where(entry => Path.GetFileName(entry) is var name && name.StartsWith('.') == pattern.StartsWith('.') && PatternList.IsMatch(pattern, name)).Order(StringComparer.Ordinal);
}
