using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>Sessions of many clients, of clients that move, and of upstreams that come, go and move, with the shipped program.</summary>
public sealed class UdpSessionTests
{
    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_thousand_clients_at_once_get_their_own_replies_and_nobody_elses(string engine)
    {
        // An upstream that could not keep up would lose some, and that is not what is asked here.
        Peers.RequireRoot();
        const int Clients = 1000, Rounds = 3;
        using var server = new UdpServer();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: echo, listen: '127.0.0.1:0/udp', to: '{server.Address}', engine: {engine}, limits: {{ sessions_per_second: off }} }}");
        var address = await run.AddressAsync("echo");
        var clients = Enumerable.Range(0, Clients).Select(_ => new UdpCaller(address)).ToList();
        try
        {
            foreach (var (i, client) in clients.Index())
            {
                for (var round = 0; round < Rounds; round++)
                    client.Send($"{i}/{round}");
            }
            var sources = new HashSet<string>();
            foreach (var (i, client) in clients.Index())
            {
                var seen = new List<string>();
                for (var round = 0; round < Rounds; round++)
                    seen.Add(Encoding.ASCII.GetString(await client.ReceiveAsync()));
                var source = seen[0].Split(' ')[0];
                Assert.Equal(Enumerable.Range(0, Rounds).Select(round => $"{source} {i}/{round}"), seen);
                Assert.True(sources.Add(source), $"{source} is two clients'.");
            }
            Assert.All(clients, client => Assert.Equal(0, client.Socket.Available));
        }
        finally
        {
            clients.ForEach(client => client.Dispose());
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_long_session_whose_client_changes_its_port_stays_with_its_upstream(string engine)
    {
        const int Ports = 40, Each = 25;
        using var upstreams = new Connected(3);
        await using var run = await UdpInstance.StartAsync($"  - {{ name: vpn, listen: '127.0.0.1:0/udp', to: [{upstreams.List}], affinity: source, engine: {engine} }}");
        var address = await run.AddressAsync("vpn");
        using var other = new UdpCaller(address, IPAddress.Parse("127.0.0.7"));
        await other.AskAsync("another client, whose turn comes first");

        var ports = new List<UdpCaller>();
        try
        {
            for (var sequence = 0; ports.Count < Ports;)
            {
                ports.Add(new UdpCaller(address));
                for (var i = 0; i < Each; i++)
                    ports[^1].Send(Connected.Packet(42, sequence++));
                // Each answer comes to the port from which it was asked for.
                for (var i = 0; i < Each; i++)
                    Assert.Equal(sequence - Each + i, Connected.SequenceOf(await ports[^1].ReceiveAsync()));
            }
            var mine = Assert.Single(upstreams.Servers, server => server.Arrived.Any(one => Connected.IsOf(42, one.Datagram)));
            Assert.Equal(Enumerable.Range(0, Ports * Each), mine.Arrived.Where(one => Connected.IsOf(42, one.Datagram)).Select(one => Connected.SequenceOf(one.Datagram)));
            Assert.All(ports, port => Assert.Equal(0, port.Socket.Available));
        }
        finally
        {
            ports.ForEach(port => port.Dispose());
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Without_affinity_another_port_may_lead_to_another_upstream(string engine)
    {
        using var upstreams = new Connected(3);
        await using var run = await UdpInstance.StartAsync($"  - {{ name: vpn, listen: '127.0.0.1:0/udp', to: [{upstreams.List}], engine: {engine} }}");
        var address = await run.AddressAsync("vpn");
        for (var port = 0; port < 3; port++)
        {
            using var client = new UdpCaller(address);
            client.Send(Connected.Packet(42, port));
            await client.ReceiveAsync();
        }
        Assert.All(upstreams.Servers, server => Assert.Single(server.Arrived));
    }

    [Theory(Timeout = 60000)]
    [InlineData("native", "127.0.0.1"), InlineData("portable", "127.0.0.1"), InlineData("native", "::1"), InlineData("portable", "::1")]
    public async Task An_upstream_whose_port_was_closed_is_answered_again_once_it_opens_and_others_never_notice(string engine, string host)
    {
        var address = IPAddress.Parse(host);
        var closed = UdpServer.Nobody(address);
        using var well = new UdpServer(new IPEndPoint(address, 0));
        var victim = address.Equals(IPAddress.Loopback) ? "127.0.0.9" : "::1";
        // Over IPv6 the loopback has one address only, so the others come by IPv4.
        await using var run = await UdpInstance.StartAsync(
            $"  - {{ name: echo, listen: 'localhost:{UdpServer.Nobody(address).Port}/udp', routes: [{{ from: '{victim}', to: '{closed}' }}], to: '{well.Address}', engine: {engine} }}");
        var listen = await run.AddressAsync("echo");
        using var client = new UdpCaller(new IPEndPoint(address, listen.Port), IPAddress.Parse(victim));
        var others = Enumerable.Range(0, 20).Select(_ => new UdpCaller(new IPEndPoint(IPAddress.Loopback, listen.Port))).ToList();
        try
        {
            var before = await Task.WhenAll(others.Select(other => other.AskAsync("?")));
            for (var i = 0; i < 50; i++)
            {
                client.Send("is there anybody");
                Assert.Equal(before[i % 20], await others[i % 20].AskAsync("?"));
            }
            await run.UntilAsync("echo", status => status.GetProperty("upstreams").EnumerateArray().Any(upstream => upstream.GetProperty("failed").GetInt64() > 0));

            using var opened = new UdpServer(closed);
            Assert.EndsWith("now", await client.AskUntilAsync("now", answer => answer.EndsWith("now", StringComparison.Ordinal)), StringComparison.Ordinal);
            // It was the first that it got, and the session has the socket that it had.
            Assert.Equal("now", Encoding.ASCII.GetString(opened.Arrived.First().Datagram));
            Assert.EndsWith("again", await client.AskAsync("again"), StringComparison.Ordinal);
            Assert.Single(opened.Arrived.Select(one => one.From).Distinct());
            Assert.Equal(before, await Task.WhenAll(others.Select(other => other.AskAsync("?"))));
            Assert.Equal(21, (await run.StatusAsync("echo")).GetProperty("accepted").GetInt64());
        }
        finally
        {
            others.ForEach(other => other.Dispose());
        }
    }

    [Theory(Timeout = 60000)]
    [InlineData("native", "127.0.0.1"), InlineData("portable", "127.0.0.1"), InlineData("native", "::1"), InlineData("portable", "::1")]
    public async Task A_session_leaves_an_upstream_whose_port_is_closed_for_another(string engine, string host)
    {
        var address = IPAddress.Parse(host);
        var closed = UdpServer.Nobody(address);
        using var open = new UdpServer(new IPEndPoint(address, 0));
        var listen = new IPEndPoint(address, 0);
        await using var run = await UdpInstance.StartAsync($"  - {{ name: echo, listen: '{listen}/udp', to: ['{closed}', '{open.Address}'], balance: first, engine: {engine} }}");
        using var client = new UdpCaller(await run.AddressAsync("echo"));
        Assert.EndsWith("hello", await client.AskUntilAsync("hello", static answer => answer.EndsWith("hello", StringComparison.Ordinal)), StringComparison.Ordinal);
        var answers = new[] { await client.AskAsync("1"), await client.AskAsync("2") };
        Assert.Equal(1, (await run.StatusAsync("echo")).GetProperty("accepted").GetInt64());
        Assert.NotEmpty(answers);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_session_follows_its_upstreams_name_through_two_changes(string engine)
    {
        Peers.RequireRoot();
        var unshare = Peers.Require("unshare", "util-linux");
        using var folder = new Folder();
        using var first = new UdpServer(new IPEndPoint(IPAddress.Parse("127.0.0.2"), 0));
        using var second = new UdpServer(new IPEndPoint(IPAddress.Parse("127.0.0.3"), first.Address.Port));
        using var third = new UdpServer(new IPEndPoint(IPAddress.Parse("127.0.0.4"), first.Address.Port));
        var hosts = folder.Write("hosts", "127.0.0.2 moving.test\n");
        folder.Write("nsswitch.conf", "hosts: files\n");
        var setUp = $"exec {unshare} --mount /bin/sh -c 'mount --bind {hosts} /etc/hosts && mount --bind {folder.Path}/nsswitch.conf /etc/nsswitch.conf && exec \"$0\" \"$@\"' \"$0\" \"$@\"";
        await using var run = await UdpInstance.StartAsync(
            $"  - {{ name: echo, listen: '127.0.0.1:0/udp', to: 'moving.test:{first.Address.Port}', resolve: 1s, engine: {engine} }}", arguments => Running.StartBy(setUp, arguments));
        using var client = new UdpCaller(await run.AddressAsync("echo"));
        await client.AskAsync("1");
        Assert.Single(first.Arrived);

        foreach (var (next, number) in new[] { (second, 3), (third, 4) })
        {
            // In one write, and into the file that is mounted: nobody may read half of it.
            using (var file = new FileStream(hosts, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0))
                file.Write(Encoding.ASCII.GetBytes($"127.0.0.{number} moving.test\n"));
            await client.AskUntilAsync($"{number}", _ => !next.Arrived.IsEmpty);
        }
        Assert.EndsWith("5", await client.AskUntilAsync("5", answer => answer.EndsWith('5')), StringComparison.Ordinal);
        var status = await run.StatusAsync("echo");
        Assert.Equal((1, 1), (status.GetProperty("accepted").GetInt64(), status.GetProperty("connections").GetInt64()));
    }

    /// <summary>Servers of a protocol that tells its connections by a number in each packet, not by addresses, as QUIC and WireGuard do.</summary>
    private sealed class Connected : IDisposable
    {
        public Connected(int count) => Servers = [.. Enumerable.Range(0, count).Select(_ => new UdpServer(answer: static (packet, _) => packet))];

        public IReadOnlyList<UdpServer> Servers { get; }

        public string List => string.Join(", ", Servers.Select(server => $"'{server.Address}'"));

        public static byte[] Packet(int connection, int sequence)
        {
            var packet = new byte[1200];
            BinaryPrimitives.WriteInt32BigEndian(packet, connection);
            BinaryPrimitives.WriteInt32BigEndian(packet.AsSpan(4), sequence);
            return packet;
        }

        public static bool IsOf(int connection, byte[] packet) => BinaryPrimitives.ReadInt32BigEndian(packet) == connection;

        public static int SequenceOf(byte[] packet) => BinaryPrimitives.ReadInt32BigEndian(packet.AsSpan(4));

        public void Dispose()
        {
            foreach (var server in Servers)
                server.Dispose();
        }
    }
}
