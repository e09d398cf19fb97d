using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests.Forwarding;

public sealed class NativeHeardClientTests() : HeardClientContract(EngineKind.Native);

public sealed class PortableHeardClientTests() : HeardClientContract(EngineKind.Portable);

/// <summary>What is heard from clients before it is known where they go: PROXY headers, names by TLS, TLS itself.</summary>
public abstract class HeardClientContract : IAsyncDisposable
{
    private readonly ForwardingRig rig;
    private readonly Authority authority = new();

    protected HeardClientContract(EngineKind kind) => rig = new ForwardingRig(kind);

    public async ValueTask DisposeAsync()
    {
        await rig.DisposeAsync();
        authority.Dispose();
        GC.SuppressFinalize(this);
    }

    [Theory(Timeout = 60000)]
    [InlineData("PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n", "192.0.2.7:5000")]
    [InlineData("PROXY TCP6 2001:db8::7 2001:db8::1 5000 80\r\n", "[2001:db8::7]:5000")]
    [InlineData("PROXY UNKNOWN\r\n", null)]
    [InlineData("v2", "192.0.2.7:5000")]
    [InlineData("v2 local", null)]
    public async Task A_header_says_who_the_client_is_however_it_is_cut(string header, string? client)
    {
        var bytes = header switch
        {
            "v2" => ProxyProtocolHeader.WriteV2(IPEndPoint.Parse("192.0.2.7:5000"), IPEndPoint.Parse("192.0.2.1:80"), isDatagram: false),
            "v2 local" => ProxyProtocolHeader.WriteV2Local(),
            _ => Encoding.ASCII.GetBytes(header),
        };
        var through = rig.Start(Forward(rig.Echo()) with { ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] } });
        for (var cut = 0; cut <= bytes.Length; cut += 3)
        {
            using var connection = await rig.ConnectAsync(through);
            await connection.WriteAsync(bytes.AsMemory(0, cut));
            await connection.WriteAsync((byte[])[.. bytes[cut..], .. "hello"u8]);
            await Traffic.ExpectAsync(connection, "hello"u8.ToArray());
        }
        await rig.StopAsync();
        Assert.All(rig.Sessions, session => Assert.True(client is null ? ((string)session["client"]!).StartsWith("127.0.0.1:", StringComparison.Ordinal) : (string)session["client"]! == client));
    }

    [Theory(Timeout = 30000)]
    [InlineData("GET / HTTP/1.1\r\n", "bad_request")]
    [InlineData("PROXY TCP4 192.0.2.7 192.0.2.1 5000 99999\r\n", "bad_request")]
    [InlineData("PROXY", "closed")]
    public async Task Where_a_header_is_required_who_sends_none_is_reset(string said, string word)
    {
        var through = rig.Start(Forward(rig.Echo()) with { ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] } });
        using var connection = await rig.ConnectAsync(through);
        await Traffic.SendAsync(connection, Encoding.ASCII.GetBytes(said));
        await ForwardingRig.AssertResetAsync(connection);
        await rig.StopAsync();
        Assert.Equal(word, rig.Sessions.Single()["end"]);
    }

    [Fact(Timeout = 30000)]
    public async Task A_header_from_elsewhere_is_the_client_s_own_words()
    {
        var through = rig.Start(Forward(rig.Echo()) with { ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("192.0.2.0/24")] } });
        using var connection = await rig.ConnectAsync(through);
        var header = "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"u8.ToArray();
        await Task.WhenAll(Traffic.SendAsync(connection, header), Traffic.ExpectToEndAsync(connection, header));
    }

    [Fact(Timeout = 30000)]
    public async Task Rules_and_routes_are_asked_about_the_client_of_the_header()
    {
        var forward = Forward(rig.Greet("elsewhere")) with
        {
            ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] },
            Deny = [IPNetwork.Parse("192.0.2.9/32")],
            Routes = [new RouteConfig { From = [IPNetwork.Parse("192.0.2.7/32")], To = Forward(rig.Greet("routed")).To }],
        };
        var through = rig.Start(forward);
        Assert.Equal("routed", await SayAsync(through, "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"));
        Assert.Equal("elsewhere", await SayAsync(through, "PROXY TCP4 192.0.2.8 192.0.2.1 5000 80\r\n"));
        Assert.Equal(nameof(ConnectionError.Reset), await SayAsync(through, "PROXY TCP4 192.0.2.9 192.0.2.1 5000 80\r\n"));
    }

    [Theory(Timeout = 30000), InlineData(ProxyHeader.V1), InlineData(ProxyHeader.V2)]
    public async Task An_upstream_is_told_who_the_client_is_before_anything_else(ProxyHeader version)
    {
        using var server = rig.Listen();
        var through = rig.Start(Forward(server.LocalEndPoint) with { ProxyProtocol = new ProxyProtocolConfig { Send = version } });
        var client = await rig.ConnectAsync(through);
        var (source, destination) = ((IPEndPoint)client.LocalEndPoint!, (IPEndPoint)client.RemoteEndPoint!);
        var accepted = await rig.AcceptAsync(server);
        await Traffic.ExpectAsync(accepted, version == ProxyHeader.V1 ? ProxyProtocolHeader.WriteV1(source, destination) : ProxyProtocolHeader.WriteV2(source, destination, isDatagram: false));
        await Traffic.SayAsync(client, accepted, "hello");
    }

    [Fact(Timeout = 30000)]
    public async Task What_a_header_says_is_passed_on_by_another()
    {
        using var server = rig.Listen();
        var through = rig.Start(Forward(server.LocalEndPoint) with { ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")], Send = ProxyHeader.V1 } });
        var client = await rig.ConnectAsync(through);
        await client.WriteAsync(ProxyProtocolHeader.WriteV2(IPEndPoint.Parse("192.0.2.7:5000"), IPEndPoint.Parse("192.0.2.1:80"), isDatagram: false));
        await Traffic.ExpectAsync(await rig.AcceptAsync(server), "PROXY TCP4 192.0.2.7 192.0.2.1 5000 80\r\n"u8.ToArray());
    }

    [Fact(Timeout = 60000)]
    public async Task A_name_chooses_the_route_however_the_hello_is_cut()
    {
        using var one = rig.Listen();
        var other = rig.Greet("no name");
        var through = rig.Start(Forward(other) with { Routes = [new RouteConfig { Sni = [NamePattern.Parse("*.example.com")], To = Forward(one.LocalEndPoint).To }] });
        var hello = await HelloAsync("www.example.com");
        for (var cut = 0; cut < hello.Length; cut += hello.Length / 23)
        {
            var client = await rig.ConnectAsync(through);
            await client.WriteAsync(hello.AsMemory(0, cut));
            await client.WriteAsync(hello.AsMemory(cut));
            await Traffic.ExpectAsync(await rig.AcceptAsync(one), hello);
        }
        Assert.Equal("no name", await SayAsync(through, Encoding.Latin1.GetString(await HelloAsync("www.example.org"))));
        Assert.Equal("no name", await SayAsync(through, "SSH-2.0-x\r\n"));
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_whom_a_route_takes_before_names_are_asked_for_need_not_say_anything()
    {
        var through = rig.Start(Forward(rig.Greet("named")) with
        {
            Routes =
            [
                new RouteConfig { From = [IPNetwork.Parse("127.0.0.0/8")], To = Forward(rig.Greet("first")).To },
                new RouteConfig { Sni = [NamePattern.Parse("a.example")], To = Forward(rig.Greet("second")).To },
            ],
        });
        Assert.Equal("first", await rig.ReadWordAsync(through));
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_does_not_say_its_name_in_time_is_reset()
    {
        var through = rig.Start(Forward(rig.Greet("late")) with
        {
            Routes = [new RouteConfig { Sni = [NamePattern.Parse("a.example")], To = Forward(rig.Greet("named")).To }],
            Timeouts = new ForwardTimeouts { FirstBytes = TimeSpan.FromMilliseconds(50) },
        });
        using var client = await rig.ConnectAsync(through);
        await client.WriteAsync((byte[])[22, 3]);
        await ForwardingRig.AssertResetAsync(client);
        await rig.StopAsync();
        Assert.Equal("first_bytes_timeout", rig.Sessions.Single()["end"]);
    }

    [Fact(Timeout = 60000)]
    public async Task TLS_ends_here_its_name_chooses_the_route_and_what_follows_is_plain_both_ways()
    {
        var (certificate, key) = authority.Issue("server", ["one.example", "two.example"]);
        var through = (IPEndPoint)rig.Start(Forward(rig.Echo()) with
        {
            Tls = new TlsConfig { Certificate = [certificate], Key = [key] },
            Routes = [new RouteConfig { Sni = [NamePattern.Parse("two.example")], To = Forward(rig.Greet("two")).To }],
        });
        var bytes = Traffic.RandomBytes(3 << 20, seed: 1);
        using (var socket = await ConnectAsync(through))
        await using (var one = await SecureAsync(socket, "one.example"))
        {
            var received = new byte[bytes.Length];
            await Task.WhenAll(SendAsync(one, bytes), one.ReadExactlyAsync(received, Cancel).AsTask());
            Assert.Equal(bytes, received);
            Assert.Equal(0, await one.ReadAsync(received, Cancel));
        }
        using (var socket = await ConnectAsync(through))
        await using (var two = await SecureAsync(socket, "two.example"))
            Assert.Equal("two", await new StreamReader(two).ReadToEndAsync(Cancel));
        using var plain = await rig.ConnectAsync(through);
        await plain.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        await ForwardingRig.AssertResetAsync(plain);
    }

    [Fact(Timeout = 60000)]
    public async Task An_upstream_is_spoken_to_inside_TLS_behind_its_header_and_one_that_cannot_be_believed_is_not_spoken_to()
    {
        var (certificate, key) = authority.Issue("server", ["db.internal"]);
        var first = rig.Forward(rig.Echo()) with { Name = "first", Tls = new TlsConfig { Certificate = [certificate], Key = [key] }, ProxyProtocol = new ProxyProtocolConfig { AcceptFrom = [IPNetwork.Parse("127.0.0.0/8")] } };
        var inner = rig.Engine.Apply([first with { Listen = [new PortEndpoint("127.0.0.1", new PortRange(FreePorts.One()), PortProtocols.Tcp)] }]).Added.Single().Listen[0];
        UpstreamConfig To(string name, ProxyHeader header) => new(inner) { Tls = new UpstreamTlsConfig { Name = name, Ca = authority.RootFile }, ProxyProtocol = header };
        var present = rig.Engine.Status();
        Assert.Single(present);
        var port = FreePorts.Range(2);
        rig.Engine.Apply(
        [
            first with { Listen = [inner] },
            rig.Forward(IPEndPoint.Parse("127.0.0.1:1")) with { Name = "right", Listen = [new PortEndpoint("127.0.0.1", new PortRange(port), PortProtocols.Tcp)], To = [To("db.internal", ProxyHeader.V2)] },
            rig.Forward(IPEndPoint.Parse("127.0.0.1:1")) with { Name = "wrong", Listen = [new PortEndpoint("127.0.0.1", new PortRange(port + 1), PortProtocols.Tcp)], To = [To("other.internal", ProxyHeader.V1)] },
        ]);
        using var client = await rig.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        var bytes = Traffic.RandomBytes(1 << 20, seed: 2);
        await Task.WhenAll(Traffic.SendAsync(client, bytes), Traffic.ExpectToEndAsync(client, bytes));
        using var refused = await rig.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port + 1));
        await ForwardingRig.AssertResetAsync(refused);
        await rig.StopAsync();
        Assert.Contains("is not trusted", (string)rig.Sessions.Single(session => (string)session["forward"]! == "wrong")["detail"]!, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public void A_certificate_that_cannot_be_used_refuses_the_start_and_a_reload_and_changes_nothing()
    {
        var (certificate, key) = authority.Issue("server", ["a.example"]);
        var good = Forward(rig.Echo()) with { Name = "good", Tls = new TlsConfig { Certificate = [certificate], Key = [key] } };
        rig.Start(good);
        var refusal = Assert.Throws<ForwardException>(() => rig.Engine.Apply([good with { Tls = good.Tls! with { Certificate = [authority.PathOf("missing.pem")] } }]));
        Assert.Contains("missing.pem", refusal.Message, StringComparison.Ordinal);
        Assert.Equal("good", rig.Engine.Status().Single().Name);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private ForwardConfig Forward(EndPoint to) => rig.Forward(to);

    private async Task<string> SayAsync(EndPoint through, string said)
    {
        using var client = await rig.ConnectAsync(through);
        await client.WriteAsync(Encoding.Latin1.GetBytes(said));
        var (bytes, error) = await Traffic.DrainAsync(client);
        return error?.ToString() ?? Encoding.ASCII.GetString(bytes);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint to)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to, Cancel);
        return socket;
    }

    private async Task<SslStream> SecureAsync(Socket socket, string name)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.Add(authority.Root);
        var stream = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false);
        await stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, CertificateChainPolicy = policy }, Cancel);
        return stream;
    }

    private static async Task SendAsync(SslStream stream, byte[] bytes)
    {
        await stream.WriteAsync(bytes, Cancel);
        await stream.ShutdownAsync();
    }

    // What a client of TLS says first.
    private static async Task<byte[]> HelloAsync(string name)
    {
        var (near, far) = MemoryConnection.CreatePair();
        using var client = new TlsClient(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32])] }, name, TimeProvider.System, _ => { });
        var handshake = client.ConnectAsync(near, name, TimeProvider.System, TimeSpan.FromSeconds(20)).AsTask();
        await TestTls.PeekAsync(far);
        var hello = new byte[far.UnreadCount];
        await Traffic.ExpectAsync(far, hello = await ReadAsync(far, hello.Length));
        far.Abort();
        await handshake;
        return hello;
    }

    private static async Task<byte[]> ReadAsync(Connection from, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
            read += await from.ReadAsync(bytes.AsMemory(read));
        from.Unread(bytes);
        return bytes;
    }
}
