using System.IO.Enumeration;

namespace Fairlead;

/// <summary>
/// Which algorithms may be used, as ssh_config(5) writes it: names with commas between them; behind a <c>+</c> added to the usual ones, behind a <c>-</c> taken from them (with
/// <c>*</c> and <c>?</c>), behind a <c>^</c> put before them.
/// </summary>
/// <param name="Written">The text.</param>
internal sealed record AlgorithmList(string Written)
{
    /// <summary>The algorithms that are meant, the best first.</summary>
    /// <param name="usual">Those that are used where nothing is written, the best first.</param>
    /// <param name="known">All that there are.</param>
    /// <exception cref="FormatException">One is not known, or none is left; the message says which, with the nearest that is.</exception>
    public IReadOnlyList<string> Of(IReadOnlyList<string> usual, IReadOnlyList<string> known)
    {
        var sign = Written.Length > 0 && Written[0] is '+' or '-' or '^' ? Written[0] : ' ';
        var names = (sign == ' ' ? Written : Written[1..]).Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (sign != '-' && Array.Find(names, name => !known.Contains(name)) is { } unknown)
            throw new FormatException($"'{Printable.Escape(unknown)}' is not in this version{Nearest.Hint(unknown, known)}; it has {string.Join(", ", known)}");
        List<string> meant = sign switch
        {
            '+' => [.. usual, .. names.Except(usual)],
            '-' => [.. usual.Where(name => !Array.Exists(names, pattern => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)))],
            '^' => [.. names.Distinct(), .. usual.Except(names)],
            _ => [.. names.Distinct()],
        };
        return meant.Count > 0 ? meant : throw new FormatException($"'{Printable.Escape(Written)}' leaves none; write at least one of {string.Join(", ", known)}");
    }

    /// <summary>The same without some of its names.</summary>
    public AlgorithmList Without(Func<string, bool> isLeftOut)
    {
        var sign = Written.Length > 0 && Written[0] is '+' or '-' or '^' ? Written[..1] : "";
        // What is taken away may be anything.
        return sign == "-" ? this : new AlgorithmList(sign + string.Join(',', Written[sign.Length..].Split(',').Where(name => !isLeftOut(name))));
    }

    /// <summary>As it is written.</summary>
    public override string ToString() => Written;
}
