using System.CommandLine;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary>Options with errors that name the option, what was found and what is expected.</summary>
internal static class Values
{
    /// <summary>An option whose value is one of some words; without it the first is meant.</summary>
    public static Option<T?> Choice<T>(string name, string description, params (string Word, T Value)[] choices)
        where T : struct
    {
        return Choice(name, description, _ => null, choices);
    }

    /// <summary>An option whose value is one of some words; without it the first is meant.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="refusal">Why a word that a reader may know from elsewhere is refused; null for a word that is just unknown.</param>
    /// <param name="choices">The words and what they mean.</param>
    public static Option<T?> Choice<T>(string name, string description, Func<string, string?> refusal, params (string Word, T Value)[] choices)
        where T : struct
    {
        var words = choices.Select(choice => choice.Word).ToArray();
        var option = new Option<T?>(name)
        {
            Description = $"{description} (default: {words[0]})",
            HelpName = string.Join('|', words),
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                var word = result.Tokens[0].Value;
                foreach (var choice in choices)
                {
                    if (choice.Word == word)
                        return choice.Value;
                }
                result.AddError($"{name} '{Printable.Escape(word)}' is {refusal(word) ?? $"unknown; write {Alternatives(words)}"}");
                return default;
            },
        };
        // The library would offer the names of the enumeration too.
        option.CompletionSources.Clear();
        option.CompletionSources.Add(words);
        return option;
    }

    /// <summary>An option whose value is a <see cref="Duration"/>.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="takesZero">Whether no time at all makes sense.</param>
    public static Option<TimeSpan?> Time(string name, string description, bool takesZero = false)
    {
        return Parsed<TimeSpan?>(name, "DURATION", description, text =>
        {
            var duration = Duration.Parse(text);
            return duration != TimeSpan.Zero || takesZero ? duration : throw new FormatException($"'{Printable.Escape(text)}' is no time at all; write a longer one, like 5s, or off");
        });
    }

    /// <summary>An option whose value is a port.</summary>
    public static Option<int?> Port(string name, string description)
    {
        return Parsed<int?>(name, "PORT", description, text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
                ? port
                : throw new FormatException($"'{Printable.Escape(text)}' is not a port; write a number from 1 to 65535, like 8080"));
    }

    /// <summary>An option whose value is a number within bounds.</summary>
    public static Option<int?> Number(string name, string description, int least, int most)
    {
        return Parsed<int?>(name, "N", description, text =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
                ? number
                : throw new FormatException($"'{Printable.Escape(text)}' is not a number from {least} to {most}; write one"));
    }

    /// <summary>An option with a value of some form.</summary>
    public static Option<T?> One<T>(string name, string helpName, string description, Func<string, T> parse)
        where T : class
    {
        return Parsed<T>(name, helpName, description, parse);
    }

    /// <summary>What was written for an option that may be repeated; null where it was not, which the library does not tell from nothing.</summary>
    public static T[]? Written<T>(this ParseResult parsed, Option<T[]?> option) => parsed.GetResult(option) is { Implicit: false } ? parsed.GetValue(option) : null;

    /// <summary>An option that may be repeated; see <see cref="Written"/>.</summary>
    /// <param name="name">The option's name.</param>
    /// <param name="helpName">How a value is called.</param>
    /// <param name="description">What it is for.</param>
    /// <param name="parse">Reads one; throws <see cref="FormatException"/>, whose message begins with the text in quotes or by itself.</param>
    public static Option<T[]?> List<T>(string name, string helpName, string description, Func<string, T> parse)
    {
        return new Option<T[]?>(name)
        {
            Description = description,
            HelpName = helpName,
            Arity = ArgumentArity.OneOrMore,
            CustomParser = result =>
            {
                var values = new List<T>();
                foreach (var token in result.Tokens)
                {
                    try
                    {
                        values.Add(parse(token.Value));
                    }
                    catch (FormatException error)
                    {
                        result.AddError($"{name} {error.Message}");
                    }
                }
                return [.. values];
            },
        };
    }

    /// <summary><c>a, b or c</c>.</summary>
    public static string Alternatives(IReadOnlyList<string> words) => $"{string.Join(", ", words.SkipLast(1))} or {words[^1]}";

    private static Option<T?> Parsed<T>(string name, string helpName, string description, Func<string, T> parse)
    {
        return new Option<T?>(name)
        {
            Description = description,
            HelpName = helpName,
            Arity = ArgumentArity.ExactlyOne,
            CustomParser = result =>
            {
                try
                {
                    return parse(result.Tokens[0].Value);
                }
                catch (FormatException error)
                {
                    result.AddError($"{name} {error.Message}");
                    return default;
                }
            },
        };
    }
}
