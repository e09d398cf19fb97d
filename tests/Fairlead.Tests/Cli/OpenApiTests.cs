using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>What the server gives is what <c>docs/openapi.json</c> says, and nothing is said that it does not give.</summary>
public class OpenApiTests
{
    private static readonly JsonElement document = JsonDocument.Parse(OpenApi.Bytes).RootElement;

    private static readonly string[] methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    [Fact]
    public void Paths_methods_and_parameters_are_those_of_the_server()
    {
        var documented = from path in document.GetProperty("paths").EnumerateObject()
                         from method in path.Value.EnumerateObject()
                         where methods.Contains(method.Name)
                         let query = Parameters(method.Value).Where(parameter => parameter.GetProperty("in").GetString() == "query").Select(Name)
                         select $"{method.Name.ToUpperInvariant()} {path.Name} {string.Join(',', query)}";

        Assert.Equal(AdminApi.Paths.Select(path => $"{path.Method} {path.Path} {string.Join(',', path.Parameters)}").Order(), documented.Order());
    }

    [Fact]
    public void A_variable_of_a_path_is_described()
    {
        foreach (var path in document.GetProperty("paths").EnumerateObject().Where(path => path.Name.Contains('{')))
        {
            var variable = path.Name[(path.Name.IndexOf('{') + 1)..path.Name.IndexOf('}')];
            foreach (var method in path.Value.EnumerateObject())
                Assert.Contains(variable, Parameters(method.Value).Where(parameter => parameter.GetProperty("in").GetString() == "path").Select(Name));
        }
    }

    [Theory]
    [InlineData("GET", "/v1/status", "/v1/status", 200)]
    [InlineData("GET", "/v1/forwards", "/v1/forwards", 200)]
    [InlineData("GET", "/v1/connections", "/v1/connections", 200)]
    [InlineData("GET", "/v1/connections?forward=nobody", "/v1/connections", 404)]
    [InlineData("DELETE", "/v1/connections?forward=web", "/v1/connections", 200)]
    [InlineData("DELETE", "/v1/connections/17", "/v1/connections/{id}", 204)]
    [InlineData("DELETE", "/v1/connections/99", "/v1/connections/{id}", 404)]
    [InlineData("POST", "/v1/reload", "/v1/reload", 200)]
    [InlineData("POST", "/v1/drain", "/v1/drain", 200)]
    [InlineData("POST", "/v1/drain?forward=nobody", "/v1/drain", 404)]
    [InlineData("POST", "/v1/stop", "/v1/stop", 202)]
    [InlineData("GET", "/v1/openapi.json", "/v1/openapi.json", 200)]
    public async Task An_answer_is_of_its_schema(string method, string path, string template, int expected)
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, body, _) = await rig.AskAsync(method, path);

        Assert.Equal(expected, status);
        Check(template, method, status, body);
    }

    [Fact]
    public async Task A_refused_reload_is_of_its_schema()
    {
        await using var rig = await AdminRig.StartAsync();
        rig.Instance.ReloadErrors = ["f:1:1: error: x"];

        var (status, body, _) = await rig.AskAsync("POST", "/v1/reload");

        Check("/v1/reload", "POST", status, body);
    }

    [Fact]
    public async Task A_status_without_file_and_reload_is_of_its_schema()
    {
        await using var rig = await AdminRig.StartAsync();
        rig.Instance.State = rig.Instance.State with { ConfigFile = null, LastReload = null, Forwards = [] };

        Check("/v1/status", "GET", 200, (await rig.AskAsync("GET", "/v1/status")).Body);
    }

    [Fact]
    public void Every_field_of_a_schema_is_always_there_and_there_is_no_other()
    {
        foreach (var schema in document.GetProperty("components").GetProperty("schemas").EnumerateObject())
        {
            Assert.False(schema.Value.GetProperty("additionalProperties").GetBoolean());
            Assert.Equal(schema.Value.GetProperty("properties").EnumerateObject().Select(property => property.Name), schema.Value.GetProperty("required").EnumerateArray().Select(name => name.GetString()!));
        }
    }

    private static void Check(string template, string method, int status, string body)
    {
        var responses = document.GetProperty("paths").GetProperty(template).GetProperty(method.ToLowerInvariant()).GetProperty("responses");
        var response = Resolve(responses.TryGetProperty($"{status}", out var exact) ? exact : responses.GetProperty("default"));
        if (!response.TryGetProperty("content", out var content))
        {
            Assert.Equal("", body);
            return;
        }
        Check(content.GetProperty("application/json").GetProperty("schema"), JsonDocument.Parse(body).RootElement, "$");
    }

    // As much of JSON Schema as the document uses.
    private static void Check(JsonElement schema, JsonElement value, string place)
    {
        schema = Resolve(schema);
        if (schema.TryGetProperty("oneOf", out var choices))
        {
            var isNull = value.ValueKind == JsonValueKind.Null;
            Check(choices.EnumerateArray().Single(choice => Types(Resolve(choice)).Contains("null") == isNull), value, place);
            return;
        }
        var kind = value.ValueKind switch
        {
            JsonValueKind.Object => "object",
            JsonValueKind.Array => "array",
            JsonValueKind.String => "string",
            JsonValueKind.Number => "integer",
            JsonValueKind.True or JsonValueKind.False => "boolean",
            _ => "null",
        };
        Assert.True(Types(schema).Contains(kind), $"{place} is {kind}");
        if (kind == "array")
        {
            foreach (var item in value.EnumerateArray())
                Check(schema.GetProperty("items"), item, $"{place}[]");
        }
        if (kind != "object" || !schema.TryGetProperty("properties", out var properties))
            return;
        Assert.Equal(properties.EnumerateObject().Select(property => property.Name), value.EnumerateObject().Select(property => property.Name));
        foreach (var property in value.EnumerateObject())
            Check(properties.GetProperty(property.Name), property.Value, $"{place}.{property.Name}");
    }

    private static IEnumerable<string?> Types(JsonElement schema)
    {
        var type = schema.GetProperty("type");
        return type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(one => one.GetString()) : [type.GetString()];
    }

    private static JsonElement Resolve(JsonElement element)
    {
        if (!element.TryGetProperty("$ref", out var reference))
            return element;
        return reference.GetString()![2..].Split('/').Aggregate(document, (at, name) => at.GetProperty(name));
    }

    private static IEnumerable<JsonElement> Parameters(JsonElement method) => method.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray() : [];

    private static string Name(JsonElement parameter) => parameter.GetProperty("name").GetString()!;
}
