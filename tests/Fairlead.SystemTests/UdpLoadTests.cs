using System.Net;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>Reloads, floods and full buffers while others are being served.</summary>
public sealed class UdpLoadTests
{
    [Theory(Timeout = 120000), InlineData("native"), InlineData("portable")]
    public async Task Reloads_under_load_lose_neither_a_session_nor_a_datagram_of_a_forward_that_stays(string engine)
    {
        using var server = new UdpServer();
        using var second = new UdpServer();
        var ports = Enumerable.Range(0, 4).Select(_ => FreePorts.One()).ToArray();
        string Text(int round, int edit) => $$"""
              - { name: steady, listen: '127.0.0.1:{{ports[0]}}/udp', to: '{{server.Address}}', engine: {{engine}} }
              - { name: other-{{round}}, listen: '127.0.0.1:{{ports[1]}}/udp', to: '{{server.Address}}', engine: {{engine}} }
              - name: edited
                listen: '127.0.0.1:{{ports[2]}}/udp'
                to: ['{{(edit % 2 == 0 ? server : second).Address}}']
                allow: [{{(edit % 3 == 0 ? "any" : "127.0.0.0/8")}}]
                engine: {{engine}}
                limits: { connections: {{10 + edit}}, sessions_per_second: {{100 + edit}}, rate: {{100 + edit}}MB/s }
            """;
        await using var run = await UdpInstance.StartAsync(Text(0, 0));
        using var edited = new UdpCaller(new IPEndPoint(IPAddress.Loopback, ports[2]));
        var before = await edited.AskAsync("?");
        using var end = new CancellationTokenSource();
        var load = Enumerable.Range(0, 8).Select(_ => LoadAsync(new IPEndPoint(IPAddress.Loopback, ports[0]), end.Token)).ToList();
        for (var round = 1; round <= 20; round++)
            await run.ReloadAsync(Text(round, 0));
        for (var edit = 1; edit <= 50; edit++)
            await run.ReloadAsync(Text(20, edit));
        await end.CancelAsync();

        foreach (var exchanges in await Task.WhenAll(load))
            Assert.InRange(exchanges, 1, int.MaxValue);
        // A forward that was changed keeps the sessions that it had, with their upstream.
        Assert.Equal(before, await edited.AskAsync("?"));
        var status = await run.StatusAsync("steady");
        Assert.Equal((8, "{}"), (status.GetProperty("accepted").GetInt32(), $"{status.GetProperty("dropped")}"));
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task The_port_of_a_forward_that_was_removed_can_be_had_by_the_next_reload(string engine)
    {
        using var server = new UdpServer();
        using var second = new UdpServer(answer: static (_, _) => "second"u8.ToArray());
        var (kept, port) = (FreePorts.One(), FreePorts.One());
        var first = $"  - {{ name: kept, listen: '127.0.0.1:{kept}/udp', to: '{server.Address}', engine: {engine} }}\n";
        await using var run = await UdpInstance.StartAsync($"{first}  - {{ name: old, listen: '127.0.0.1:{port}/udp', to: '{server.Address}', engine: {engine} }}");
        using var client = new UdpCaller(new IPEndPoint(IPAddress.Loopback, port));
        await client.AskAsync("?");

        await run.ReloadAsync(first);
        await run.ReloadAsync($"{first}  - {{ name: new, listen: '127.0.0.1:{port}/udp', to: '{second.Address}', engine: {engine} }}");

        using var newcomer = new UdpCaller(new IPEndPoint(IPAddress.Loopback, port));
        Assert.Equal("second", await newcomer.AskAsync("?"));
    }

    [Fact(Timeout = 60000)]
    public async Task Another_engine_for_a_forward_with_sessions_of_datagrams_is_refused()
    {
        using var server = new UdpServer();
        var port = FreePorts.One();
        string Text(string engine) => $"  - {{ name: echo, listen: '127.0.0.1:{port}/udp', to: '{server.Address}', engine: {engine} }}";
        await using var run = await UdpInstance.StartAsync(Text("native"));
        using var client = new UdpCaller(new IPEndPoint(IPAddress.Loopback, port));
        var before = await client.AskAsync("?");
        run.Write(Text("portable"));
        var (status, output) = await run.AskAsync("reload");
        Assert.Equal(2, status);
        Assert.Contains("sessions of datagrams need the socket that they began with", output, StringComparison.Ordinal);
        Assert.Equal(before, await client.AskAsync("?"));
        Assert.Equal("native", (await run.StatusAsync("echo")).GetProperty("engine").GetString());
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_flood_of_invented_sources_fills_the_table_to_its_bound_and_those_who_were_answered_stay(string engine)
    {
        const int Answered = 50, Bound = 80, Flood = 3000;
        using var server = new UdpServer(answer: static (datagram, client) => datagram[0] == (byte)'?' ? Encoding.ASCII.GetBytes($"{client}") : null);
        await using var run = await UdpInstance.StartAsync(
            $"  - {{ name: echo, listen: '127.0.0.1:0/udp', to: '{server.Address}', engine: {engine}, deny: 127.66.0.0/16, limits: {{ connections: {Bound}, sessions_per_second: off }} }}");
        var address = await run.AddressAsync("echo");
        var clients = Enumerable.Range(0, Answered).Select(_ => new UdpCaller(address)).ToList();
        try
        {
            var before = await Task.WhenAll(clients.Select(client => client.AskAsync("?")));
            for (var i = 0; i < Flood; i++)
            {
                // All of 127.0.0.0/8 is this machine's: a source each, and some whom nobody lets in.
                using var source = new UdpCaller(address, new IPAddress([127, (byte)(i % 10 == 0 ? 66 : 77), (byte)(i >> 8), (byte)(i | 1)]));
                source.Send("!");
            }
            await run.UntilAsync("echo", status => status.GetProperty("dropped").TryGetProperty("denied", out var denied) && denied.GetInt64() == Flood / 10);
            Assert.InRange((await run.StatusAsync("echo")).GetProperty("connections").GetInt32(), Answered, Bound);
            Assert.Equal(before, await Task.WhenAll(clients.Select(client => client.AskAsync("?"))));

            // With the table full of those who were answered, nobody is let in any more.
            while (clients.Count < Bound)
            {
                clients.Add(new UdpCaller(address));
                await clients[^1].AskAsync("?");
            }
            using var late = new UdpCaller(address);
            late.Send("?");
            await run.UntilAsync("echo", static status => status.GetProperty("dropped").TryGetProperty("table_full", out _));
            Assert.Equal(Bound, (await run.StatusAsync("echo")).GetProperty("connections").GetInt32());
            Assert.Equal(before, (await Task.WhenAll(clients.Select(client => client.AskAsync("?")))).Take(Answered));
            Assert.Matches("\\necho +301 +300 denied, 1 table full", (await run.AskAsync("status")).Output);
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task What_the_kernel_drops_at_a_full_receive_buffer_is_counted(string engine)
    {
        const int SIGSTOP = 19, SIGCONT = 18, Burst = 40_000;
        using var server = new UdpServer(answer: static (_, _) => null);
        await using var run = await UdpInstance.StartAsync($"  - {{ name: echo, listen: '127.0.0.1:0/udp', to: '{server.Address}', engine: {engine} }}");
        using var client = new UdpCaller(await run.AddressAsync("echo"));
        run.Run.Signal(SIGSTOP);
        var datagram = new byte[64];
        for (var i = 0; i < Burst; i++)
            client.Send(datagram);
        run.Run.Signal(SIGCONT);
        // What was dropped is told by the next that finds room.
        await run.UntilAsync("echo", status =>
        {
            client.Send(datagram);
            return status.GetProperty("dropped").TryGetProperty("receive_buffer_full", out var full) && full.GetInt64() > 0;
        });
        Assert.InRange(await run.DroppedAsync("echo", "receive_buffer_full"), 1, Burst);
        await run.Run.WaitForAsync(entry => entry.GetProperty("level").GetString() == "warning" && entry.GetProperty("event").GetString()!.Contains("datagrams", StringComparison.Ordinal));
    }

    // One question after the other, a few at once: each is answered, in its order, and the upstream sees one port throughout.
    private static async Task<int> LoadAsync(IPEndPoint address, CancellationToken end)
    {
        const int Window = 4;
        using var client = new UdpCaller(address);
        string? source = null;
        for (var count = 0; ; count += Window)
        {
            if (end.IsCancellationRequested && count > 0)
                return count;
            for (var i = 0; i < Window; i++)
                client.Send($"{count + i}");
            for (var i = 0; i < Window; i++)
            {
                var answer = Encoding.ASCII.GetString(await client.ReceiveAsync()).Split(' ');
                Assert.Equal($"{count + i}", answer[1]);
                Assert.Equal(source ??= answer[0], answer[0]);
            }
        }
    }
}
