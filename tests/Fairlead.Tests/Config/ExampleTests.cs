namespace Fairlead.Tests.Config;

public class ExampleTests
{
    private static string Folder => Path.Combine(KeyTableTests.Root(), "examples");

    public static TheoryData<string> Files() => [.. Directory.EnumerateFiles(Folder, "*.yaml", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Folder, path)).Order()];

    [Theory, MemberData(nameof(Files))]
    public void Each_example_can_be_run(string name)
    {
        Environment.SetEnvironmentVariable("FAIRLEAD_TOKEN", "of the example");

        var loaded = new ConfigurationReader(_ => null).Read(Path.Combine(Folder, name));

        Assert.NotEmpty(loaded.Configuration.Forwards);
        Assert.Empty(loaded.Warnings);
        Assert.All(loaded.Configuration.Forwards, forward => Assert.NotNull(forward.Name));
    }

    [Theory, MemberData(nameof(Files))]
    public void Each_example_begins_with_what_it_is_for(string name) => Assert.StartsWith("# ", File.ReadAllText(Path.Combine(Folder, name)));

    [Theory, MemberData(nameof(Files))]
    public void The_schema_takes_each_example(string name)
    {
        var schema = KeyTableTests.Schema();

        Assert.True(SchemaCheck.Accepts(schema, schema, SchemaCheck.Json(File.ReadAllText(Path.Combine(Folder, name)))));
    }

    [Theory]
    [InlineData("nmae: x")]
    [InlineData("forwards: { }")]
    [InlineData("forwards: [{ to: \"a:80\" }]")]
    [InlineData("forwards: [{ listen: \":80\", to: \"a:80\", balance: leastconn }]")]
    [InlineData("forwards: [{ listen: \":80\", to: \"a:80\", limits: { rate: 20M } }]")]
    [InlineData("forwards: [{ listen: \":80\", to: \"a:80\", timeouts: { idle: 5 } }]")]
    [InlineData("{ forwards: [], tunnels: { Office: { ssh: gw } } }")]
    [InlineData("{ forwards: [], tunnels: { office: { } } }")]
    [InlineData("{ forwards: [], tunnels: { office: { ssh: gw, host_key: \"MD5:aa\" } } }")]
    [InlineData("hub: { listen: \":2022\" }")]
    public void The_schema_refuses_what_the_reader_does(string yaml)
    {
        var schema = KeyTableTests.Schema();

        Assert.False(SchemaCheck.Accepts(schema, schema, SchemaCheck.Json(yaml)));
        Assert.NotEmpty(Yaml.Errors(yaml));
    }

    [Fact]
    public void There_is_an_example_for_each_key()
    {
        var all = string.Concat(Files().Select(file => File.ReadAllText(Path.Combine(Folder, (string)file))));
        var keys = ConfigurationKeys.Forward.Keys.Select(key => key.Name).Concat(ConfigurationKeys.Limits.Keys.Select(key => key.Name)).Concat(ConfigurationKeys.File.Keys.Select(key => key.Name));

        Assert.All(keys, key => Assert.Contains($"{key}:", all));
    }
}
