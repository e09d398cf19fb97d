using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>The admin commands and the access log of a running <c>fairlead run</c>, with the shipped program and real connections.</summary>
public sealed class AdminTests
{
    private const int Patience = 60_000;

    [Fact(Timeout = Patience)]
    public async Task Curl_sees_the_sessions_of_a_running_instance_and_ends_one()
    {
        var curl = Peers.Require("curl", "curl");
        await using var world = await World.StartAsync();
        using var client = await Echo.ConnectAsync(world.Listen);
        await Echo.ExchangeAsync(client, 42);

        var (_, status) = await Peers.RunAsync(curl, "-sS", "--fail", "--unix-socket", world.Socket, "http://localhost/v1/status");
        Assert.Equal(1, JsonDocument.Parse(status).RootElement.GetProperty("connections").GetInt32());
        var (_, list) = await Peers.RunAsync(curl, "-sS", "--fail", "--unix-socket", world.Socket, "http://localhost/v1/connections?forward=echo");
        var connection = Assert.Single(JsonDocument.Parse(list).RootElement.GetProperty("connections").EnumerateArray());
        Assert.Equal((client.LocalEndPoint!.ToString(), 2L), (connection.GetProperty("client").GetString(), connection.GetProperty("bytes_from_client").GetInt64()));

        var (_, code) = await Peers.RunAsync(curl, "-sS", "--unix-socket", world.Socket, "-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", $"http://localhost/v1/connections/{connection.GetProperty("id")}");
        Assert.Equal("204", code);
        var reset = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    [Fact(Timeout = Patience)]
    public async Task Status_connections_and_top_show_what_runs()
    {
        await using var world = await World.StartAsync();
        using var client = await Echo.ConnectAsync(world.Listen);
        await Echo.ExchangeAsync(client, 42);

        var (done, status) = await world.AskAsync("status");
        Assert.Equal(0, done);
        Assert.Contains($"configuration  {world.ConfigFile}", status);
        Assert.Matches(@"\necho +127\.0\.0\.1:\d+ +127\.0\.0\.1:\d+ +native +1 +1 +0 +0 +2 B +2 B\n", status);
        Assert.Contains($"{client.LocalEndPoint}", (await world.AskAsync("connections")).Output);
        Assert.Contains($"{client.LocalEndPoint}", (await world.AskAsync("top")).Output);
    }

    [Fact(Timeout = Patience)]
    public async Task A_refused_reload_changes_nothing_and_a_good_one_says_what_it_did()
    {
        await using var world = await World.StartAsync();
        var good = await File.ReadAllTextAsync(world.ConfigFile, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(world.ConfigFile, good.Replace("listen:", "lisen:", StringComparison.Ordinal), TestContext.Current.CancellationToken);

        var (refused, errors) = await world.AskAsync("reload");
        Assert.Equal(2, refused);
        Assert.Contains($"{world.ConfigFile}:", errors);
        Assert.Contains("error: the configuration was refused; nothing has changed", errors);
        using (var client = await Echo.ConnectAsync(world.Listen))
            await Echo.ExchangeAsync(client, 42);

        await File.WriteAllTextAsync(world.ConfigFile, good + "    limits: { connections: 5 }\n", TestContext.Current.CancellationToken);
        Assert.Equal(0, (await world.AskAsync("reload")).Status);
    }

    [Fact(Timeout = Patience)]
    public async Task Drain_frees_the_port_and_sessions_go_on()
    {
        await using var world = await World.StartAsync();
        using var client = await Echo.ConnectAsync(world.Listen);

        Assert.Equal(0, (await world.AskAsync("drain", "echo")).Status);
        Assert.Equal((0, "echo was drained already; its connections go on\n"), await world.AskAsync("drain", "echo"));

        await Assert.ThrowsAsync<SocketException>(() => Echo.ConnectAsync(world.Listen));
        await Echo.ExchangeAsync(client, 42);
    }

    [Fact(Timeout = Patience)]
    public async Task Stop_ends_the_process_and_its_socket()
    {
        await using var world = await World.StartAsync();

        Assert.Equal(0, (await world.AskAsync("stop", "--now")).Status);
        Assert.Equal(0, await world.Instance.WhenOverAsync());
        Assert.False(File.Exists(world.Socket));
        Assert.Equal(1, (await world.AskAsync("status")).Status);
    }

    [Fact(Timeout = Patience)]
    public async Task A_second_instance_of_the_name_is_refused()
    {
        await using var world = await World.StartAsync();

        await using var second = Running.Start("run", "--log-format", "json", world.ConfigFile);

        Assert.Equal(2, await second.WhenOverAsync());
        Assert.Contains("another instance", second.Errors);
    }

    [Fact(Timeout = Patience)]
    public async Task The_access_log_follows_a_rename_and_a_hang_up()
    {
        const int SIGHUP = 1;
        await using var world = await World.StartAsync();
        await VisitAsync();
        File.Move(world.AccessLog, world.AccessLog + ".1");
        world.Instance.Signal(SIGHUP);
        while (!File.Exists(world.AccessLog))
            await Task.Yield();
        await VisitAsync();
        Assert.Equal(0, (await world.AskAsync("stop")).Status);
        Assert.Equal(0, await world.Instance.WhenOverAsync());

        var lines = (await File.ReadAllLinesAsync(world.AccessLog + ".1", TestContext.Current.CancellationToken)).Concat(await File.ReadAllLinesAsync(world.AccessLog, TestContext.Current.CancellationToken)).ToList();
        Assert.Equal(2, lines.Count);
        Assert.All(lines, line => Assert.Matches(@"^\S+ 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ 127\.0\.0\.1:\d+ closed client \d+\.\d{3}s 2 2 echo \d+$", line));

        async Task VisitAsync()
        {
            using var client = await Echo.ConnectAsync(world.Listen);
            await Echo.ExchangeAsync(client, 42);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }
    }

    /// <summary>An instance that forwards to an echo, in a folder of its own.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly Folder folder = new();
        private readonly Echo echo = new();

        private World()
        {
            ConfigFile = folder.Write("fairlead.yaml", $$"""
                admin: { listen: "unix:{{folder.Path}}/admin.sock" }
                access_log: { file: "{{folder.Path}}/access.log" }
                forwards:
                  - name: echo
                    listen: 127.0.0.1:0
                    to: 127.0.0.1:{{echo.Port}}

                """);
            Instance = Running.Start("run", "--log-format", "json", ConfigFile);
        }

        public string ConfigFile { get; }

        public Running Instance { get; }

        public IPEndPoint Listen { get; private set; } = new(IPAddress.Loopback, 0);

        public string Socket => $"{folder.Path}/admin.sock";

        public string AccessLog => $"{folder.Path}/access.log";

        public static async Task<World> StartAsync()
        {
            var world = new World();
            world.Listen = await world.Instance.AddressAsync();
            while (!File.Exists(world.Socket))
                await Task.Yield();
            return world;
        }

        public Task<(int Status, string Output)> AskAsync(params string[] arguments) => Peers.RunAsync(Running.Binary, [.. arguments, "--admin", $"unix:{Socket}"]);

        public async ValueTask DisposeAsync()
        {
            await Instance.DisposeAsync();
            echo.Dispose();
            folder.Dispose();
        }
    }
}
