namespace Fairlead.Ssh;

/// <summary>What somebody should know about a line of a file of keys.</summary>
/// <param name="File">The file, as a message may have it.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Text">What it is and what to do; without characters that could do harm where it is shown.</param>
/// <param name="IsRefused">Whether the line counts for nothing. Otherwise only a part of it does.</param>
internal sealed record KeyFinding(string File, int Line, string Text, bool IsRefused)
{
    /// <summary><c>FILE:LINE: TEXT</c>.</summary>
    public override string ToString() => $"{File}:{Line}: {Text}";
}

/// <summary>What was found in a file, the first hundred one by one and the others by their number.</summary>
internal sealed class KeyFindings(string path)
{
    public const int Most = 100;

    private readonly string file = KeyFiles.Shown(path);
    private readonly List<KeyFinding> list = [];
    private KeyFinding? last;
    private int more;
    private bool isMoreRefused;

    /// <summary>Adds one.</summary>
    public void Add(int line, string text, bool isRefused)
    {
        if (list.Count < Most)
        {
            list.Add(new KeyFinding(file, line, text, isRefused));
            return;
        }
        more++;
        isMoreRefused |= isRefused;
        last = new KeyFinding(file, line, $"{more} more lines or parts of lines, up to this one, are not as they should be", isMoreRefused);
    }

    public IEnumerable<KeyFinding> All => last is null ? list : list.Append(last);
}
