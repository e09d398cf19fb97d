using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Fairlead;

/// <summary>
/// Reads one YAML document into nodes with places. What YAML has beyond lists, maps and texts is refused: anchors, aliases, tags, further documents. Bounded in depth
/// and number of nodes.
/// </summary>
internal sealed class YamlReader
{
    public const int MostDepth = 32;

    /// <summary>For all files of a configuration together: 10,000 forwards have about 100,000.</summary>
    public const int MostNodes = 1_000_000;

    private const int MostMends = 32;

    private readonly YamlSource source;
    private readonly Findings findings;
    private IParser parser;
    private readonly Stack<ParsingEvent> open = new();
    private int nodes;

    /// <summary>No document: its one error is told.</summary>
    private sealed class Unreadable : Exception;

    private YamlReader(YamlSource source, Findings findings)
    {
        (this.source, this.findings) = (source, findings);
        parser = null!;
    }

    /// <param name="source">The text.</param>
    /// <param name="findings">Where errors go.</param>
    /// <param name="nodes">How many nodes there have been in other files; those of this one are added.</param>
    /// <returns>The document, a <see cref="YamlFault"/> if it cannot be read, and null if there is none: nothing but comments and white space.</returns>
    public static YamlNode? Read(YamlSource source, Findings findings, ref int nodes)
    {
        var stumbles = new HashSet<Place>();
        for (var mends = 0; ; mends++)
        {
            var collected = new Findings();
            var reader = new YamlReader(source, collected) { nodes = nodes };
            YamlNode? document;
            try
            {
                document = reader.Document();
            }
            catch (Unreadable)
            {
                document = new YamlFault(new Place(source.File, 1, 1));
            }
#pragma warning disable CA1031 // The parser throws more than it says (toolchain: InvalidOperationException), and a file must not be able to end the program.
            catch (Exception error)
#pragma warning restore CA1031
            {
                var place = reader.PlaceOf(error);
                if (mends < MostMends && (Mend(source, place.Line, findings, stumbles) || Mend(source, place.Line - 1, findings, stumbles)))
                    continue;
                findings.Error(place, reader.Explain(error, place));
                document = new YamlFault(place);
            }
            foreach (var error in collected.Errors())
                findings.Error(new Place(error.File, error.Line, error.Column), error.Message);
            nodes = reader.nodes;
            return document;
        }
    }

    /// <summary>Puts the values of a line on which YAML stumbled into quotes, so that the rest can be read too.</summary>
    private static bool Mend(YamlSource source, int number, Findings findings, HashSet<Place> stumbles)
    {
        var line = source.Line(number);
        var values = YamlQuotes.Find(line);
        if (values.Count == 0 || !source.Mend(number, values))
            return false;
        var place = new Place(source.File, number, values[0].At + 1);
        if (stumbles.Add(place))
            findings.Error(place, YamlQuotes.Advice(line, values[0].At, values));
        return true;
    }

    private YamlNode? Document()
    {
        parser = new Parser(new Scanner(source.Open(), skipComments: true));
        Next<StreamStart>();
        if (Next() is StreamEnd)
            return null;
        if (parser.Current is DocumentStart { Version: not null } or DocumentStart { Tags.Count: > 2 })
            findings.Error(Here(), "directives are not read; remove the lines that begin with '%'");
        Next();
        var document = Node();
        if (Next() is not StreamEnd)
        {
            findings.Error(Here(), "a second document begins; a configuration is one document, so remove the '---' or put the rest into a file of its own");
            throw new Unreadable();
        }
        return document;
    }

    private YamlNode Node()
    {
        var place = Here();
        if (++nodes > MostNodes)
        {
            findings.Error(place, $"the configuration is too large: it has more than {MostNodes} values");
            throw new Unreadable();
        }
        if (parser.Current is AnchorAlias)
        {
            if (!Stumble(place))
                findings.Error(place, "aliases (*) are not read; write the value wherever it is needed");
            Next();
            return new YamlFault(place);
        }
        var isAnchored = parser.Current is NodeEvent { Anchor.IsEmpty: false };
        if (isAnchored && !Stumble(place))
            findings.Error(place, "anchors (&) are not read; write the value wherever it is needed");
        if (parser.Current is NodeEvent { Tag.IsEmpty: false })
            findings.Error(place, "tags (!) are not read; write the value without it, or put it in quotes");
        var value = Value(place);
        return isAnchored ? new YamlFault(place) : value;
    }

    private YamlNode Value(Place place)
    {
        switch (parser.Current)
        {
            case Scalar scalar:
                Next();
                return new YamlText(place, scalar.Value, scalar.Style == ScalarStyle.Plain);
            case SequenceStart:
                return List(place);
            default:
                return Map(place);
        }
    }

    /// <summary>Says how to quote what stands here, if that is what YAML stumbled over.</summary>
    private bool Stumble(Place place)
    {
        var line = source.Line(place.Line);
        var values = YamlQuotes.Find(line);
        if (!values.Any(value => value.At == place.Column - 1))
            return false;
        findings.Error(place, YamlQuotes.Advice(line, place.Column - 1, values));
        return true;
    }

    private YamlList List(Place place)
    {
        Enter(place);
        var items = new List<YamlNode>();
        while (parser.Current is not SequenceEnd)
            items.Add(Node());
        Leave();
        return new YamlList(place, items);
    }

    private YamlNode Map(Place place)
    {
        Enter(place);
        var entries = new List<(YamlText, YamlNode)>();
        var isFaulty = false;
        var places = new Dictionary<string, Place>();
        while (parser.Current is not MappingEnd)
        {
            var key = Node();
            var value = Node();
            if (key is not YamlText name)
            {
                if (key is not YamlFault && !Stumble(key.Place))
                    findings.Error(key.Place, $"{Describe(key)} stands as a key; a key is a word, like listen");
                isFaulty = true;
            }
            else if (!places.TryAdd(name.Text, name.Place))
                findings.Error(places[name.Text], $"key '{Printable.Escape(name.Text)}' is written twice, here and at {name.Place}; keep one of them");
            else
                entries.Add((name, value));
        }
        Leave();
        if (isFaulty && entries.Count == 0)
            return new YamlFault(place);
        // A map within brackets has no place of its own.
        return new YamlMap(entries.Count > 0 ? entries[0].Item1.Place : place, entries);
    }

    private void Enter(Place place)
    {
        open.Push(parser.Current!);
        if (open.Count > MostDepth)
        {
            findings.Error(place, $"lists and maps are nested more than {MostDepth} deep");
            throw new Unreadable();
        }
        Next();
    }

    private void Leave()
    {
        open.Pop();
        Next();
    }

    /// <summary>How a node is called in an error.</summary>
    public static string Describe(YamlNode node) => node switch
    {
        YamlText { IsMissing: true } => "nothing",
        YamlText text => $"'{Printable.Escape(text.Text)}'",
        YamlList => "a list",
        _ => "a map",
    };

    private ParsingEvent Next() => parser.MoveNext() ? parser.Current! : throw new InvalidOperationException();

    private void Next<T>()
    {
        if (Next() is not T)
            throw new InvalidOperationException();
    }

    private Place Here() => source.At(parser.Current!.Start.Line, parser.Current.Start.Column);

    private bool IsInBrackets => open.TryPeek(out var inner) && inner is SequenceStart { Style: SequenceStyle.Flow } or MappingStart { Style: MappingStyle.Flow };

    private Place PlaceOf(Exception error)
    {
        if (error is not YamlException { Start: { Line: > 0 } start })
            return Unclosed() ?? (parser.Current is null ? new Place(source.File, 1, 1) : Here());
        if (IsInBrackets && start.Line > open.Peek().Start.Line)
            return source.At(open.Peek().Start.Line, open.Peek().Start.Column);
        if (IsAboutTab(error) && Enumerable.Range((int)start.Line, Math.Max(0, source.LineCount - (int)start.Line + 1)).FirstOrDefault(line => Indentation(line).Contains('\t', StringComparison.Ordinal)) is var tab and > 0)
            return new Place(source.File, tab, Indentation(tab).IndexOf('\t', StringComparison.Ordinal) + 1);
        return source.At(start.Line, start.Column);
    }

    private static bool IsAboutTab(Exception error) => error.Message.Contains("tab", StringComparison.Ordinal);

    private string Indentation(int line) => source.Line(line)[..^source.Line(line).TrimStart(' ', '\t').Length];

    /// <summary>The bracket that is likely meant where the parser only says that something is wrong: the last that a line, from where it is on, leaves open.</summary>
    private Place? Unclosed()
    {
        for (var number = parser.Current is null ? 1 : Here().Line; number <= source.LineCount; number++)
        {
            var (line, brackets, quote) = (source.Line(number), new Stack<int>(), '\0');
            for (var at = 0; at < line.Length; at++)
            {
                if (quote != '\0')
                    quote = line[at] == quote ? '\0' : quote;
                else if (line[at] is '"' or '\'')
                    quote = line[at];
                else if (line[at] is '[' or '{')
                    brackets.Push(at);
                else if (line[at] is ']' or '}')
                    brackets.TryPop(out _);
            }
            if (brackets.TryPeek(out var unclosed))
                return new Place(source.File, number, unclosed + 1);
        }
        return null;
    }

    /// <summary>The parser's complaint in words that help.</summary>
    private string Explain(Exception error, Place place)
    {
        const string Bracket = "a bracket stands here that was not opened";
        var rest = source.Line(place.Line) is var line && place.Column <= line.Length ? line[(place.Column - 1)..] : "";
        var isBracket = rest.StartsWith('[') || rest.StartsWith('{');
        if (error is not YamlException || (IsInBrackets && isBracket))
            return isBracket ? $"the {(rest[0] == '[' ? "list" : "map")} that begins here is not closed; a '{(rest[0] == '[' ? ']' : '}')}' or a ',' is missing" : "the brackets from here on do not match; one is missing, or one is too many";
        if (IsAboutTab(error))
            return "a tab stands where YAML wants spaces; indent with spaces";
        if (rest.StartsWith(']') || rest.StartsWith('}'))
            return Bracket;
        return error.Message switch
        {
            var message when message.Contains("invalid mapping", StringComparison.Ordinal) => "a ':' stands where a value goes on; check the indentation, or put the value in quotes",
            var message when message.Contains("quoted scalar", StringComparison.Ordinal) && (message.Contains("end of stream", StringComparison.Ordinal) || message.Contains("indentation", StringComparison.Ordinal)) => "the quote that begins here is not closed",
            var message when message.Contains("unknown escape", StringComparison.Ordinal) => "there is an escape that YAML does not know between these quotes; write a backslash as \\\\, or use single quotes",
            var message when message.Contains("could not find expected ':'", StringComparison.Ordinal) => "there is no ':' behind this word; write KEY: VALUE",
            var message when message.Contains("Block sequence entries", StringComparison.Ordinal) => "a list with '-' begins on a line of its own; or write it as [A, B]",
            var message when message.Contains("expected '-'", StringComparison.Ordinal) => "the list ends here without a '-'; check the indentation",
            var message when message.Contains("block mapping", StringComparison.Ordinal) && !rest.Contains(':', StringComparison.Ordinal) => "there is no ':' behind this word; write KEY: VALUE, and a value that goes on here in quotes",
            var message when message.Contains("block mapping", StringComparison.Ordinal) => "no key stands here; check the indentation, or put the value before it in quotes",
            var message when message.Contains("expected ',' or", StringComparison.Ordinal) => "a ',' or the closing bracket is missing here",
            var message when message.Contains("expected node content", StringComparison.Ordinal) => "a value is missing here",
            var message when message.Contains("<document end>", StringComparison.Ordinal) => "there is more behind the end of the configuration; check the brackets and the indentation",
            var message when message.Contains("cannot start any token", StringComparison.Ordinal) => "a value cannot begin with this character; put it in quotes",
            var message => $"this is not YAML: {Printable.Escape(message.TrimEnd('.'))}",
        };
    }
}
