using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>Many clients, few descriptors, readers that sleep: what a forwarder meets on a bad day.</summary>
public sealed class LoadTests
{
    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task Four_thousand_connections_at_once_keep_every_byte(string engine)
    {
        const int connections = 4000, length = 20_000;
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync("--engine", engine, $"127.0.0.1:0:127.0.0.1:{echo.Port}");
        var address = await forward.AddressAsync();
        var clients = new Socket[connections];
        try
        {
            for (var i = 0; i < connections; i++)
                clients[i] = await Echo.ConnectAsync(address);
            await Task.WhenAll(clients.Select((client, number) => CompareAsync(client, number, length)));
        }
        finally
        {
            foreach (var client in clients)
                client?.Dispose();
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task With_72_descriptors_it_serves_whom_it_can_does_not_spin_and_recovers(string engine)
    {
        using var echo = new Echo();
        await using var forward = Running.StartBy(
            "ulimit -n 72; exec \"$0\" \"$@\"", "forward", "--log-format", "json", "--engine", engine, $"127.0.0.1:0:127.0.0.1:{echo.Port}");
        var address = await forward.AddressAsync();
        var clients = new List<Socket>();
        for (var i = 0; i < 60; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(address, TestContext.Current.CancellationToken);
            clients.Add(client);
        }
        await forward.WaitForAsync("full");

        // Those who wait cost nothing: an accept that spins would burn the whole second.
        var before = forward.ProcessorTime;
        using (var second = new PeriodicTimer(TimeSpan.FromSeconds(1)))
            await second.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        Assert.True(forward.ProcessorTime - before < TimeSpan.FromSeconds(0.5));

        // Each is served in the end, as others leave; in which order is the kernel's affair, which keeps a backlog for each loop.
        await Task.WhenAll(clients.Select(async client =>
        {
            await Echo.ExchangeAsync(client, 9);
            client.Dispose();
        }));
    }

    [Theory(Timeout = 60000), InlineData("off", false), InlineData("on", true)]
    public async Task A_variable_turns_splice_off(string value, bool splices)
    {
        using var echo = new Echo();
        await using var forward = Running.Start(
            ["forward", "--log-format", "json", "--engine", "native", $"127.0.0.1:0:127.0.0.1:{echo.Port}"], readErrors: true, ("FAIRLEAD_SPLICE", value));
        using var client = await Echo.ConnectAsync(await forward.AddressAsync());
        var before = Pipes();
        await CompareAsync(client, number: 1, length: 32 << 20);

        // A pipe that bulk has used is kept for the next.
        Assert.Equal(splices, Pipes() > before);

        int Pipes() => Directory.GetFileSystemEntries($"/proc/{forward.Id}/fd").Count(path => new FileInfo(path).LinkTarget?.StartsWith("pipe:", StringComparison.Ordinal) == true);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_full_pipe_on_standard_error_stops_nothing(string engine)
    {
        using var echo = new Echo();
        var port = FreePorts.One();
        await using var forward = Running.Start(
            ["forward", "--log-format", "json", "--engine", engine, $"127.0.0.1:{port}:127.0.0.1:{echo.Port}"], readErrors: false);
        var address = new IPEndPoint(IPAddress.Loopback, port);
        while (true)
        {
            try
            {
                using var client = await Echo.ConnectAsync(address);
                break;
            }
            catch (SocketException)
            {
                await Task.Yield();
            }
        }

        // A pipe holds 64 KiB; a line of the log is over 200 bytes.
        for (var i = 0; i < 1500; i++)
        {
            using var client = await Echo.ConnectAsync(address);
        }
        forward.Signal(Running.SIGTERM);
        Assert.Equal(0, await forward.WhenOverAsync());
    }

    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task A_reader_that_sleeps_longer_than_keepalive_gets_everything(string engine)
    {
        const int length = 32 << 20;
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await using var host = new Engine();
        var timeouts = new ForwardTimeouts { Keepalive = TimeSpan.FromSeconds(1) };
        var config = ForwardConfig.Parse($"127.0.0.1:0:{listener.LocalEndPoint}") with
        {
            Timeouts = timeouts,
            Engine = engine == "native" ? EngineKind.Native : EngineKind.Portable,
        };
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(host.Start(config)[0], TestContext.Current.CancellationToken);
        using var server = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        var sending = Task.Run(async () =>
        {
            for (var sent = 0; sent < length;)
                sent += await server.SendAsync(new byte[Math.Min(1 << 16, length - sent)]);
            server.Shutdown(SocketShutdown.Send);
        }, TestContext.Current.CancellationToken);
        using (var sleep = new PeriodicTimer(TimeSpan.FromSeconds(7)))
            await sleep.WaitForNextTickAsync(TestContext.Current.CancellationToken);
        var buffer = new byte[1 << 16];
        var received = 0;
        int count;
        while ((count = await client.ReceiveAsync(buffer, TestContext.Current.CancellationToken)) > 0)
            received += count;
        await sending;
        Assert.Equal(length, received);
    }

    private static async Task CompareAsync(Socket client, int number, int length)
    {
        var sent = new byte[length];
        new Random(number).NextBytes(sent);
        var sending = Task.Run(async () =>
        {
            for (var at = 0; at < length;)
                at += await client.SendAsync(sent.AsMemory(at, Math.Min(7000, length - at)));
            client.Shutdown(SocketShutdown.Send);
        });
        var got = new byte[length + 1];
        var received = 0;
        int count;
        while ((count = await client.ReceiveAsync(got.AsMemory(received))) > 0)
            received += count;
        await sending;
        Assert.Equal(length, received);
        Assert.True(sent.AsSpan().SequenceEqual(got.AsSpan(0, length)));
    }
}
