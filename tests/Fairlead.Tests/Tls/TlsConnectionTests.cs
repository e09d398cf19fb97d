using System.Net;
using System.Runtime.Versioning;
using System.Security.Authentication;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>What every connection does, inside TLS.</summary>
public abstract class TlsConnectionContract(SslProtocols version, NetworkRig? network = null) : ConnectionContract, IDisposable
{
    private readonly TlsPair tls = new(version);

    protected override Task RunAsync(Func<Task> test) => network is null ? test() : network.RunAsync(test);

    protected override async Task<(Connection First, Connection Second)> ConnectAsync()
    {
        var (near, far) = network is null ? MemoryConnection.CreatePair() : await network.ConnectAsync();
        var (client, server) = await tls.SecureAsync(near, far);
        Assert.Equal((version, version), (client.Version, server.Version));
        return (client, server);
    }

    public void Dispose()
    {
        network?.Dispose();
        tls.Dispose();
        GC.SuppressFinalize(this);
    }
}

public sealed class Tls13InMemoryTests() : TlsConnectionContract(SslProtocols.Tls13);

public sealed class Tls12InMemoryTests() : TlsConnectionContract(SslProtocols.Tls12);

public sealed class Tls13OverPortableTcpTests() : TlsConnectionContract(SslProtocols.Tls13, new TcpRig(new PortableNetwork()));

[SupportedOSPlatform("linux")]
public sealed class Tls13OverNativeTcpTests() : TlsConnectionContract(SslProtocols.Tls13, new NativeTcpRig());

[SupportedOSPlatform("linux")]
public sealed class Tls12OverNativeTcpTests() : TlsConnectionContract(SslProtocols.Tls12, new NativeTcpRig());

/// <summary>How TLS ends, where it does not end as it should.</summary>
public sealed class TlsConnectionTests
{
    [Theory(Timeout = 30000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task An_end_without_a_close_notify_is_a_reset_behind_what_came_before(SslProtocols version)
    {
        using var tls = new TlsPair(version);
        var (client, server) = await ConnectAsync(tls);
        await server.WriteAsync("half an answer"u8.ToArray());
        await server.Inner.CompleteWritesAsync();

        var (bytes, error) = await Traffic.DrainAsync(client);
        Assert.Equal("half an answer"u8, bytes);
        Assert.Equal(ConnectionError.Reset, error);
        // And stays one.
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(client)).Error);
        Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(() => client.WriteAsync(new byte[1]).AsTask())).Error);
    }

    [Theory(Timeout = 30000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task An_end_within_a_record_is_a_reset(SslProtocols version)
    {
        using var tls = new TlsPair(version);
        var (client, server) = await ConnectAsync(tls);
        await server.Inner.WriteAsync(new byte[] { 23, 3, 3, 1, 0, 42 });
        await server.Inner.CompleteWritesAsync();
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(client)).Error);
    }

    [Theory(Timeout = 30000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task After_this_ends_own_close_notify_an_end_without_one_is_an_end_in_version_12_alone(SslProtocols version)
    {
        using var tls = new TlsPair(version);
        var (client, server) = await ConnectAsync(tls);
        await client.CompleteWritesAsync();
        Assert.Equal(0, await server.ReadAsync(new byte[1]));
        await server.WriteAsync("answer"u8.ToArray());
        await server.Inner.CompleteWritesAsync();

        var (bytes, error) = await Traffic.DrainAsync(client);
        Assert.Equal("answer"u8, bytes);
        Assert.Equal(version == SslProtocols.Tls12 ? null : ConnectionError.Reset, error);
    }

    [Theory(Timeout = 30000), InlineData(SslProtocols.Tls12), InlineData(SslProtocols.Tls13)]
    public async Task Bytes_that_are_not_the_peers_are_a_reset(SslProtocols version)
    {
        using var tls = new TlsPair(version);
        var (client, server) = await ConnectAsync(tls);
        await server.Inner.WriteAsync((byte[])[23, 3, 3, 0, 40, .. new byte[40]]);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(client)).Error);

        (client, server) = await ConnectAsync(tls);
        await client.Inner.WriteAsync("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(server)).Error);
    }

    [Fact(Timeout = 30000)]
    public async Task A_close_says_so_to_the_peer_and_an_abort_does_not()
    {
        using var tls = new TlsPair();
        var (client, server) = await ConnectAsync(tls);
        server.Dispose();
        Assert.Null((await Traffic.DrainAsync(client)).Error);

        (client, server) = await ConnectAsync(tls);
        server.Abort();
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(client)).Error);
    }

    [Fact(Timeout = 30000)]
    public async Task It_is_where_and_with_whom_the_connection_beneath_is()
    {
        using var tls = new TlsPair();
        using var network = new TcpRig(new PortableNetwork());
        var (near, far) = await network.ConnectAsync();
        var (client, server) = await tls.SecureAsync(near, far);
        Assert.Equal((near.LocalEndPoint, near.RemoteEndPoint, near.RemoteKey, near.Context), (client.LocalEndPoint, client.RemoteEndPoint, client.RemoteKey, client.Context));
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
        client.Dispose();
        server.Dispose();
    }

    private static async Task<(TlsConnection Client, TlsConnection Server)> ConnectAsync(TlsPair tls)
    {
        var (near, far) = MemoryConnection.CreatePair();
        return await tls.SecureAsync(near, far);
    }
}

[SupportedOSPlatform("linux")]
public sealed class TlsOnTheLoopTests
{
    [Fact(Timeout = 30000)]
    public async Task Every_call_of_a_native_connection_is_on_its_loop_and_no_read_or_write_leaves_it()
    {
        using var tls = new TlsPair();
        using var network = new NativeTcpRig();
        await network.RunAsync(async () =>
        {
            var (near, far) = await network.ConnectAsync();
            var (client, server) = await tls.SecureAsync(new OnLoop(near), new OnLoop(far));
            byte[] forth = Traffic.RandomBytes(3 << 20, seed: 1), back = Traffic.RandomBytes(3 << 20, seed: 2);
            await Task.WhenAll(
                Traffic.SendAsync(client, forth, Traffic.OddSizes(3)), Traffic.ExpectToEndAsync(server, forth, Traffic.OddSizes(4)),
                Traffic.SendAsync(server, back, Traffic.OddSizes(5)), Traffic.ExpectToEndAsync(client, back, Traffic.OddSizes(6)));
            Assert.NotNull(EventLoop.Current);
            client.Dispose();
            server.Dispose();
        });
    }

    /// <summary>A connection that is used on its loop only, and goes on there.</summary>
    private sealed class OnLoop(Connection inner) : Connection
    {
        public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

        public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

        public override SynchronizationContext? Context => inner.Context;

        protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
        {
            Verify();
            var count = await inner.ReadAsync(buffer);
            Verify();
            return count;
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            Verify();
            await inner.WriteAsync(bytes);
            Verify();
        }

        public override ValueTask CompleteWritesAsync()
        {
            Verify();
            return inner.CompleteWritesAsync();
        }

        public override void Abort()
        {
            Verify();
            inner.Abort();
        }

        public override void Dispose()
        {
            Verify();
            inner.Dispose();
        }

        private void Verify()
        {
            Assert.True(EventLoop.Current == inner.Context && SynchronizationContext.Current == inner.Context, "A call was not on the loop.");
        }
    }
}
