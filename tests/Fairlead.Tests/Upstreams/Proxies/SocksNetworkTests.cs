using System.Net;
using System.Runtime.Versioning;
using System.Text;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>Handshakes with a proxy over the sockets of a network.</summary>
public abstract class SocksNetworkContract(NetworkRig rig) : IDisposable
{
    private static readonly EndPoint target = IPEndPoint.Parse("10.0.0.5:80");
    private static readonly byte[] granted = [5, 0, 0, 1, 192, 0, 2, 1, 0, 9];

    protected NetworkRig Rig { get; } = rig;

    [Fact(Timeout = 30000)]
    public Task A_dial_gives_the_connection_to_the_proxy_itself_and_what_came_early_is_kept() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var serving = ServeAsync(acceptor, async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 2, 0, 2]);
            await ScriptedProxy.DribbleAsync(connection, [5, 2]);
            await Traffic.ExpectAsync(connection, [1, 2, .. "me"u8, 2, .. "pw"u8]);
            await ScriptedProxy.DribbleAsync(connection, [1, 0]);
            await Traffic.ExpectAsync(connection, [5, 1, 0, 1, 10, 0, 0, 5, 0, 80]);
            await connection.WriteAsync((byte[])[.. granted, .. "early"u8]);
            await Traffic.ExpectAsync(connection, Encoding.ASCII.GetBytes("hello"));
            await connection.CompleteWritesAsync();
        });
        var dial = await DialAsync(acceptor, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal((DialOutcome.Connected, null), (dial.Outcome, dial.Detail));
        using var connection = dial.Connection!;
        Assert.Equal(acceptor.LocalEndPoint, connection.RemoteEndPoint);
        await connection.WriteAsync(Encoding.ASCII.GetBytes("hello"));
        await Traffic.ExpectToEndAsync(connection, Encoding.ASCII.GetBytes("early"));
        await serving;
    });

    [Fact(Timeout = 30000)]
    public Task A_proxy_that_says_nothing_times_the_dial_out_and_sees_a_reset() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var serving = ServeAsync(acceptor, connection => ExpectResetAsync(connection));
        var dial = await DialAsync(acceptor, TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken);
        Assert.Equal((DialOutcome.TimedOut, null), (dial.Outcome, dial.Connection));
        Assert.EndsWith("no answer within 0.1 s", dial.Detail, StringComparison.Ordinal);
        await serving;
    });

    [Fact(Timeout = 30000)]
    public Task A_handshake_can_be_given_up_from_anywhere() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        using var cancel = new CancellationTokenSource();
        var serving = ServeAsync(acceptor, async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 2, 0, 2]);
            await connection.WriteAsync(new byte[] { 5 });
            await Task.Run(cancel.Cancel);
            await ExpectResetAsync(connection);
        });
        var dial = await DialAsync(acceptor, Timeout.InfiniteTimeSpan, cancel.Token);
        Assert.Equal(new DialResult(DialOutcome.Cancelled), dial);
        await serving;
    });

    [Fact(Timeout = 30000)]
    public Task A_proxy_that_resets_fails_the_dial() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var serving = ServeAsync(acceptor, async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 2, 0, 2]);
            connection.Abort();
        });
        var dial = await DialAsync(acceptor, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal((DialOutcome.Failed, null), (dial.Outcome, dial.Connection));
        Assert.Contains("the connection broke during the handshake", dial.Detail, StringComparison.Ordinal);
        await serving;
    });

    [Fact(Timeout = 30000)]
    public Task A_proxy_that_nobody_is_at_is_named_with_the_reason() => Rig.RunAsync(async () =>
    {
        EndPoint gone;
        using (var acceptor = Rig.Listen())
            gone = acceptor.LocalEndPoint;
        var dial = await DialAsync((IPEndPoint)gone, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(DialOutcome.Refused, dial.Outcome);
        Assert.StartsWith($"proxy socks5://me:***@{gone}: ", dial.Detail, StringComparison.Ordinal);
    });

    public void Dispose() => Rig.Dispose();

    protected async Task<DialResult> DialAsync(IPEndPoint proxy, TimeSpan timeout, CancellationToken cancel) =>
        await new SocksDialer(ProxyUrl.Parse($"socks5://me:pw@{proxy}"), Rig.Network.Dialer, Rig.Network.Time).DialAsync(target, timeout, cancel);

    private Task<DialResult> DialAsync(IAcceptor proxy, TimeSpan timeout, CancellationToken cancel) => DialAsync((IPEndPoint)proxy.LocalEndPoint, timeout, cancel);

    private static async Task ServeAsync(IAcceptor acceptor, Func<Connection, Task> script)
    {
        using var connection = await NetworkRig.AcceptAsync(acceptor);
        await script(connection);
    }

    private static async Task ExpectResetAsync(Connection connection) => Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(connection)).Error);
}

[SupportedOSPlatform("linux")]
public sealed class NativeSocksTests() : SocksNetworkContract(new NativeTcpRig())
{
    [Fact(Timeout = 30000)]
    public Task It_is_relayed_like_any_other() => Rig.RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var dialling = DialAsync((IPEndPoint)acceptor.LocalEndPoint, TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        using var proxy = await NetworkRig.AcceptAsync(acceptor);
        await proxy.WriteAsync(new byte[] { 5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0 });
        using var connection = (await dialling).Connection;
        Assert.IsType<NativeConnection>(connection, exactMatch: false);
    });
}

public sealed class PortableSocksTests() : SocksNetworkContract(new TcpRig(new PortableNetwork()));
