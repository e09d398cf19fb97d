using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class ProxyDialersTests
{
    private static readonly byte[] granted = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    private readonly ManualTime time = new();
    private readonly List<string> asked = [];

    private async Task<DialResult> DialAsync(ScriptedProxy direct, EndPoint target, params string[] hops) =>
        await ProxyDialers.Of([.. hops.Select(ProxyUrl.Parse)], direct, Named, time).DialAsync(target, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);

    private NameDialer Named(IDialer inner) => new(inner, _ => null, name =>
    {
        asked.Add(name);
        return Task.FromResult<IPAddress[]>([IPAddress.Parse("192.0.2.7")]);
    }, time);

    private static ScriptedProxy Proxy(params byte[][] requests) => new(async connection =>
    {
        foreach (var request in requests)
        {
            await Traffic.ExpectAsync(connection, request);
            await connection.WriteAsync(request[0] == 4 ? [0, 0x5a, 0, 0, 0, 0, 0, 0] : request.Length == 3 ? new byte[] { 5, 0 } : granted);
        }
    });

    [Fact(Timeout = 30000)]
    public async Task Without_proxies_it_is_dialled_directly()
    {
        var direct = Proxy();
        Assert.NotNull((await DialAsync(direct, new DnsEndPoint("target.example", 80))).Connection);
        Assert.Equal([IPEndPoint.Parse("192.0.2.7:80")], direct.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task Proxies_are_dialled_from_left_to_right_each_through_the_one_before()
    {
        var direct = Proxy([5, 1, 0], [5, 1, 0, 3, 9, .. "b.example"u8, 4, 56], [4, 1, 35, 90, 0, 0, 0, 1, 0, .. "c.example\0"u8], [5, 1, 0], [5, 1, 0, 3, 14, .. "target.example"u8, 0, 80]);
        var dial = await DialAsync(direct, new DnsEndPoint("target.example", 80), "socks5h://192.0.2.1", "socks4a://b.example", "socks5h://c.example:9050");
        await direct.Script;
        Assert.Same(direct.Near, dial.Connection);
        Assert.Equal([IPEndPoint.Parse("192.0.2.1:1080")], direct.Dialled);
        Assert.Empty(asked);
    }

    [Fact(Timeout = 30000)]
    public async Task Names_are_looked_up_on_this_machine_where_no_proxy_is_to()
    {
        var direct = Proxy([5, 1, 0], [5, 1, 0, 1, 192, 0, 2, 7, 4, 56], [5, 1, 0], [5, 1, 0, 1, 192, 0, 2, 7, 0, 80]);
        var dial = await DialAsync(direct, new DnsEndPoint("target.example", 80), "socks5://a.example", "socks5://b.example");
        await direct.Script;
        Assert.NotNull(dial.Connection);
        Assert.Equal([IPEndPoint.Parse("192.0.2.7:1080")], direct.Dialled);
        Assert.Equal(["target.example", "b.example", "a.example"], asked);
    }

    [Fact(Timeout = 30000)]
    public async Task A_failure_names_the_way_to_where_it_happened()
    {
        var direct = new ScriptedProxy(async connection =>
        {
            await Traffic.ExpectAsync(connection, [5, 1, 0]);
            await connection.WriteAsync(new byte[] { 5, 0, 5, 5, 0, 1, 0, 0, 0, 0, 0, 0 });
        });
        var dial = await DialAsync(direct, IPEndPoint.Parse("10.0.0.5:80"), "socks5://192.0.2.1", "socks5://192.0.2.2");
        Assert.Equal(new DialResult(DialOutcome.Refused, null, "proxy socks5://192.0.2.2:1080: proxy socks5://192.0.2.1:1080: connection refused"), dial);
        Assert.True((await Traffic.DrainAsync(direct.Far!)).Error is null);
    }

    [Fact(Timeout = 30000)]
    public async Task A_chain_can_be_given_up_at_any_of_its_proxies()
    {
        foreach (var heard in new[] { 0, 1, 2, 3 })
        {
            using var cancel = new CancellationTokenSource();
            byte[][] requests = [[5, 1, 0], [5, 1, 0, 1, 192, 0, 2, 2, 4, 56], [5, 1, 0], [5, 1, 0, 1, 10, 0, 0, 5, 0, 80]];
            var direct = Proxy(requests[..heard]);
            var dialling = ProxyDialers.Of([ProxyUrl.Parse("socks5://192.0.2.1"), ProxyUrl.Parse("socks5://192.0.2.2")], direct, Named, time)
                .DialAsync(IPEndPoint.Parse("10.0.0.5:80"), TimeSpan.FromSeconds(5), cancel.Token);
            await direct.Script;
            await cancel.CancelAsync();
            Assert.Equal(new DialResult(DialOutcome.Cancelled), await dialling);
            Assert.True(await direct.IsResetAsync());
            Assert.Equal(0, time.ArmedTimers);
        }
    }

    [Fact]
    public void Datagrams_go_through_SOCKS5_alone_and_names_are_looked_up_by_the_last_one_that_can()
    {
        ProxyUrl[] both = [ProxyUrl.Parse("socks5://a"), ProxyUrl.Parse("socks5h://b")];
        Assert.True(ProxyDialers.CarryDatagrams(both));
        Assert.False(ProxyDialers.CarryDatagrams([.. both, ProxyUrl.Parse("socks4a://c")]));
        Assert.False(ProxyDialers.CarryDatagrams([ProxyUrl.Parse("http://c:1"), .. both]));
        Assert.True(ProxyDialers.LookUpThere(both));
        Assert.True(ProxyDialers.LookUpThere([ProxyUrl.Parse("socks4a://c")]));
        Assert.False(ProxyDialers.LookUpThere(both[..1]));
        Assert.False(ProxyDialers.LookUpThere([]));
    }
}
