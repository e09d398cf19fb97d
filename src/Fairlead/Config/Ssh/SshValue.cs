using System.Globalization;

namespace Fairlead;

/// <summary>The value of a keyword of ssh_config(5), on a command line. Its errors name the keyword.</summary>
/// <param name="Keyword">The keyword, as the manual writes it.</param>
/// <param name="Text">What stands behind it.</param>
internal readonly record struct SshValue(string Keyword, string Text)
{
    /// <summary>How errors begin.</summary>
    public string Option => $"-o {Keyword}";

    /// <summary>Its words, at least one.</summary>
    public IReadOnlyList<string> Words
    {
        get
        {
            try
            {
                return SshWords.Split(Text) is { Count: > 0 } words ? words : throw new FormatException("has no value; write one behind a '='");
            }
            catch (FormatException error)
            {
                throw Error(error.Message);
            }
        }
    }

    /// <summary>Its only word.</summary>
    public string One => Words is [{ Length: > 0 } one] ? one : throw Error($"'{Printable.Escape(Text)}' is not one word; write one, in quotes if it has spaces");

    public bool Truth => Choice(("yes", true), ("no", false), ("true", true), ("false", false));

    public TimeSpan Time => Told(SshWords.Time);

    /// <summary>One of a few words, whose case means nothing; errors offer the first two or three.</summary>
    public T Choice<T>(params ReadOnlySpan<(string Word, T Value)> choices)
    {
        var written = One;
        var words = new List<string>();
        foreach (var (word, value) in choices)
        {
            if (word.Equals(written, StringComparison.OrdinalIgnoreCase))
                return value;
            words.Add(word);
        }
        throw Error($"'{Printable.Escape(written)}' is unknown; write {string.Join(", ", words.SkipLast(1))} or {words[^1]}");
    }

    public int Number(int least, int most)
    {
        var written = One;
        return int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw Error(string.Create(CultureInfo.InvariantCulture, $"'{Printable.Escape(written)}' is not a number from {least} to {most}"));
    }

    /// <summary>What a reader makes of its only word.</summary>
    /// <param name="read">Throws <see cref="FormatException"/>, whose message begins with the text in quotes.</param>
    public T Told<T>(Func<string, T> read)
    {
        try
        {
            return read(One);
        }
        catch (FormatException error) when (!error.Message.StartsWith(Option, StringComparison.Ordinal))
        {
            throw Error(error.Message);
        }
    }

    public FormatException Error(string complaint) => new($"{Option} {complaint}");
}
