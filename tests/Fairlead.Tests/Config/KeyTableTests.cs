using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Fairlead.Tests.Config;

/// <summary>
/// The keys of a configuration are said once, in <see cref="ConfigurationKeys"/>; here the records, the documentation and the schema are held to it. To accept a change
/// of the latter two, copy the file that the failure names.
/// </summary>
public sealed class KeyTableTests
{
    private sealed record TableRow(string Name, string Form, string Default, string Meaning, string Schema, bool IsRequired);

    private sealed record TableText(string Title, Type Record, object Initial, IReadOnlyList<TableRow> Rows);

    private static readonly TableText[] tables =
    [
        Text(ConfigurationKeys.File), Text(ConfigurationKeys.Forward), Text(ConfigurationKeys.Upstream), Text(ConfigurationKeys.Route), Text(ConfigurationKeys.Limits),
        Text(ConfigurationKeys.Timeouts), Text(ConfigurationKeys.Health), Text(ConfigurationKeys.ProxyProtocol), Text(ConfigurationKeys.Tls), Text(ConfigurationKeys.UpstreamTls), Text(ConfigurationKeys.Ftp), Text(ConfigurationKeys.Defaults),
        Text(TunnelKeys.Tunnel), Text(TunnelKeys.Hub), Text(ConfigurationKeys.Admin), Text(ConfigurationKeys.Log),
        Text(ConfigurationKeys.AccessLog), Text(ConfigurationKeys.ProcessLimits),
    ];

    public static TheoryData<string> Titles() => [.. tables.Select(table => table.Title)];

    [Theory, MemberData(nameof(Titles))]
    public void Every_property_has_a_key_and_every_key_a_property(string title)
    {
        var table = tables.Single(table => table.Title == title);
        var record = table.Record == typeof(ConfigurationFile) ? typeof(Configuration) : table.Record;
        var properties = record.GetProperties().Where(property => property.CanWrite).Select(property => SnakeCase(property.Name)).ToList();
        // Defaults are some of a forward's keys; a file's includes and defaults are gone when it is read. `via` says the tunnel too, and a tunnel is called by the key before it.
        string[] expected = title switch
        {
            "defaults" => ["engine", "limits", "resolve", "timeouts"],
            "file" => [.. properties, "include", "defaults"],
            "forward" or "route" => [.. properties.Except(["tunnel"])],
            "tunnel" => [.. properties.Except(["name"])],
            _ => [.. properties],
        };

        Assert.Equal(expected.Order(), table.Rows.Select(row => row.Name).Order());
    }

    [Fact]
    public void What_is_written_as_the_default_changes_nothing()
    {
        Assert.Equal(Yaml.Read("forwards: []").Configuration, Yaml.Read($"forwards: []\n{Written("file", "forwards", "include", "defaults", "admin", "log", "access_log", "limits")}").Configuration);
        Assert.Equal(Yaml.Read("forwards: []").Configuration, Yaml.Read($"forwards: []\nadmin: {{}}\nlog: {{ {Flow("log")} }}\naccess_log: {{ {Flow("access log")} }}\nlimits: {{}}").Configuration);
        Assert.Equal(Yaml.Read("hub: { authorized_keys: /a }").Configuration, Yaml.Read($"hub: {{ authorized_keys: /a, {Flow("hub", "authorized_keys")} }}").Configuration);
        Assert.Equal(Yaml.Read("{ forwards: [], tunnels: { a: { ssh: h } } }").Configuration, Yaml.Read($"{{ forwards: [], tunnels: {{ a: {{ ssh: h, {Flow("tunnel", "ssh", "password", "passphrase")} }} }} }}").Configuration);
        string[] besides = ["listen", "to", "name", "at", "allow", "allow_to", "advertise", "limits", "timeouts", "proxy_protocol", "tls", "ftp"];
        var forward = Yaml.Forward("forwards: [{ listen: \":80\", to: \"a:80\" }]");
        Assert.Equal(forward, Yaml.Forward($$"""forwards: [{ listen: ":80", to: [{ address: "a:80", {{Flow("upstream", "address", "proxy_protocol", "tls")}} }], {{Flow("forward", [.. besides, "affinity", "responses"])}}, limits: { {{Flow("limits", "sessions_per_second")}} }, timeouts: { {{Flow("timeouts", "unacknowledged", "idle", "unanswered")}} } }]"""));
        var datagrams = Yaml.Forward("forwards: [{ listen: \":80/udp\", to: \"a:80\" }]");
        Assert.Equal(datagrams, Yaml.Forward($$"""forwards: [{ listen: ":80/udp", to: "a:80", {{Flow("forward", besides)}}, proxy_protocol: { {{Flow("proxy protocol")}} }, limits: { {{Flow("limits", "accepts_per_second")}} }, timeouts: { {{Flow("timeouts", "unacknowledged", "idle", "unanswered", "half_closed", "keepalive", "first_bytes")}} } }]"""));
        Assert.Equal(forward with { Health = new HealthConfig() }, Yaml.Forward($$"""forwards: [{ listen: ":80", to: "a:80", health: { {{Flow("health")}} } }]"""));
    }

    [Fact]
    public void The_documentation_has_the_keys_as_they_are()
    {
        var path = Path.Combine(Root(), "docs", "configuration.md");
        var text = File.ReadAllText(path);
        foreach (var table in tables)
        {
            var (begin, end) = ($"<!-- keys of {table.Title} -->\n", "<!-- end -->");
            var at = text.IndexOf(begin, StringComparison.Ordinal);
            Assert.True(at >= 0, $"{path} has no place for {begin}");
            text = $"{text[..(at + begin.Length)]}{Markdown(table)}{text[text.IndexOf(end, at, StringComparison.Ordinal)..]}";
        }
        AssertIs(path, text);
    }

    [Fact]
    public void The_schema_has_the_keys_as_they_are()
    {
        AssertIs(Path.Combine(Root(), "docs", "fairlead.schema.json"), Schema().ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n");
    }

    [Theory]
    [InlineData("8080", false)]
    [InlineData(":8080", true)]
    [InlineData("localhost:80", true)]
    [InlineData("[::1]:80-90/tcp", true)]
    [InlineData("unix:/run/a.sock", true)]
    public void The_schema_knows_endpoints(string text, bool isOne) => Assert.Equal(isOne, SchemaCheck.Accepts(JsonNode.Parse(tables[1].Rows.Single(row => row.Name == "listen").Schema)!, new JsonObject(), JsonValue.Create(text)));

    internal static JsonObject Schema()
    {
        var definitions = new JsonObject();
        foreach (var table in tables.Skip(1))
            definitions.Add(table.Title.Replace(' ', '_'), Map(table));
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Fairlead's configuration",
        };
        foreach (var (key, value) in Map(tables[0]))
            schema.Add(key, value!.DeepClone());
        schema.Add("$defs", definitions);
        return schema;
    }

    private static JsonObject Map(TableText table)
    {
        var properties = new JsonObject();
        foreach (var row in table.Rows)
        {
            var property = JsonNode.Parse(row.Schema)!.AsObject();
            property.Add("description", row.Meaning.Replace("`", "", StringComparison.Ordinal));
            if (row.Default.Length > 0 && !row.Default.StartsWith('{'))
                property.Add("default", row.Default is "[]" or "true" or "false" || row.Default.All(char.IsAsciiDigit) ? JsonNode.Parse(row.Default) : JsonValue.Create(row.Default.Trim('"')));
            properties.Add(row.Name, property);
        }
        var map = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        if (table.Rows.Any(row => row.IsRequired))
            map.Add("required", new JsonArray([.. table.Rows.Where(row => row.IsRequired).Select(row => JsonValue.Create(row.Name))]));
        return map;
    }

    private static string Markdown(TableText table)
    {
        var text = new StringBuilder("| key | form | default | meaning |\n| --- | --- | --- | --- |\n");
        foreach (var row in table.Rows)
        {
            var initial = row.IsRequired ? "required" : row.Default is "" or "{}" ? "" : $"`{row.Default}`";
            text.Append($"| `{row.Name}` | {row.Form.Replace("|", "\\|", StringComparison.Ordinal)} | {initial} | {row.Meaning} |\n");
        }
        return text.ToString();
    }

    /// <summary>The keys with their defaults, a line each.</summary>
    private static string Written(string title, params string[] without) => string.Join('\n', Defaults(title, without));

    private static string Flow(string title, params string[] without) => string.Join(", ", Defaults(title, without));

    private static IEnumerable<string> Defaults(string title, string[] without)
    {
        return tables.Single(table => table.Title == title).Rows.Where(row => !without.Contains(row.Name)).Select(row => $"{row.Name}: {row.Default}");
    }

    private static TableText Text<T>(KeyTable<T> table)
    {
        var initial = table.Initial;
        return new TableText(table.Title, typeof(T), initial!,
            [.. table.Keys.Select(key => new TableRow(key.Name, key.Form, key.Remedy is null ? key.Show(initial) : "", key.Meaning, key.Schema, key.Remedy is not null))]);
    }

    private static string SnakeCase(string name) => Regex.Replace(name, "(?<=.)[A-Z]", match => $"_{match.Value}").ToLowerInvariant();

    private static void AssertIs(string path, string text)
    {
        var proposal = Path.Combine(AppContext.BaseDirectory, Path.GetFileName(path));
        File.WriteAllText(proposal, text);
        Assert.True(File.Exists(path) && File.ReadAllText(path) == text, $"The keys have changed: diff {path} {proposal}");
    }

    internal static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "..", "..", ".."));
}
