using System.Runtime.Versioning;
using System.Security.Authentication;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>A relay that ends the TLS of its client and begins it with its upstream.</summary>
public sealed class TlsRelayRig(NetworkRig network, SslProtocols version) : NetworkRelayRig(network)
{
    private readonly TlsPair tls = new(version);

    public override async Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side)
    {
        var (outer, inner) = await base.ConnectAsync(side);
        var (client, server) = side == Side.Client ? await tls.SecureAsync(outer, inner) : await tls.SecureAsync(inner, outer);
        return side == Side.Client ? (client, server) : (server, client);
    }

    public override Relay Make(Connection client, Connection upstream, RelayOptions options)
    {
        var relay = Relay.Between(client, upstream, options);
        Assert.IsType<CopyRelay>(relay);
        return relay;
    }

    public override void Limit(Connection connection) => base.Limit(((TlsConnection)connection).Inner);

    public override void Dispose()
    {
        base.Dispose();
        tls.Dispose();
    }
}

[SupportedOSPlatform("linux")]
public sealed class RelayInsideTls13OnALoopTests() : RelayContract(new TlsRelayRig(new NativeTcpRig(), SslProtocols.Tls13));

[SupportedOSPlatform("linux")]
public sealed class RelayInsideTls12OnALoopTests() : RelayContract(new TlsRelayRig(new NativeTcpRig(), SslProtocols.Tls12));

public sealed class RelayInsideTls13OnThePoolTests() : RelayContract(new TlsRelayRig(new TcpRig(new PortableNetwork()), SslProtocols.Tls13));

public sealed class TlsTurnTests
{
    /// <summary>Both ends end while what the other one says is being read: on the pool that is at the same time.</summary>
    [Theory(Timeout = 60000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task An_end_that_is_sent_while_bytes_are_read_breaks_nothing(SslProtocols version)
    {
        using var rig = new TcpRig(new PortableNetwork());
        using var tls = new TlsPair(version);
        byte[] bytes = Traffic.RandomBytes(40_000, seed: 1);
        for (var round = 0; round < 150; round++)
        {
            var (near, far) = await rig.ConnectAsync();
            var (client, server) = await tls.SecureAsync(near, far);
            await Task.WhenAll(
                Traffic.SendAsync(client, bytes, () => 50),
                Traffic.ExpectToEndAsync(server, bytes, Sizes(server, round)));
            Assert.Equal(0, await client.ReadAsync(new byte[1]));
            client.Dispose();
            server.Dispose();
        }

        // Begins the end on another thread before one of the reads.
        static Func<int> Sizes(Connection server, int round)
        {
            var reads = 0;
            return () =>
            {
                if (reads++ == round % 100)
                    _ = Task.Run(() => server.CompleteWritesAsync().AsTask());
                return 50;
            };
        }
    }
}

public sealed class TruncationTests
{
    [Theory(Timeout = 30000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task A_truncated_answer_reaches_the_client_as_a_reset(SslProtocols version)
    {
        using var rig = new TlsRelayRig(new TcpRig(new PortableNetwork()), version);
        var (client, near) = await rig.ConnectAsync(Side.Client);
        var (upstream, far) = await rig.ConnectAsync(Side.Upstream);
        var ending = rig.Make(near, far, new RelayOptions()).RunAsync();
        await Traffic.SayAsync(client, upstream, "question");
        await Traffic.SayAsync(upstream, client, "half an ans");
        await ((TlsConnection)upstream).Inner.CompleteWritesAsync();
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(client)).Error);
        var result = await ending;
        Assert.Equal((RelayEnd.Reset, Side.Upstream), (result.End, result.By));
        foreach (var connection in new[] { client, near, far, upstream })
            connection.Dispose();
    }
}
