using System.CommandLine;
using System.CommandLine.Parsing;

namespace Fairlead.Cli;

/// <summary>The command line is not one that the program has; each error names what was found and the remedy.</summary>
internal sealed class UsageException(IReadOnlyList<string> errors) : Exception(string.Join('\n', errors))
{
    public IReadOnlyList<string> Errors => errors;
}

/// <summary>Says what is wrong with a command line in the program's own words.</summary>
internal static class UsageErrors
{
    /// <summary>The errors that the parser found.</summary>
    public static IReadOnlyList<string> Of(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var unknown = parsed.UnmatchedTokens.Select(token => Unknown(token, command)).ToList();
        // What could not be matched is often why something else is missing, so it is told alone.
        return unknown.Count > 0 ? unknown[..1] : [.. parsed.Errors.Select(Sentence).Distinct()];
    }

    /// <summary>An option or a command that does not exist, with the nearest that does.</summary>
    public static string Unknown(string token, Command command)
    {
        if (!token.StartsWith('-'))
            return $"unknown {(command.Subcommands.Count > 0 ? "command" : "argument")} '{Printable.Escape(token)}'{Nearest(token, command.Subcommands.Select(known => known.Name))}";
        var name = token.Split('=', ':')[0];
        var names = command.Options.Concat(command.Parents.OfType<Command>().SelectMany(parent => parent.Options.Where(option => option.Recursive))).Where(option => !option.Hidden)
            .SelectMany(option => option.Aliases.Append(option.Name)).Where(known => known.StartsWith("--", StringComparison.Ordinal));
        return $"unknown option '{Printable.Escape(name)}'{Nearest(name, names)}";
    }

    /// <summary>How a command is called: <c>fairlead forward</c>.</summary>
    public static string PathOf(Command command) => command is RootCommand ? "fairlead" : $"fairlead {command.Name}";

    private static string Sentence(ParseError error)
    {
        if (error.SymbolResult is ArgumentResult { Tokens.Count: 0, Parent: CommandResult { Command: NotedCommand { Missing: { } missing } } })
            return missing;
        var sentence = Printable.Escape(error.Message.TrimEnd('.'));
        return $"{char.ToLowerInvariant(sentence[0])}{sentence[1..]}";
    }

    private static string Nearest(string word, IEnumerable<string> known)
    {
        var nearest = known.Select(candidate => (candidate, distance: Distance(word, candidate)))
            .Where(pair => pair.distance <= Math.Max(1, word.TrimStart('-').Length / 3) || (word.Length > 3 && pair.candidate.StartsWith(word, StringComparison.Ordinal)))
            .OrderBy(pair => pair.distance).FirstOrDefault().candidate;
        return nearest is null ? "" : $"; did you mean '{nearest}'?";
    }

    /// <summary>How many letters have to be changed, added or left out (Levenshtein). Both texts are short: a longer one is far from everything.</summary>
    private static int Distance(string one, string other)
    {
        if (one.Length > 64)
            return one.Length;
        var previous = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var current = new int[other.Length + 1];
            current[0] = i;
            for (var j = 1; j <= other.Length; j++)
                current[j] = Math.Min(Math.Min(previous[j], current[j - 1]) + 1, previous[j - 1] + (one[i - 1] == other[j - 1] ? 0 : 1));
            previous = current;
        }
        return previous[^1];
    }
}
