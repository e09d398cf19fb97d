namespace Fairlead;

/// <summary>How values of a key are written, read and shown.</summary>
internal abstract class Kind<T>
{
    /// <summary>The form in few words, for the documentation.</summary>
    public abstract string Form { get; }

    /// <summary>The form as JSON Schema.</summary>
    public abstract string Schema { get; }

    /// <summary>Reads a value; an error is told to the reading.</summary>
    /// <param name="node">The value.</param>
    /// <param name="key">The key before it.</param>
    /// <param name="current">What holds where nothing is written: what of a map is left out stays as it is there.</param>
    /// <param name="reading">What is read.</param>
    /// <returns>The value, or <paramref name="current"/> where it has an error.</returns>
    public abstract T Read(YamlNode node, string key, T current, Reading reading);

    /// <summary>A value as it is written.</summary>
    public abstract string Show(T value);
}

/// <summary>A value that is one text.</summary>
/// <param name="form">The form in few words.</param>
/// <param name="example">A value, for errors.</param>
/// <param name="schema">The form as JSON Schema.</param>
/// <param name="parse">Reads the text behind a key; throws <see cref="FormatException"/>, whose message begins with the text in quotes or with the key.</param>
/// <param name="show">A value as it is written.</param>
internal sealed class TextKind<T>(string form, string example, string schema, Func<string, string, Reading, T> parse, Func<T, string> show) : Kind<T>
{
    public TextKind(string form, string example, string schema, Func<string, T> parse, Func<T, string> show)
        : this(form, example, schema, (text, _, _) => parse(text), show)
    {
    }

    public override string Form => form;

    public override string Schema => schema;

    public override T Read(YamlNode node, string key, T current, Reading reading)
    {
        if (node is YamlFault)
            return current;
        if (node is not YamlText text)
        {
            reading.Error(node, $"{key} is {YamlReader.Describe(node)}, and one value is expected; write {key}: {example}");
            return current;
        }
        if (text.IsMissing)
        {
            reading.Error(node, $"{key} has no value; write {key}: {example}");
            return current;
        }
        try
        {
            return parse(text.Text, key, reading);
        }
        catch (FormatException error)
        {
            reading.Error(node, error.Message.StartsWith('\'') ? $"{key} {error.Message}" : error.Message);
            return current;
        }
    }

    public override string Show(T value) => show(value);
}

/// <summary>One value, or a list of them.</summary>
/// <param name="element">How one is written.</param>
/// <param name="placeholder">What stands for one that has an error, so that the others keep their numbers.</param>
internal sealed class ListKind<T>(Kind<T> element, T placeholder) : Kind<ValueList<T>>
{
    public override string Form => $"{element.Form}, or a list";

    public override string Schema => $$"""{"anyOf":[{{element.Schema}},{"type":"array","items":{{element.Schema}}}]}""";

    public override ValueList<T> Read(YamlNode node, string key, ValueList<T> current, Reading reading)
    {
        if (node is YamlText { Text: var text } && text.Contains(',', StringComparison.Ordinal) && !text.StartsWith(EndpointText.UnixPrefix, StringComparison.Ordinal))
        {
            reading.Error(node, $"{key} '{Printable.Escape(text)}' is one value with a comma in it; write a list in brackets: {key}: [{Printable.Escape(text)}]");
            return current;
        }
        List<YamlNode> nodes = node is YamlList list ? list.Items : [node];
        return [.. nodes.Select(item => element.Read(item, key, placeholder, reading))];
    }

    public override string Show(ValueList<T> value) => $"[{string.Join(", ", value.Select(element.Show))}]";
}

/// <summary>One of a few words.</summary>
/// <param name="refusal">Why a word that a reader may know from elsewhere is refused; null for a word that is just unknown.</param>
/// <param name="words">The words and what they mean.</param>
internal sealed class ChoiceKind<T>(Func<string, string?> refusal, params (string Word, T Value)[] words) : Kind<T>
    where T : struct
{
    public ChoiceKind(params (string Word, T Value)[] words)
        : this(_ => null, words)
    {
    }

    public override string Form => string.Join(", ", words.Select(word => $"`{word.Word}`"));

    public override string Schema => typeof(T) == typeof(bool) ? """{"type":"boolean"}""" : $$"""{"enum":[{{string.Join(',', words.Select(word => $"\"{word.Word}\""))}}]}""";

    public override T Read(YamlNode node, string key, T current, Reading reading)
    {
        if (node is YamlFault)
            return current;
        var all = words.Select(word => word.Word).ToList();
        var expected = $"{string.Join(", ", all.SkipLast(1))} or {all[^1]}";
        if (node is not YamlText { IsMissing: false } text)
        {
            reading.Error(node, $"{key} {(node is YamlText ? "has no value" : $"is {YamlReader.Describe(node)}")}; write {expected}");
            return current;
        }
        foreach (var (word, value) in words)
        {
            if (word == text.Text)
                return value;
        }
        var shown = $"{key} '{Printable.Escape(text.Text)}' is";
        reading.Error(node, refusal(text.Text) is { } reason ? $"{shown} {reason}" : $"{shown} unknown; write {expected}{Nearest.Hint(text.Text, all)}");
        return current;
    }

    public override string Show(T value) => words.First(word => word.Value.Equals(value)).Word;
}

/// <summary>A value, or <c>off</c>, which is null.</summary>
internal sealed class OffKind<T>(Kind<T> kind, string whenNull = "off") : Kind<T?>
    where T : struct
{
    public override string Form => $"{kind.Form}, or `off`";

    public override string Schema => $$"""{"anyOf":[{{kind.Schema}},{"const":"off"}]}""";

    public override T? Read(YamlNode node, string key, T? current, Reading reading)
    {
        if (node is YamlText { Text: "off" })
            return null;
        var before = reading.ErrorCount;
        var value = kind.Read(node, key, current ?? default, reading);
        return reading.ErrorCount == before && node is not YamlFault ? value : current;
    }

    public override string Show(T? value) => value is { } some ? kind.Show(some) : whenNull;
}

/// <summary>A value that may be left out, which is null.</summary>
internal sealed class OptionalValue<T>(Kind<T> kind, string whenNull = "") : Kind<T?>
    where T : struct
{
    public override string Form => kind.Form;

    public override string Schema => kind.Schema;

    public override T? Read(YamlNode node, string key, T? current, Reading reading)
    {
        var before = reading.ErrorCount;
        var value = kind.Read(node, key, current ?? default, reading);
        return reading.ErrorCount == before && node is not YamlFault ? value : current;
    }

    public override string Show(T? value) => value is { } some ? kind.Show(some) : whenNull;
}

/// <summary>A value that may be left out, which is null.</summary>
internal sealed class OptionalKind<T>(Kind<T> kind, string whenNull = "") : Kind<T?>
{
    public override string Form => kind.Form;

    public override string Schema => kind.Schema;

    public override T? Read(YamlNode node, string key, T? current, Reading reading) => kind.Read(node, key, current!, reading);

    public override string Show(T? value) => value is null ? whenNull : kind.Show(value);
}

/// <summary>A map, of which what is left out stays as it is; or <c>off</c>, which is null.</summary>
/// <param name="table">Its keys.</param>
/// <param name="initial">What it is when nothing is written in it.</param>
internal sealed class OffMapKind<T>(KeyTable<T> table, T initial) : Kind<T?>
    where T : class
{
    public override string Form => $"a map of {table.Link}, or `off`";

    public override string Schema => $$"""{"anyOf":[{{table.Reference}},{"const":"off"}]}""";

    public override T? Read(YamlNode node, string key, T? current, Reading reading)
    {
        return node is YamlText { Text: "off" } ? null : table.Read(node, key, current ?? initial, reading);
    }

    public override string Show(T? value) => value is null ? "off" : table.Show(value);
}

/// <summary>A map, of which what is left out stays as it is.</summary>
internal sealed class MapKind<T>(KeyTable<T> table) : Kind<T>
    where T : class
{
    public override string Form => $"a map of {table.Link}";

    public override string Schema => table.Reference;

    public override T Read(YamlNode node, string key, T current, Reading reading) => table.Read(node, key, current, reading);

    public override string Show(T value) => table.Show(value);
}
