namespace Fairlead.Cli;

/// <summary>What a command writes its tables to.</summary>
/// <param name="Width">How many columns a line may take; null where it is no terminal, and nothing is cut.</param>
/// <param name="HasColour">Whether escape sequences are understood and wanted.</param>
internal readonly record struct Screen(int? Width, bool HasColour)
{
    /// <summary>Of a command's standard output.</summary>
    public static Screen Of(TextWriter output)
    {
        if (!ReferenceEquals(output, Console.Out) || Console.IsOutputRedirected)
            return new Screen(null, false);
        // A terminal that does not know its size says 0.
        var width = Console.WindowWidth > 0 ? Console.WindowWidth : 80;
        return new Screen(width, WantsColour);
    }

    /// <summary>Whether a terminal of this user is to have colours: https://no-color.org, and terminals that know none.</summary>
    public static bool WantsColour => string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")) && Environment.GetEnvironmentVariable("TERM") != "dumb";

    public string Inked(string text, Ink ink) => Table.Inked(text, ink, HasColour);

    /// <summary>A line of text, cut to the width, in its ink.</summary>
    public string Line(string text, Ink ink = Ink.Plain) => Inked(Width is { } width ? TextWidth.Cut(text, width) : text, ink);
}
