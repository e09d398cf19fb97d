using System.Globalization;

namespace Fairlead;

/// <summary>Where something stands.</summary>
/// <param name="File">The file, as it was named.</param>
/// <param name="Line">The line, from 1.</param>
/// <param name="Column">The character of the line, from 1.</param>
internal readonly record struct Place(string File, int Line, int Column)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Printable.Escape(File, 4096)}:{Line}:{Column}");
}

/// <summary>A value of a YAML document, and where it begins.</summary>
internal abstract class YamlNode(Place place)
{
    public Place Place => place;
}

/// <summary>A text: what it means, also <c>off</c> and <c>80</c>, is for the reader of a key to say.</summary>
internal sealed class YamlText(Place place, string text, bool isPlain) : YamlNode(place)
{
    public string Text => text;

    /// <summary>Whether it is written without quotes.</summary>
    public bool IsPlain => isPlain;

    /// <summary>Whether nothing stands behind a key.</summary>
    public bool IsMissing => isPlain && text.Length == 0;
}

/// <summary>A list.</summary>
internal sealed class YamlList(Place place, List<YamlNode> items) : YamlNode(place)
{
    public List<YamlNode> Items => items;
}

/// <summary>A map, without keys that are written twice.</summary>
internal sealed class YamlMap(Place place, List<(YamlText Key, YamlNode Value)> entries) : YamlNode(place)
{
    public List<(YamlText Key, YamlNode Value)> Entries => entries;

    /// <summary>The value of a key; null if it is not written.</summary>
    public YamlNode? this[string key] => entries.Find(entry => entry.Key.Text == key).Value;
}

/// <summary>A value whose error is told already.</summary>
internal sealed class YamlFault(Place place) : YamlNode(place);
