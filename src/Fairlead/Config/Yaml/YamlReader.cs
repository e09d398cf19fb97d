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
                findings.Error(place, reader.Explain(error));
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
        if (parser.Current is NodeEvent { Anchor.IsEmpty: false } && Stumble(place) is null)
            findings.Error(place, "anchors (&) are not read; write the value wherever it is needed");
        if (parser.Current is NodeEvent { Tag.IsEmpty: false })
            findings.Error(place, "tags (!) are not read; write the value without it, or put it in quotes");
        switch (parser.Current)
        {
            case AnchorAlias:
                if (Stumble(place) is null)
                    findings.Error(place, "aliases (*) are not read; write the value wherever it is needed");
                Next();
                return new YamlFault(place);
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
    private string? Stumble(Place place)
    {
        var line = source.Line(place.Line);
        var values = YamlQuotes.Find(line);
        if (!values.Any(value => value.At == place.Column - 1))
            return null;
        var advice = YamlQuotes.Advice(line, place.Column - 1, values);
        findings.Error(place, advice);
        return advice;
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
                if (key is not YamlFault && Stumble(key.Place) is null)
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
        var line = error is YamlException yaml ? yaml.Start.Line : 0;
        if (IsInBrackets && (line == 0 || line > open.Peek().Start.Line))
            return source.At(open.Peek().Start.Line, open.Peek().Start.Column);
        if (error is YamlException { Start: var start } && start.Line > 0)
            return source.At(start.Line, start.Column);
        return parser.Current is null ? new Place(source.File, 1, 1) : Here();
    }

    /// <summary>The parser's complaint in words that help.</summary>
    private string Explain(Exception error)
    {
        var line = error is YamlException { Start.Line: var start } ? start : 0;
        if (IsInBrackets && (line == 0 || line > open.Peek().Start.Line))
            return open.Peek() is SequenceStart ? "the list that begins here is not closed; a ']' or a ',' is missing" : "the map that begins here is not closed; a '}' or a ',' is missing";
        if (source.Line(line).TrimStart(' ').StartsWith('\t'))
            return "a tab stands where YAML wants spaces; indent with spaces";
        return error.Message switch
        {
            var message when message.Contains("tab", StringComparison.Ordinal) => "a tab stands where YAML wants spaces; indent with spaces",
            var message when message.Contains("invalid mapping", StringComparison.Ordinal) => "a ':' stands where a value goes on; check the indentation, or put the value in quotes",
            var message when message.Contains("quoted scalar", StringComparison.Ordinal) && message.Contains("end of stream", StringComparison.Ordinal) => "the quote that begins here is not closed",
            var message when message.Contains("unknown escape", StringComparison.Ordinal) => "there is an escape that YAML does not know between these quotes; write a backslash as \\\\, or use single quotes",
            var message when message.Contains("could not find expected ':'", StringComparison.Ordinal) => "there is no ':' behind this word; write KEY: VALUE",
            var message when message.Contains("Block sequence entries", StringComparison.Ordinal) => "a list with '-' begins on a line of its own; or write it as [A, B]",
            var message when message.Contains("expected '-'", StringComparison.Ordinal) => "the list ends here without a '-'; check the indentation",
            var message when message.Contains("block mapping", StringComparison.Ordinal) => "no key stands here; check the indentation, or put the value before it in quotes",
            var message when message.Contains("expected ',' or", StringComparison.Ordinal) => "a ',' or the closing bracket is missing here",
            var message when message.Contains("expected node content", StringComparison.Ordinal) => "a bracket stands here that was not opened, or a value is missing before it",
            var message when message.Contains("<document end>", StringComparison.Ordinal) => "there is more behind the end of the configuration; check the brackets and the indentation",
            var message when message.Contains("cannot start any token", StringComparison.Ordinal) => "a value cannot begin with this character; put it in quotes",
            var message => $"this is not YAML: {Printable.Escape(message.TrimEnd('.'))}",
        };
    }
}
