using System.Net;
using System.Net.Sockets;
using System.Runtime.Versioning;
using System.Text;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests;

/// <summary>Datagrams through a tunnel to a hub, on either engine.</summary>
public abstract class TunnelDatagramContract(EngineKind kind)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory(Timeout = 30000), InlineData("127.0.0.1"), InlineData("localhost")]
    public async Task The_far_end_sends_and_the_answer_comes_back(string host)
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(Via(server, host));
        using UdpClient one = Client(rig), other = Client(rig);
        foreach (var (client, word) in ((UdpClient, string)[])[(one, "from one"), (other, "from the other"), (one, "again"), (other, "")])
        {
            await client.SendAsync(Encoding.ASCII.GetBytes(word), Cancel);
            var got = await server.ReceiveAsync(Cancel);
            Assert.Equal(word, Encoding.ASCII.GetString(got.Buffer));
            await server.SendAsync(Encoding.ASCII.GetBytes($"{word}!"), got.RemoteEndPoint, Cancel);
            Assert.Equal($"{word}!", Encoding.ASCII.GetString((await client.ReceiveAsync(Cancel)).Buffer));
        }
        Assert.Equal(2, rig.Near.Engine.SessionCount);
        Assert.Equal(2, rig.Far.Engine.Connections().Count(session => session.Upstream == "udp"));
    }

    [Fact(Timeout = 30000)]
    public async Task The_longest_datagram_passes()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(Via(server));
        using var client = Client(rig);
        var bytes = Traffic.RandomBytes(DatagramBatch.MaxLength, seed: 1);
        await client.SendAsync(bytes, Cancel);
        var got = await server.ReceiveAsync(Cancel);
        Assert.Equal(bytes, got.Buffer);
        await server.SendAsync(bytes, got.RemoteEndPoint, Cancel);
        Assert.Equal(bytes, (await client.ReceiveAsync(Cancel)).Buffer);
    }

    [Fact(Timeout = 30000)]
    public async Task A_session_that_ends_here_ends_there()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(Via(server));
        using var client = Client(rig);
        await client.SendAsync("hello"u8.ToArray(), Cancel);
        await server.ReceiveAsync(Cancel);
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().Any(session => session.Upstream == "udp"));
        Assert.True(rig.Near.Engine.Close(rig.Near.Engine.Connections().Single().Id));
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().All(session => session.Upstream != "udp"));
        await Traffic.UntilAsync(() => rig.Far.Sessions.Any(session => session["upstream"] is "udp"));
        var ended = rig.Far.Sessions.Single(session => session["upstream"] is "udp");
        Assert.Equal(("closed", 5L), (ended["end"], ended["bytes_from_client"]));
    }

    [Theory(Timeout = 30000), InlineData("permitopen=\"127.0.0.1:1\""), InlineData("restrict"), InlineData("permitopen=\"none\"")]
    public async Task A_key_sends_where_it_may_connect_and_nowhere_else(string options)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(Via(server));
        using var client = Client(rig);
        await client.SendAsync("hello"u8.ToArray(), Cancel);
        await Traffic.UntilAsync(() => rig.Far.Engine.Status().Any(forward => forward.Dropped.ContainsKey("denied")) || rig.Far.Log.Any(entry => entry.Event == "hub_refused"));
        // What would have arrived has been looked at.
        Assert.Equal(0, server.Available);
    }

    [Fact(Timeout = 30000)]
    public async Task An_association_of_SOCKS_sends_from_the_far_end()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(new ForwardConfig { Name = "browse", Listen = [Endpoint.Parse("127.0.0.1:0")], To = [new UpstreamConfig(new DynamicEndpoint())], Tunnel = "office", Engine = kind });
        using var control = await rig.Near.ConnectAsync(rig.ListenOf("browse"));
        await control.WriteAsync((byte[])[5, 1, 0, .. Socks5Request.Write(SocksCommand.UdpAssociate, SocksAddress.None)]);
        await Traffic.ExpectAsync(control, [5, 0]);
        var reply = new byte[10];
        Assert.Equal(reply.Length, await control.ReadAsync(reply));
        Assert.Equal(0, reply[1]);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        client.Connect(IPAddress.Loopback, (reply[8] << 8) | reply[9]);
        foreach (var target in (EndPoint[])[server.Client.LocalEndPoint!, new DnsEndPoint("localhost", ((IPEndPoint)server.Client.LocalEndPoint!).Port)])
        {
            await client.SendAsync(Datagram(target, "question"), Cancel);
            var got = await server.ReceiveAsync(Cancel);
            Assert.Equal("question", Encoding.ASCII.GetString(got.Buffer));
            await server.SendAsync("answer"u8.ToArray(), got.RemoteEndPoint, Cancel);
            Assert.Equal(Datagram(server.Client.LocalEndPoint!, "answer"), (await client.ReceiveAsync(Cancel)).Buffer);
        }
        control.Dispose();
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().All(session => session.Upstream != "udp"));
    }

    [Theory(Timeout = 30000), InlineData("localhost:0/udp"), InlineData("127.0.0.1:0/tcp+udp")]
    public async Task The_far_end_listens_and_says_who_sent(string listen)
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(At(server, listen));
        var port = await RemotePortAsync(rig);
        using var one = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var other = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        foreach (var (client, word) in ((UdpClient, string)[])[(one, "from one"), (other, "from the other"), (one, ""), (other, new string('x', 60_000))])
        {
            await client.SendAsync(Encoding.ASCII.GetBytes(word), "127.0.0.1", port, Cancel);
            var got = await server.ReceiveAsync(Cancel);
            Assert.Equal(word, Encoding.ASCII.GetString(got.Buffer));
            await server.SendAsync(got.Buffer, got.RemoteEndPoint, Cancel);
            Assert.Equal(word, Encoding.ASCII.GetString((await client.ReceiveAsync(Cancel)).Buffer));
        }
        var clients = rig.Near.Engine.Connections().Select(session => session.Client).Order().ToArray();
        Assert.Equal(new[] { one, other }.Select(client => client.Client.LocalEndPoint!.ToString()!).Order(), clients);
    }

    [Fact(Timeout = 30000)]
    public async Task What_the_far_end_listens_on_comes_back_with_the_hub_and_goes_with_the_forward()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(At(server, "localhost:0/udp"));
        var first = await RemotePortAsync(rig);
        // Both connections of the tunnel.
        Assert.Equal(2, rig.Far.Engine.CloseAll("hub"));
        var second = await RemotePortAsync(rig, number: 2);
        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        await client.SendAsync("again"u8.ToArray(), "127.0.0.1", second, Cancel);
        Assert.Equal("again", Encoding.ASCII.GetString((await server.ReceiveAsync(Cancel)).Buffer));
        // Its sessions would answer through it as long as they live.
        Assert.Equal(1, rig.Near.Engine.CloseAll("game"));
        rig.Start();
        await Traffic.UntilAsync(() => rig.Far.Engine.Connections().All(session => session.Upstream?.EndsWith("/udp", StringComparison.Ordinal) != true));
        Assert.NotEqual(0, first);
    }

    [Theory(Timeout = 30000), InlineData("permitlisten=\"localhost:1\""), InlineData("restrict")]
    public async Task A_key_listens_where_it_may_and_nowhere_else(string options)
    {
        await using var rig = new TunnelRig(kind);
        rig.Authorize(options);
        rig.StartHub();
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        rig.Start(At(server, "localhost:0/udp"));
        await rig.UntilToldAsync(rig.Near, "tunnel_listen_refused");
        Assert.Contains(rig.Far.Log, entry => entry.Event == "hub_refused");
    }

    // Else a key with a port would be a way to send anything to anybody from there.
    [Fact(Timeout = 30000)]
    public async Task Through_a_port_of_the_hub_only_who_has_sent_is_answered()
    {
        await using var rig = new TunnelRig(kind);
        rig.StartHub();
        using var network = new PortableNetwork();
        var dial = await network.Dialer.DialAsync(new IPEndPoint(IPAddress.Loopback, rig.Port), TimeSpan.FromSeconds(20), Cancel);
        var made = await SshConnection.ConnectAsync(dial.Connection!, Fairlead.Tests.Ssh.SshPair.ClientOptions, Cancel);
        using var victim = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        using var sender = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var sink = new Sink();
        await made.Connection!.Context.RunAsync(async () =>
        {
            var opened = await made.Connection.OpenDatagramsAsync(new SshOpen.UdpListen("localhost", 0), sink, Cancel);
            await sender.SendAsync("hello"u8.ToArray(), "127.0.0.1", opened.Port!.Value, Cancel);
            await Traffic.UntilAsync(() => sink.Count == 1);
            Send(opened.Datagrams!, Datagram(victim.Client.LocalEndPoint!, "unasked"));
            Send(opened.Datagrams!, [1, 2, 3]);
            Send(opened.Datagrams!, Datagram(sender.Client.LocalEndPoint!, "asked"));
        });
        Assert.Equal("asked", Encoding.ASCII.GetString((await sender.ReceiveAsync(Cancel)).Buffer));
        Assert.Equal(0, victim.Available);
        var dropped = rig.Far.Engine.Status().Single(forward => forward.Name == "hub-channels").Dropped;
        Assert.Equal((1, 1), (dropped["unwanted"], dropped["malformed"]));
        await made.Connection.Context.RunAsync(() => made.Connection.DisconnectAsync());
    }

    private static void Send(SshDatagrams datagrams, byte[] datagram) => datagrams.Send(new DatagramBatch(datagram, [new DatagramPlace(0, datagram.Length)]));

    private sealed class Sink : IDatagramSink
    {
        private int count;

        public int Count => Volatile.Read(ref count);

        public void OnDatagrams(in DatagramBatch batch) => Interlocked.Add(ref count, batch.Count);

        public void OnLost(DatagramLoss loss, int count)
        {
        }

        public void OnError(DatagramError error)
        {
        }
    }

    private ForwardConfig At(UdpClient server, string listen) => new()
    {
        Name = "game",
        Listen = [Endpoint.Parse(listen)],
        To = [new UpstreamConfig(Endpoint.Parse($"127.0.0.1:{((IPEndPoint)server.Client.LocalEndPoint!).Port}"))],
        At = "office",
        Engine = kind,
    };

    private static async Task<int> RemotePortAsync(TunnelRig rig, int number = 1)
    {
        var found = Array.Empty<string>();
        await Traffic.UntilAsync(() => (found = [.. rig.Near.Log.Where(entry => entry.Event == "tunnel_listening").Select(entry => (string)entry.Fields.Single(field => field.Key == "listen").Value!).Where(text => text.EndsWith("/udp", StringComparison.Ordinal))]).Length >= number);
        var text = found[number - 1][..^"/udp".Length];
        return int.Parse(text[(text.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    private ForwardConfig Via(UdpClient server, string host = "127.0.0.1") => new()
    {
        Name = "dns",
        Listen = [Endpoint.Parse("127.0.0.1:0/udp")],
        To = [new UpstreamConfig(Endpoint.Parse($"{host}:{((IPEndPoint)server.Client.LocalEndPoint!).Port}"))],
        Tunnel = "office",
        Engine = kind,
    };

    private static UdpClient Client(TunnelRig rig)
    {
        var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var listen = rig.Near.Engine.Status().Single(forward => forward.Name == "dns").Listen[0];
        client.Connect(IPEndPoint.Parse(listen[..listen.LastIndexOf('/')]));
        return client;
    }

    private static byte[] Datagram(EndPoint address, string text)
    {
        var datagram = new byte[SocksDatagramHeader.MostBytes];
        return [.. datagram[..SocksDatagramHeader.Write(address, datagram)], .. Encoding.ASCII.GetBytes(text)];
    }
}

[SupportedOSPlatform("linux")]
public sealed class NativeTunnelDatagramTests() : TunnelDatagramContract(EngineKind.Native);

public sealed class PortableTunnelDatagramTests() : TunnelDatagramContract(EngineKind.Portable);
