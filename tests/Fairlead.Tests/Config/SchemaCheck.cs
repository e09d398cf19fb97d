using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fairlead.Tests.Config;

/// <summary>As much of JSON Schema 2020-12 as the schema uses; any other word in it is an error.</summary>
internal static class SchemaCheck
{
    private static readonly HashSet<string> notes = ["$schema", "title", "description", "default", "$defs"];

    /// <param name="schema">The schema.</param>
    /// <param name="root">What its references are relative to.</param>
    /// <param name="value">What is checked.</param>
    public static bool Accepts(JsonNode schema, JsonNode root, JsonNode? value)
    {
        return schema.AsObject().All(word => word.Key switch
        {
            "$ref" => Accepts(root["$defs"]![word.Value!.GetValue<string>().Split('/')[^1]]!, root, value),
            "anyOf" => word.Value!.AsArray().Any(one => Accepts(one!, root, value)),
            "enum" => word.Value!.AsArray().Any(one => JsonNode.DeepEquals(one, value)),
            "const" => JsonNode.DeepEquals(word.Value, value),
            "type" => Type(value) == word.Value!.GetValue<string>(),
            "pattern" => value is JsonValue && Type(value) == "string" && Regex.IsMatch(value.GetValue<string>(), word.Value!.GetValue<string>()),
            "minLength" => value!.GetValue<string>().Length >= word.Value!.GetValue<int>(),
            "minimum" => Type(value) == "integer" && value!.GetValue<long>() >= word.Value!.GetValue<long>(),
            "items" => value is JsonArray items && items.All(item => Accepts(word.Value!, root, item)),
            "required" => value is JsonObject lacking && word.Value!.AsArray().All(name => lacking.ContainsKey(name!.GetValue<string>())),
            "properties" => value is JsonObject map && map.All(entry => word.Value![entry.Key] is not { } property || Accepts(property, root, entry.Value)),
            "additionalProperties" => value is JsonObject closed && closed.All(entry => schema["properties"]?[entry.Key] is not null || (word.Value is JsonObject others && Accepts(others, root, entry.Value))),
            "propertyNames" => value is not JsonObject named || named.All(entry => Accepts(word.Value!, root, JsonValue.Create(entry.Key))),
            _ => notes.Contains(word.Key) ? true : throw new NotSupportedException(word.Key),
        });
    }

    /// <summary>A YAML document as JSON, with the types that the core schema of YAML 1.2 gives to plain texts.</summary>
    public static JsonNode? Json(string yaml)
    {
        var nodes = 0;
        return Json(YamlReader.Read(new YamlSource("f.yaml", yaml), new Findings(), ref nodes));
    }

    private static JsonNode? Json(YamlNode? node) => node switch
    {
        YamlMap map => new JsonObject(map.Entries.Select(entry => new KeyValuePair<string, JsonNode?>(entry.Key.Text, Json(entry.Value)))),
        YamlList list => new JsonArray([.. list.Items.Select(Json)]),
        YamlText { IsPlain: true, Text: "true" or "false" } truth => JsonValue.Create(truth.Text == "true"),
        YamlText { IsPlain: true } number when long.TryParse(number.Text, out var value) => JsonValue.Create(value),
        YamlText text => JsonValue.Create(text.Text),
        _ => null,
    };

    private static string Type(JsonNode? value) => value switch
    {
        JsonObject => "object",
        JsonArray => "array",
        null => "null",
        _ => value.GetValueKind() switch
        {
            JsonValueKind.String => "string",
            JsonValueKind.Number => "integer",
            _ => "boolean",
        },
    };
}
