using System.Text.Json;
using Fairlead.Cli;

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
