using System.Globalization;

namespace Fairlead;

/// <summary>The value of a keyword of ssh_config(5), on a command line or in a file. Its errors name the keyword, and the place in a file.</summary>
/// <param name="Option">How errors begin: <c>-p</c> or <c>-o Port</c>, and <c>Port</c> in a file.</param>
/// <param name="Text">What stands behind it.</param>
/// <param name="Place">Where it stands in a file; null: on a command line.</param>
internal readonly record struct SshValue(string Option, string Text, Place? Place = null)
{
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

    /// <summary>The same with its only word as the text: for what is expanded later, when nothing is cut any more.</summary>
    public SshValue Single => this with { Text = One };

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
        catch (FormatException error) when (error is not SshConfigException)
        {
            throw Error(error.Message);
        }
    }

    public SshConfigException Error(string complaint) => new(Place, $"{Option} {complaint}");
}
