using System.Net;
using System.Text.Json;

namespace Fairlead;

/// <summary>What a rule compares with: the right-hand side of libnftables-json(5).</summary>
internal abstract record NftValue
{
    public sealed record Number(long Value) : NftValue;

    public sealed record Word(string Text) : NftValue;

    public sealed record Address(IPAddress Value) : NftValue;

    /// <summary>From a number or an address to another, both included.</summary>
    public sealed record Range(NftValue From, NftValue To) : NftValue;

    public sealed record Prefix(IPAddress Base, int Length) : NftValue;

    /// <summary>Any of them: the elements of a set.</summary>
    public sealed record Any(IReadOnlyList<NftValue> Values) : NftValue;

    /// <summary>Flags that are looked at together.</summary>
    public sealed record Bits(IReadOnlyList<NftValue> Flags) : NftValue;

    /// <summary>Any that is in a named set of the table.</summary>
    public sealed record Named(string Set) : NftValue;

    public sealed record Concat(IReadOnlyList<NftValue> Parts) : NftValue;

    /// <summary><c>*</c>: what no other element takes.</summary>
    public sealed record Rest : NftValue;

    /// <summary>A form that is not understood here.</summary>
    public sealed record Opaque : NftValue;

    public static readonly NftValue Unknown = new Opaque();

    public static NftValue Read(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Number => json.TryGetInt64(out var number) ? new Number(number) : Unknown,
        JsonValueKind.String => ReadText(json.GetString()!),
        JsonValueKind.Array => new Bits([.. json.EnumerateArray().Select(Read)]),
        JsonValueKind.Object => ReadObject(json),
        JsonValueKind.False => new Number(0), // `fib … missing`
        _ => Unknown,
    };

    private static NftValue ReadText(string text)
    {
        if (text == "*")
            return new Rest();
        if (text.StartsWith('@'))
            return new Named(text[1..]);
        // Bare numbers would be read as addresses too.
        return text.AsSpan().IndexOfAny('.', ':') >= 0 && IPAddress.TryParse(text, out var address) ? new Address(address) : new Word(text);
    }

    private static NftValue ReadObject(JsonElement json)
    {
        if (json.Member("set") is { ValueKind: JsonValueKind.Array } set)
            return new Any([.. set.EnumerateArray().Select(Read)]);
        if (json.Member("elem") is { ValueKind: JsonValueKind.Object } element && element.Member("val") is { } value)
            return Read(value);
        if (json.Member("concat") is { ValueKind: JsonValueKind.Array } parts)
            return new Concat([.. parts.EnumerateArray().Select(Read)]);
        if (json.Member("|") is { ValueKind: JsonValueKind.Array } flags)
            return Read(flags);
        if (json.Member("range") is { ValueKind: JsonValueKind.Array } range && range.GetArrayLength() == 2)
            return new Range(Read(range[0]), Read(range[1]));
        if (json.Member("prefix") is { } prefix && IPAddress.TryParse(prefix.Text("addr"), out var first)
            && prefix.Member("len") is { ValueKind: JsonValueKind.Number } length && length.TryGetInt32(out var bits) && bits >= 0 && bits <= first.GetAddressBytes().Length * 8)
            return new Prefix(first, bits);
        return Unknown;
    }
}

/// <summary>Members of JSON whose shape nobody has promised.</summary>
internal static class LooseJson
{
    /// <summary>A member of an object; null where there is none, or where this is not an object.</summary>
    public static JsonElement? Member(this JsonElement json, string name) => json.ValueKind == JsonValueKind.Object && json.TryGetProperty(name, out var value) ? value : null;

    /// <summary>A text of an object; empty where there is none.</summary>
    public static string Text(this JsonElement json, string name) => json.Member(name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";

    /// <summary>The members of an object; none of anything else.</summary>
    public static IEnumerable<JsonProperty> Members(this JsonElement json) => json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : [];

    /// <summary>The elements of an array; none of anything else.</summary>
    public static IEnumerable<JsonElement> Elements(this JsonElement json) => json.ValueKind == JsonValueKind.Array ? json.EnumerateArray() : [];
}
