using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary><c>fairlead forward</c> as its users meet it: what it says, how it ends, what bad input gets.</summary>
public sealed class ForwardTests
{
    [Fact(Timeout = 60000)]
    public async Task A_forward_says_where_it_listens_and_who_can_reach_it()
    {
        await using var forward = Running.Start("forward", "0:127.0.0.1:9");
        await forward.WaitForTextAsync("listening on");
        var first = forward.Errors.Split('\n')[0];
        Assert.Contains("every address", first, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:", first, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task The_first_signal_drains_and_says_so_and_sessions_go_on()
    {
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{echo.Port}");
        var address = await forward.AddressAsync();
        using var client = await Echo.ConnectAsync(address);
        forward.Signal(Running.SIGTERM);
        await forward.WaitForAsync(entry => entry.GetProperty("event").GetString() is "draining" or "drain" or "stopping");
        await Echo.ExchangeAsync(client, 2);
        await RefusedAsync(address);
        await Echo.ExchangeAsync(client, 3);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await forward.WhenOverAsync());
        Assert.Equal("closed", (await forward.WaitForAsync("session")).GetProperty("end").GetString());
    }

    [Theory(Timeout = 60000), InlineData(Running.SIGTERM, Running.SIGTERM), InlineData(Running.SIGINT, Running.SIGINT)]
    public async Task The_second_signal_stops_at_once(int first, int second)
    {
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync("--drain", "1h", $"127.0.0.1:0:127.0.0.1:{echo.Port}");
        using var client = await Echo.ConnectAsync(await forward.AddressAsync());
        forward.Signal(first);
        await forward.WaitForAsync(entry => entry.GetProperty("event").GetString() is "draining" or "drain" or "stopping");
        forward.Signal(second);
        Assert.Equal(0, await forward.WhenOverAsync());
        var reset = await Assert.ThrowsAsync<SocketException>(() => client.ReceiveAsync(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        Assert.Equal("stopped", (await forward.WaitForAsync("session")).GetProperty("end").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task Whom_the_kernel_had_accepted_is_served_after_the_signal()
    {
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{echo.Port}");
        var address = await forward.AddressAsync();

        // While it stands still, clients reach the backlog only.
        forward.Signal(19);
        var clients = new List<Socket>();
        for (var i = 0; i < 50; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await client.ConnectAsync(address, TestContext.Current.CancellationToken);
            clients.Add(client);
        }
        forward.Signal(Running.SIGTERM);
        forward.Signal(18);
        foreach (var client in clients)
        {
            await Echo.ExchangeAsync(client, 7);
            client.Dispose();
        }
        Assert.Equal(0, await forward.WhenOverAsync());
    }

    [Fact(Timeout = 60000)]
    public async Task A_port_in_use_is_refused_with_the_name_of_its_holder()
    {
        using var echo = new Echo();
        var (status, output) = await Peers.RunAsync(Running.Binary, "forward", $"127.0.0.1:{echo.Port}:127.0.0.1:9");
        Assert.Equal(2, status);
        Assert.Contains("in use", output, StringComparison.Ordinal);
        Assert.Contains($"process {Environment.ProcessId}", output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_second_instance_on_one_port_is_refused_with_the_name_of_the_first(string engine)
    {
        await using var forward = await Running.ForwardAsync("--engine", engine, "127.0.0.1:0:127.0.0.1:9");
        var address = await forward.AddressAsync();
        var (status, output) = await Peers.RunAsync(Running.Binary, "forward", "--engine", engine, $"{address}:127.0.0.1:9");
        Assert.Equal(2, status);
        Assert.Contains($"process {forward.Id}", output, StringComparison.Ordinal);
        (status, output) = await Peers.RunAsync(Running.Binary, "forward", "--engine", engine, $"{address.Port}:127.0.0.1:9");
        Assert.True(status == 2, output);
    }

    [Fact(Timeout = 60000)]
    public async Task A_privileged_port_without_privilege_gets_the_three_remedies()
    {
        Peers.RequireRoot();
        Assert.SkipUnless(File.ReadAllText("/proc/sys/net/ipv4/ip_unprivileged_port_start").Trim() == "1024", "This system lets anybody have low ports.");
        var setpriv = Peers.Require("setpriv", "util-linux");
        using var folder = new Folder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
        var binary = Path.Combine(folder.Path, "fairlead");
        Assert.SkipUnless(Running.Binary.EndsWith("fairlead", StringComparison.Ordinal), "Needs the published single file (FAIRLEAD_BINARY).");
        File.Copy(Running.Binary, binary);
        File.SetUnixFileMode(binary, (UnixFileMode)0b111_101_101);
        var (status, output) = await Peers.RunAsync(setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", binary, "forward", "127.0.0.1:81:127.0.0.1:9");
        Assert.Equal(2, status);
        foreach (var remedy in new[] { "cap_net_bind_service", "ip_unprivileged_port_start", "root" })
            Assert.Contains(remedy, output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task More_listens_than_descriptors_are_refused_with_both_numbers()
    {
        await using var forward = Running.StartBy("ulimit -n 120; exec \"$0\" \"$@\"", "forward", "127.0.0.1:20000-20499:127.0.0.1:9");
        Assert.Equal(2, await forward.WhenOverAsync());
        Assert.Contains("500", forward.Errors, StringComparison.Ordinal);
        Assert.Contains("120", forward.Errors, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_range_is_bound_all_or_nothing()
    {
        using var taken = new Echo();
        var (status, output) = await Peers.RunAsync(Running.Binary, "forward", $"127.0.0.1:{taken.Port - 3}-{taken.Port}:127.0.0.1:9");
        Assert.Equal(2, status);
        Assert.DoesNotContain("listening on", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_listen_in_the_ephemeral_range_is_warned_of()
    {
        // A port in that range may be a client's at any time, but of another address.
        var first = int.Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t')[0], CultureInfo.InvariantCulture);
        await using var forward = await Running.ForwardAsync($"127.45.0.1:{first}:127.0.0.1:9");
        Assert.Equal("warning", (await forward.WaitForAsync("ephemeral_port")).GetProperty("level").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task An_unresolvable_name_is_warned_of_and_its_clients_are_reset()
    {
        await using var forward = await Running.ForwardAsync("127.0.0.1:0:no-such-host.invalid:80");
        Assert.Equal("warning", (await forward.WaitForAsync("name_unresolved")).GetProperty("level").GetString());
        await ResetAsync(await forward.AddressAsync());
        Assert.Equal("name_unknown", (await forward.WaitForAsync("session")).GetProperty("end").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task A_refusing_upstream_resets_the_client()
    {
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{FreePorts.One()}");
        await ResetAsync(await forward.AddressAsync());
        Assert.Equal("refused", (await forward.WaitForAsync("session")).GetProperty("end").GetString());
    }

    [Fact(Timeout = 60000)]
    public async Task Several_specs_and_localhost_on_both_families_run_in_one_process()
    {
        using var echo = new Echo();
        await using var forward = await Running.ForwardAsync($"127.0.0.1:0:127.0.0.1:{echo.Port}", $"[::1]:0:localhost:{echo.Port}");
        await forward.WaitForAsync(entry => entry.GetProperty("event").GetString() == "listening" && entry.GetProperty("listen").GetString()!.StartsWith('['));
        foreach (var entry in forward.Entries.Where(entry => entry.GetProperty("event").GetString() == "listening").ToList())
        {
            using var client = await Echo.ConnectAsync(IPEndPoint.Parse(entry.GetProperty("listen").GetString()!));
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task What_follows_urgent_data_is_not_held_back(string engine)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await using var forward = await Running.ForwardAsync("--engine", engine, $"127.0.0.1:0:{listener.LocalEndPoint}");
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(await forward.AddressAsync(), TestContext.Current.CancellationToken);
        using var server = await listener.AcceptAsync(TestContext.Current.CancellationToken);

        // All of it lies in the queue before the first read, which stops at the urgent mark.
        forward.Signal(19);
        client.Send("abc"u8);
        client.Send("X"u8, SocketFlags.OutOfBand);
        client.Send("def"u8);
        forward.Signal(18);
        var got = new byte[6];
        for (var count = 0; count < got.Length;)
            count += await server.ReceiveAsync(got.AsMemory(count), TestContext.Current.CancellationToken);
        Assert.Equal("abcdef"u8.ToArray(), got);
    }

    [Theory(Timeout = 60000)]
    [InlineData("8080")]
    [InlineData("8080:host")]
    [InlineData("8080-8082:host:80-81")]
    [InlineData("99999:host:80")]
    [InlineData("8080:host:80/sctp")]
    [InlineData("8080:127.0.0.1:8080")]
    [InlineData("127.0.0.1:8000-8010:localhost:8005")]
    public async Task A_malformed_spec_is_refused_with_status_2_and_the_way_to_help(string spec)
    {
        var (status, output) = await Peers.RunAsync(Running.Binary, "forward", spec);
        Assert.Equal(2, status);
        Assert.Contains("--help", output, StringComparison.Ordinal);
    }

    // The reset may be there before the connect has returned.
    private static async Task ResetAsync(IPEndPoint address)
    {
        using var client = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            await client.ConnectAsync(address);
            await client.ReceiveAsync(new byte[1]);
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    // The drain's filter leaves newcomers unanswered until the listener is gone; then they are refused.
    private static async Task RefusedAsync(IPEndPoint address)
    {
        using var client = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var refused = await Assert.ThrowsAsync<SocketException>(() => client.ConnectAsync(address));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }
}
