using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fairlead.Cli;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests.Cli;

public sealed class CheckCommandTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-check-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public async Task The_plan_is_a_table_that_lines_up()
    {
        var path = Write("""
            defaults: { timeouts: { idle: 10m } }
            forwards:
              - name: web
                listen: [":8080", localhost:8081]
                to: [10.0.0.5:80, { address: 10.0.0.6:80, weight: 3 }, { address: 10.0.0.7:80, backup: true }]
                balance: least-connections
                limits: { rate: 160Mbit/s }
                engine: portable
              - listen: :3389
                routes: [{ from: [192.0.2.0/24, "2001:db8::1"], to: 10.0.0.21:3389 }]
                timeouts: { idle: off }
            """);

        var (status, output, error) = await RunAsync("check", path);

        Assert.Equal((0, ""), (status, error));
        // What the descriptor limit comes to differs from machine to machine.
        var engine = OperatingSystem.IsLinux() ? "native (Linux)" : "portable (not Linux)";
        Assert.StartsWith($"""
            {path} can be run

            NAME  LISTEN          CLIENTS                         TO                                                                   ENGINE
            web   :8080                                           10.0.0.5:80, 10.0.0.6:80 ×3, 10.0.0.7:80 (backup) least-connections  portable (as written)
            web   localhost:8081                                  10.0.0.5:80, 10.0.0.6:80 ×3, 10.0.0.7:80 (backup) least-connections  portable (as written)
                  :3389           from 192.0.2.0/24, 2001:db8::1  10.0.0.21:3389                                                       {engine}
                  :3389           from elsewhere                  reset                                                                {engine}

            FORWARD  BOUND          VALUE   DEFAULT
            web      limits.rate    20MB/s  off
            web      timeouts.idle  10m     off

            sessions at once: 
            """, output);
    }

    [Fact]
    public async Task The_plan_is_had_as_JSON_too()
    {
        var path = Write("""forwards: [{ name: web, listen: ":80", to: "a:80", limits: { connections: 5 }, timeouts: { unacknowledged: 5s } }]""");

        var (status, output, _) = await RunAsync("check", "--json", path);

        Assert.Equal(0, status);
        var plan = JsonDocument.Parse(output).RootElement;
        Assert.Equal(path, plan.GetProperty("file").GetString());
        Assert.Equal(("web", ":80", "a:80"), (plan.GetProperty("listens")[0].GetProperty("name").GetString(), plan.GetProperty("listens")[0].GetProperty("listen").GetString(), plan.GetProperty("listens")[0].GetProperty("to").GetString()));
        Assert.Equal(["limits.connections", "timeouts.unacknowledged"], plan.GetProperty("bounds").EnumerateArray().Select(bound => bound.GetProperty("key").GetString()));
        Assert.True(plan.GetProperty("sessions").GetInt32() > 0);
        Assert.StartsWith($"{path}:1:108: warning: unacknowledged is 5s", plan.GetProperty("warnings")[0].GetString());
    }

    [Fact]
    public async Task The_plan_names_protocols()
    {
        var path = Write("""
            forwards:
              - name: dns
                listen: 127.0.0.1:53/tcp+udp
                to: [10.0.0.53:53, 10.0.0.54:53/udp]
                timeouts: { idle: 30s }
                engine: portable
              - { name: socket, listen: "unix:/run/a.sock", to: "a:80", engine: portable }
            """);

        var (_, output, error) = await RunAsync("check", path);
        var (_, json, _) = await RunAsync("check", "--json", path);

        Assert.Equal("", error);
        Assert.StartsWith($"""
            {path} can be run

            NAME    LISTEN            TO                                          ENGINE
            dns     127.0.0.1:53      10.0.0.53:53                                portable (as written)
            dns     127.0.0.1:53/udp  10.0.0.53:53, 10.0.0.54:53/udp round-robin  portable (as written)
            socket  unix:/run/a.sock  a:80                                        portable (as written)

            FORWARD  BOUND                VALUE  DEFAULT
            dns      timeouts.idle        30s    off, 5m for UDP
            dns      timeouts.unanswered  30s    1m

            sessions at once: 
            """, output);
        Assert.EndsWith("; each has a place, and one of UDP uses one descriptor only\n", output);
        Assert.Equal(["tcp", "udp", "unix"], JsonDocument.Parse(json).RootElement.GetProperty("listens").EnumerateArray().Select(listen => listen.GetProperty("protocol").GetString()));
    }

    [Fact]
    public async Task Tunnels_and_the_hub_have_tables_of_their_own()
    {
        var keys = Path.Combine(folder.FullName, "keys");
        var (key, other) = (TestKeys.All[0].PublicKey, TestKeys.All[1].PublicKey);
        File.WriteAllText(keys, $"restrict,permitopen=\"db:5432\" {key} nobody\n{key} alice\nfrom=\"10.0.0.0/8\",permitopen=\"db:5432\",permitlisten=\"5900\",expiry-time=\"20200101Z\" {other} bob \u202e\n");
        var path = Write("""
            forwards:
              - { name: mail, listen: "127.0.0.1:8143", to: "mail:143", via: office, engine: portable }
              - { name: desk, listen: ":5900", at: office, to: "127.0.0.1:5900", engine: portable }
            tunnels: { office: { ssh: alice@gw, identity: keys, known_hosts: keys, accept_new: true } }
            hub: { authorized_keys: keys, host_keys: keys }
            """);

        var (status, output, error) = await RunAsync("check", path);
        var (_, json, _) = await RunAsync("check", "--json", path);

        Assert.Equal((0, ""), (status, error));
        var column = new string(' ', keys.Length - "AUTHORIZED KEYS".Length);
        Assert.StartsWith($"""
            {path} can be run

            NAME  LISTEN          AT      TO                                                                    ENGINE
            mail  127.0.0.1:8143          mail:143 via office, which looks names up and decides what they mean  portable (as written)
            desk  :5900           office  127.0.0.1:5900                                                        portable (as written)

            TUNNEL  SERVER       HOST KEY{new string(' ', $"known_hosts {keys}, and new ones".Length - "HOST KEY".Length)}  KEEPALIVE
            office  alice@gw:22  known_hosts {keys}, and new ones  15s × 3

            HUB    AUTHORIZED KEYS{column}  HOST KEYS{new string(' ', keys.Length - "HOST KEYS".Length)}  REMOTE LISTENS
            :2022  {keys}  {keys}  loopback, from 1024 up

            limits of the hub: max_startups 100, max_startups_per_source 10, max_startups_per_prefix 25, login_grace 20s, login_penalty 5s, max_connections 1000, max_connections_per_source 100, max_connections_per_prefix 250, max_connections_per_key off, max_channels 1000, window 32MiB, max_listens 32

            LINE  KEY                                                 COMMENT     FROM        MAY CONNECT TO  MAY LISTEN ON           UNTIL
            1     {key.Fingerprint}  nobody                  nowhere         nowhere
            2     {key.Fingerprint}  alice                   anywhere        loopback, from 1024 up
            3     {other.Fingerprint}  bob \u202e  10.0.0.0/8  db:5432         loopback:5900           2020-01-01T00:00:00Z, expired

            sessions at once: 
            """, output);
        var plan = JsonDocument.Parse(json).RootElement;
        Assert.Equal("office", plan.GetProperty("listens")[1].GetProperty("at").GetString());
        Assert.Equal(("office", "alice@gw:22", "15s × 3"), plan.GetProperty("tunnels")[0] is var tunnel ? (tunnel.GetProperty("name").GetString(), tunnel.GetProperty("server").GetString(), tunnel.GetProperty("keepalive").GetString()) : default);
        Assert.Equal((":2022", keys), plan.GetProperty("hub") is var hub ? (hub.GetProperty("listen")[0].GetString(), hub.GetProperty("authorized_keys").GetString()) : default);
        Assert.Equal(
        [
            $$"""{"line":1,"type":"ssh-ed25519","fingerprint":"{{key.Fingerprint}}","comment":"nobody","may_connect_to":"nowhere","may_listen_on":"nowhere"}""",
            $$"""{"line":2,"type":"ssh-ed25519","fingerprint":"{{key.Fingerprint}}","comment":"alice","may_connect_to":"anywhere","may_listen_on":"loopback, from 1024 up"}""",
            $$"""{"line":3,"type":"ecdsa-sha2-nistp256","fingerprint":"{{other.Fingerprint}}","comment":"bob \\u202e","from":"10.0.0.0/8","may_connect_to":"db:5432","may_listen_on":"loopback:5900","until":"2020-01-01T00:00:00Z","expired":true}""",
        ], plan.GetProperty("hub").GetProperty("keys").EnumerateArray().Select(one => Regex.Replace(one.GetRawText(), "\n *|(?<=\": *) ", "")));
    }

    [Fact]
    public async Task Lines_of_the_hub_s_keys_that_do_not_count_are_warnings()
    {
        var keys = Path.Combine(folder.FullName, "keys");
        File.WriteAllText(keys, "\nssh-dss AAAA\n");
        var path = Write("hub: { authorized_keys: keys }");

        var (status, output, error) = await RunAsync("check", path);
        var (_, json, _) = await RunAsync("check", "--json", path);

        Assert.Equal(0, status);
        Assert.DoesNotContain("MAY CONNECT TO", output);
        var lines = error.TrimEnd('\n').Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.StartsWith($"{keys}:2: warning: ", lines[0]);
        Assert.StartsWith($"{keys}: warning: no key in it is accepted", lines[1]);
        var plan = JsonDocument.Parse(json).RootElement;
        Assert.Equal(lines, plan.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetString()));
        Assert.Empty(plan.GetProperty("hub").GetProperty("keys").EnumerateArray());
    }

    [Fact, SupportedOSPlatform("linux")]
    public async Task Keys_of_the_hub_that_others_can_write_are_an_error()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs modes of files");
        var keys = Path.Combine(folder.FullName, "keys");
        File.WriteAllText(keys, $"{TestKeys.All[0].PublicKey}\n");
        File.SetUnixFileMode(keys, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherWrite);
        var path = Write("hub: { authorized_keys: keys }");

        var others = Environment.IsPrivilegedProcess ? "root, who could have root do anything" : "its owner (mode 0602), who could let themselves in";
        Assert.Equal((2, "", $"{path}: error: hub: authorized_keys {keys} can be written by others than {others}; run: chmod go-w {keys}\n"), await RunAsync("check", path));
    }

    [Fact]
    public async Task Files_of_tunnels_and_of_the_hub_that_are_not_there_are_errors()
    {
        var path = Write("""
            forwards: [{ listen: "localhost:80", to: "a:80", via: office }]
            tunnels: { office: { ssh: alice@gw, identity: gone, known_hosts: /dev/null } }
            hub: { authorized_keys: gone }
            """);
        var gone = Path.Combine(folder.FullName, "gone");

        Assert.Equal((2, "", $"{path}: error: tunnel office: identity {gone} does not exist; write the path of a file that is there\n{path}: error: hub: authorized_keys {gone} does not exist; write the path of a file that is there\n"),
            await RunAsync("check", path));
    }

    [Fact]
    public async Task Every_error_is_printed_to_standard_error_and_nothing_else()
    {
        var path = Write("nmae: x\nforwards: [{ listen: \":80\", to: \"a:0\" }]");

        Assert.Equal((2, "", $"{path}:1:1: error: unknown key 'nmae'; did you mean 'name'?\n{path}:2:33: error: target port 0 cannot be connected to; write the port that the target listens on, from 1 to 65535\n"), await RunAsync("check", path));
        Assert.Equal((2, ""), await RunAsync("check", "--json", path) is var (status, output, _) ? (status, output) : default);
    }

    [Fact]
    public async Task Warnings_are_printed_beside_the_plan()
    {
        var (status, output, error) = await RunAsync("check", Write("""forwards: [{ listen: ":80", to: "a:80", limits: { connections: 2000000000 } }]"""));

        Assert.Equal(0, status);
        Assert.Contains("can be run", output);
        Assert.Matches("^warning: forward :80 to a:80: limits.connections is 2000000000, and the process has room for [0-9]+ sessions in all\n$", error);
    }

    [Fact]
    public void A_configuration_is_looked_for_here_and_then_where_packages_keep_it()
    {
        var (here, there) = (Path.Combine(folder.FullName, "here.yaml"), Path.Combine(folder.FullName, "there.yaml"));
        Assert.Equal(["fairlead.yaml", "/etc/fairlead/fairlead.yaml"], ConfigFile.Places);
        Assert.Equal($"there is no configuration: neither {here} nor {there} exists; name one, or write 'fairlead forward' for ports without a file", Assert.Throws<UsageException>(() => ConfigFile.Find(null, [here, there])).Message);

        File.WriteAllText(there, "");
        Assert.Equal(there, ConfigFile.Find(null, [here, there]));
        File.WriteAllText(here, "");
        Assert.Equal(here, ConfigFile.Find(null, [here, there]));
        Assert.Equal("gone.yaml", ConfigFile.Find("gone.yaml", [here, there]));
    }

    private string Write(string yaml)
    {
        var path = Path.Combine(folder.FullName, "f.yaml");
        File.WriteAllText(path, yaml);
        return path;
    }

    private static async Task<(int Status, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var status = await CommandLine.RunAsync(arguments, output, error);
        return (status, output.ToString(), error.ToString());
    }
}
