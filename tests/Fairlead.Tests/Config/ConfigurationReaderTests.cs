using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests.Config;

public sealed class ConfigurationReaderTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-config-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void Every_key_sets_its_property()
    {
        var read = Yaml.Read("""
            name: edge
            watch: true
            admin: { listen: "127.0.0.1:9000", token: hunter2 }
            log: { format: json, level: warning }
            access_log: { file: /var/log/x, format: json }
            limits: { connections: 5000 }
            forwards:
              - name: web
                listen: [":80", "unix:/run/a, b.sock"]
                to: [a:80, { address: b:80, weight: 2, backup: true, source: "10.0.0.1:4000-4999" }]
                balance: random
                health: { interval: 5s, timeout: 2s, rise: 3, fall: 4 }
                source: [10.0.0.2, "[2001:db8::2]:77"]
                on_change: close
                engine: portable
                limits: { connections: 1, accepts_per_second: 4, rate: 160Mbit/s, rate_per_connection: 1MiB/s }
                timeouts: { connect: 1s, idle: 2m, half_closed: 3m, unacknowledged: 4m, keepalive: 5s, drain: 0s }
                resolve: 6s
              - listen: :90
                routes: [{ from: [10.1.0.0/16, any, "::ffff:192.0.2.0/120"], to: c:90 }]
                deny: 10.0.0.1
                allow: []
                limits: { connections_per_source: 2, connections_per_prefix: 3 }
              - listen: :53/udp
                to: d:53
                affinity: source
                responses: 9
                proxy_protocol: { send: v2, udp: each }
                limits: { sessions_per_second: 8 }
                timeouts: { unanswered: 7s }
            """);

        var expected = new Configuration
        {
            Name = "edge",
            Watch = true,
            Admin = new() { Listen = Endpoint.Parse("127.0.0.1:9000"), Token = new Secret("hunter2") },
            Log = new() { Format = LogStyle.Json, Level = LogLevel.Warning },
            AccessLog = new() { File = "/var/log/x", Format = LogStyle.Json },
            Limits = new() { Connections = 5000 },
            Forwards =
            [
                new()
                {
                    Name = "web",
                    Listen = [Endpoint.Parse(":80"), new UnixEndpoint("/run/a, b.sock")],
                    To = [new(Endpoint.Parse("a:80")), new(Endpoint.Parse("b:80")) { Weight = 2, Backup = true, Source = [new DialSource(IPAddress.Parse("10.0.0.1"), 4000, 4999)] }],
                    Balance = BalanceKind.Random,
                    Health = new() { Interval = TimeSpan.FromSeconds(5), Timeout = TimeSpan.FromSeconds(2), Rise = 3, Fall = 4 },
                    Source = [new DialSource(IPAddress.Parse("10.0.0.2")), new DialSource(IPAddress.Parse("2001:db8::2"), 77, 77)],
                    OnChange = OnChange.Close,
                    Engine = EngineKind.Portable,
                    Limits = new() { Connections = 1, AcceptsPerSecond = 4, Rate = 20_000_000, RatePerConnection = 1 << 20 },
                    Timeouts = new()
                    {
                        Connect = TimeSpan.FromSeconds(1),
                        Idle = TimeSpan.FromMinutes(2),
                        HalfClosed = TimeSpan.FromMinutes(3),
                        Unacknowledged = TimeSpan.FromMinutes(4),
                        Keepalive = TimeSpan.FromSeconds(5),
                        Drain = TimeSpan.Zero,
                    },
                    Resolve = TimeSpan.FromSeconds(6),
                },
                new()
                {
                    Listen = [Endpoint.Parse(":90")],
                    Routes = [new() { From = [IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0"), IPNetwork.Parse("192.0.2.0/24")], To = [new(Endpoint.Parse("c:90"))] }],
                    Deny = [IPNetwork.Parse("10.0.0.1/32")],
                    Allow = [],
                    Limits = new() { ConnectionsPerSource = 2, ConnectionsPerPrefix = 3 },
                },
                new()
                {
                    Listen = [Endpoint.Parse(":53/udp")],
                    To = [new(Endpoint.Parse("d:53"))],
                    Affinity = AffinityKind.Source,
                    Responses = 9,
                    ProxyProtocol = new() { Send = ProxyHeader.V2, Udp = ProxyDatagrams.Each },
                    Limits = new() { SessionsPerSecond = 8 },
                    Timeouts = new() { Unanswered = TimeSpan.FromSeconds(7) },
                },
            ],
        };
        Assert.Equal(expected, read.Configuration);
        Assert.Empty(read.Warnings);
    }

    [Fact]
    public void Off_is_nothing()
    {
        var read = Yaml.Read("admin: off\naccess_log: off\nforwards: [{ listen: \":80\", to: \"a:80\", health: off, limits: { rate: off }, timeouts: { connect: off } }]").Configuration;

        Assert.Null(read.Admin);
        Assert.Null(read.AccessLog);
        Assert.Equal(Timeout.InfiniteTimeSpan, read.Forwards[0].Timeouts.Connect);
        Assert.Null(read.Forwards[0].Limits.Rate);
        Assert.Null(read.Forwards[0].Health);
    }

    [Fact]
    public void Json_is_read_too()
    {
        Assert.Equal(Yaml.Read("forwards:\n- listen: :80\n  to: a:80\n  limits:\n    connections: 5").Configuration, Yaml.Read("""{"forwards":[{"listen":":80","to":"a:80","limits":{"connections":5}}]}""").Configuration);
    }

    [Fact]
    public void Defaults_are_merged_key_by_key_wherever_they_stand()
    {
        var forward = Yaml.Forward("""
            forwards: [{ listen: ":80", to: "a:80", limits: { connections: off, rate: 1MB/s }, timeouts: { idle: 1m } }]
            defaults: { limits: { connections: 5, accepts_per_second: 6 }, timeouts: { connect: 1s }, engine: portable, resolve: 9s }
            """);

        Assert.Equal(new ForwardLimits { AcceptsPerSecond = 6, Rate = 1_000_000 }, forward.Limits);
        Assert.Equal(new ForwardTimeouts { Connect = TimeSpan.FromSeconds(1), Idle = TimeSpan.FromMinutes(1) }, forward.Timeouts);
        Assert.Equal((EngineKind.Portable, TimeSpan.FromSeconds(9)), (forward.Engine, forward.Resolve));
    }

    [Fact]
    public void Included_files_are_read_in_order_and_merged_over_the_defaults()
    {
        Write("conf.d/b.yaml", "forwards: [{ name: b, listen: \":2\", to: \"a:80\" }]");
        Write("conf.d/a.yaml", "defaults: { limits: { rate: 1MB/s } }\nforwards: [{ name: a, listen: \":1\", to: \"a:80\" }]");
        Write("conf.d/c.yaml~", "this is: [no");
        Write("conf.d/.hidden.yaml", "this is: [no");
        Write("conf.d/empty.yaml", "# forwards:");
        Write("last.yaml", "forwards: [{ name: last, listen: \":4\", to: \"a:80\" }]");
        var main = Write("main.yaml", "include: [conf.d/*.yaml, last.yaml, \"conf.d/?.yaml\", none/*.yaml]\ndefaults: { limits: { connections: 7 } }\nforwards: [{ name: main, listen: \":3\", to: \"a:80\" }]");

        var loaded = Read(main);

        Assert.Equal(["main", "a", "b", "last"], loaded.Configuration.Forwards.Select(forward => forward.Name));
        Assert.All(loaded.Configuration.Forwards, forward => Assert.Equal(7, forward.Limits.Connections));
        Assert.Equal([null, 1_000_000, null, null], loaded.Configuration.Forwards.Select(forward => forward.Limits.Rate));
        Assert.Equal(["main.yaml", "conf.d/a.yaml", "conf.d/b.yaml", "conf.d/empty.yaml", "last.yaml"], loaded.Sources.Files.Select(file => Path.GetRelativePath(folder.FullName, file)));
        Assert.Equal(["conf.d", "none"], loaded.Sources.Folders.Select(file => Path.GetRelativePath(folder.FullName, file)));
    }

    [Fact]
    public void Errors_of_included_files_name_them_and_stand_behind_those_of_the_file_itself()
    {
        Write("conf.d/a.yaml", "forwards: [{ name: x, listen: \":1\", to: \"a:80\", idle: 5s }]\nadmin: off");
        Write("conf.d/b.yaml", "- 1");
        Write("conf.d/c.yaml", "include: main.yaml\nforwards: [{ name: x, listen: \":2\", to: \"a:80\" }]\nlisten: x");
        var main = Write("main.yaml", "include: [\"*.yaml\", conf.d/*.yaml, gone.yaml]\nforwards: [{ name: y, listen: \"127.0.0.1:2\", to: \"a:80\" }]");

        var refused = Assert.Throws<ConfigurationException>(() => Read(main));

        Assert.Equal(
        [
            "main.yaml:1:11: error: include '*.yaml' takes in this file itself; keep what is included in a folder of its own, like conf.d/*.yaml",
            "main.yaml:1:36: error: gone.yaml cannot be read: it does not exist",
            "main.yaml:2:31: error: 127.0.0.1:2 is listened on twice, here and as :2 at conf.d/c.yaml:2:31 (every address includes this one); give one of them another port or address",
            "conf.d/a.yaml:1:20: error: the name 'x' is given twice, here and at conf.d/c.yaml:2:20; give each forward its own",
            "conf.d/a.yaml:1:49: error: unknown key 'idle'; it belongs to timeouts",
            "conf.d/a.yaml:2:1: error: 'admin' belongs to the file that includes this one; an included file has forwards and defaults",
            "conf.d/b.yaml:1:1: error: an included file is a list, and a map is expected; write forwards: with each forward behind a '-'",
            "conf.d/c.yaml:1:1: error: 'include' belongs to the file that includes this one; an included file has forwards and defaults",
            "conf.d/c.yaml:3:1: error: unknown key 'listen'; it belongs to a forward",
        ], refused.Errors.Select(error => error.ToString().Replace($"{folder.FullName}/", "", StringComparison.Ordinal)));
        Assert.Equal(5, refused.Sources.Files.Count);
    }

    [Fact]
    public void A_configuration_that_cannot_be_read_says_why_and_what_to_watch()
    {
        var gone = Path.Combine(folder.FullName, "gone.yaml");
        Assert.Equal($"{gone}:1:1: error: {gone} cannot be read: it does not exist", Assert.Throws<ConfigurationException>(() => Read(gone)).Message);
        Assert.Equal([gone], Assert.Throws<ConfigurationException>(() => Read(gone)).Sources.Files);
        Assert.EndsWith("is a folder; write the path of a file", Assert.Throws<ConfigurationException>(() => Read(folder.FullName)).Message);
        if (OperatingSystem.IsLinux())
            Assert.Equal("/dev/null:1:1: error: /dev/null is not a file; write the path of one", Assert.Throws<ConfigurationException>(() => Read("/dev/null")).Message);
    }

    [Fact]
    public void Secrets_come_from_the_environment_or_a_file()
    {
        Environment.SetEnvironmentVariable("FAIRLEAD_TEST_SECRET", "hunter2");
        Write("token", "hunter3\n");
        var main = Write("main.yaml", "admin: { listen: \"localhost:9000\", token: file:token }\nforwards: []");

        Assert.True(Yaml.Read("admin: { listen: \"localhost:9000\", token: env:FAIRLEAD_TEST_SECRET }\nforwards: []").Configuration.Admin!.Token!.Matches("hunter2"));
        Assert.True(Read(main).Configuration.Admin!.Token!.Matches("hunter3"));
        Assert.Equal(["main.yaml", "token"], Read(main).Sources.Files.Select(file => Path.GetFileName(file)));
        Write("token", "\n");
        Assert.EndsWith("token 'file:token' names an empty file; write the secret into it", Assert.Throws<ConfigurationException>(() => Read(main)).Message);
        File.Delete(Path.Combine(folder.FullName, "token"));
        Assert.EndsWith("token cannot be read: it does not exist", Assert.Throws<ConfigurationException>(() => Read(main)).Message);
    }

    [Fact]
    public void What_is_hardly_meant_is_warned_of()
    {
        var loaded = Yaml.Read("""
            forwards:
              - listen: :80
                routes: [{ from: any, to: "a:80" }, { from: 10.0.0.0/8, to: "b:80" }]
                limits: { connections_per_source: 9, connections_per_prefix: 5, rate: 1MB/s, rate_per_connection: 2MB/s }
                timeouts: { unacknowledged: 5s }
              - { listen: ":81", routes: [{ from: any, to: "a:80" }], to: "b:80" }
            """);

        Assert.Equal(
        [
            "f.yaml:5:33: warning: unacknowledged is 5s: it counts a living peer's full window too, so slow readers are reset; keepalive finds the dead",
            "f.yaml:4:39: warning: connections_per_source is 9, and its network has 5 (connections_per_prefix), which comes first",
            "f.yaml:4:103: warning: rate_per_connection is 2MB/s, and all sessions together have 1MB/s (rate), which comes first",
            "f.yaml:3:49: warning: no client gets here, since a route before it takes all of them",
            "f.yaml:6:63: warning: no client gets here, since the last route takes all of them",
        ], loaded.Warnings);
    }

    [Fact]
    public void A_thousand_errors_are_kept_and_the_others_counted()
    {
        var errors = Yaml.Errors("forwards:\n" + string.Concat(Enumerable.Range(0, 1500).Select(i => $"- {{ listen: \":{i + 1}\", to: \"a:0\" }}\n")));

        Assert.Equal(1001, errors.Count);
        Assert.EndsWith("error: there are 500 more errors, which are not shown", errors[^1]);
    }

    [Fact]
    public void Files_are_bounded_in_size_and_number_of_values()
    {
        var large = Write("large.yaml", "");
        using (var file = File.OpenWrite(large))
            file.SetLength(ConfigurationFiles.MostBytes + 1);

        Assert.EndsWith("is larger than 16384 KiB, which is the most that is read", Assert.Throws<ConfigurationException>(() => Read(large)).Message);
        Assert.EndsWith("the configuration is too large: it has more than 1000000 values", Assert.Single(Yaml.Errors($"x: [{string.Concat(Enumerable.Repeat("a,", YamlReader.MostNodes))}]")));
    }

    [Theory, InlineData(31, false), InlineData(32, true), InlineData(10_000, true)]
    public void Nothing_is_read_that_is_nested_more_than_32_deep(int lists, bool isTooDeep)
    {
        // Within the map that the file is.
        foreach (var yaml in new[] { $"x: {new string('[', lists)}{new string(']', lists)}", $"x:\n{string.Concat(Enumerable.Repeat("- ", lists))}a" })
            Assert.Equal(isTooDeep, Yaml.Errors(yaml).Any(error => error.EndsWith("lists and maps are nested more than 32 deep", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("forwards: []\r\nx: \0", "f.yaml:2:4: error: there is a control character here (U+0000); remove it")]
    [InlineData("forwards: [] #\u2028", "f.yaml:1:15: error: there is a control character here (U+2028); remove it")]
    [InlineData("\uFEFF\uFEFFx", "f.yaml:1:1: error: there is a control character here (U+FEFF); remove it")]
    public void What_would_be_read_otherwise_than_it_looks_is_refused(string yaml, string error) => Assert.Equal([error], Yaml.Errors(yaml));

    [Fact]
    public void What_is_not_UTF_8_is_refused()
    {
        Assert.Equal(["f.yaml:2:2: error: this is not UTF-8; save the file as UTF-8"], Yaml.Errors([.. "a\nb"u8, 0xFF, .. "c"u8]));
        Assert.Empty(Yaml.Errors([.. "\uFEFFforwards: []"u8]));
    }

    [Fact]
    public void Ten_thousand_forwards_are_read_and_those_that_do_not_meet_are_not_compared()
    {
        var same = Yaml.Read("forwards:\n" + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"- {{ name: f{i}, listen: \"127.{i / 200}.{i % 200}.1:80\", to: \"10.0.0.{i % 250}:80\", limits: {{ rate: 1MB/s }} }}\n")));
        var apart = Yaml.Read("forwards:\n" + string.Concat(Enumerable.Range(0, 10_000).Select(i => $"- {{ listen: \":{i + 1}\", to: \"10.0.0.{i % 250}:80\" }}\n")));

        Assert.Equal((10_000, 10_000), (same.Configuration.Forwards.Count, apart.Configuration.Forwards.Count));
    }

    private LoadedConfiguration Read(string path) => new ConfigurationReader(_ => null).Read(path);

    private string Write(string name, string text)
    {
        var path = Path.Combine(folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }
}
