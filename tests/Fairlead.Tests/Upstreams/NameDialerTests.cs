using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class NameDialerTests : IDisposable
{
    private readonly ManualTime time = new();
    private readonly FakeNetwork network;
    private readonly CancellationTokenSource cancel = new();
    private readonly List<string> asked = [];
    private readonly LookUps lookUps;
    private ResolvedName? kept;
    private IPAddress[] keptAddresses = [];
    private int keptAsked;
    private Func<string, Task<IPAddress[]>> answer = _ => Task.FromResult<IPAddress[]>([IPAddress.Parse("192.0.2.1")]);

    public NameDialerTests()
    {
        network = new FakeNetwork(time) { Answer = _ => DialOutcome.Connected };
        lookUps = new LookUps(_ =>
        {
            Interlocked.Increment(ref keptAsked);
            return keptAddresses;
        });
    }

    private async Task<DialResult> DialAsync(EndPoint target) => await new NameDialer(network, name => name == "kept.example" ? kept : null, Ask, time)
        .DialAsync(target, TimeSpan.FromSeconds(5), cancel.Token);

    private Task<IPAddress[]> Ask(string name)
    {
        asked.Add(name);
        return answer(name);
    }

    [Fact(Timeout = 30000)]
    public async Task An_address_is_dialled_as_it_is()
    {
        Assert.NotNull((await DialAsync(IPEndPoint.Parse("10.0.0.5:80"))).Connection);
        Assert.Equal(["10.0.0.5:80"], network.Dialled);
        Assert.Empty(asked);
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_is_looked_up_and_its_addresses_are_dialled_until_one_connects()
    {
        answer = _ => Task.FromResult<IPAddress[]>([IPAddress.Parse("2001:db8::1"), IPAddress.Parse("192.0.2.1")]);
        network.Answer = target => ((IPEndPoint)target).AddressFamily == AddressFamily.InterNetworkV6 ? DialOutcome.Unreachable : DialOutcome.Connected;
        Assert.Equal(IPEndPoint.Parse("192.0.2.1:80"), (await DialAsync(new DnsEndPoint("example.org", 80))).Connection!.RemoteEndPoint);
        Assert.Equal(["[2001:db8::1]:80", "192.0.2.1:80"], network.Dialled);
        Assert.Equal(["example.org"], asked);
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_that_nobody_knows_is_an_outcome()
    {
        answer = _ => Task.FromException<IPAddress[]>(new SocketException((int)SocketError.HostNotFound));
        var dial = await DialAsync(new DnsEndPoint("gone.example", 80));
        Assert.Equal(DialOutcome.NameUnknown, dial.Outcome);
        Assert.StartsWith("gone.example cannot be looked up: ", dial.Detail, StringComparison.Ordinal);
        answer = _ => Task.FromResult<IPAddress[]>([]);
        Assert.Equal(new DialResult(DialOutcome.NameUnknown, null, "no address is known for gone.example"), await DialAsync(new DnsEndPoint("gone.example", 80)));
        Assert.Empty(network.Dialled);
    }

    [Fact(Timeout = 30000)]
    public async Task A_resolver_that_does_not_answer_is_waited_for_no_longer_than_the_dial()
    {
        answer = _ => new TaskCompletionSource<IPAddress[]>().Task;
        var dialling = DialAsync(new DnsEndPoint("slow.example", 80));
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(new DialResult(DialOutcome.NameUnknown, null, "the look-up of slow.example takes too long"), await dialling);

        dialling = DialAsync(new DnsEndPoint("slow.example", 80));
        await cancel.CancelAsync();
        Assert.Equal(new DialResult(DialOutcome.Cancelled), await dialling);
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_that_is_kept_is_not_asked_for_again_until_a_dial_has_failed()
    {
        keptAddresses = [IPAddress.Parse("192.0.2.7")];
        kept = new ResolvedName("kept.example", lookUps, TimeSpan.FromHours(1), time, _ => { });
        Assert.NotNull((await DialAsync(new DnsEndPoint("kept.example", 1080))).Connection);
        Assert.NotNull((await DialAsync(new DnsEndPoint("kept.example", 1080))).Connection);
        Assert.Equal(["192.0.2.7:1080", "192.0.2.7:1080"], network.Dialled);
        Assert.Equal(1, Volatile.Read(ref keptAsked));

        time.Advance(TimeSpan.FromSeconds(2));
        keptAddresses = [IPAddress.Parse("192.0.2.8")];
        network.Answer = _ => DialOutcome.Refused;
        Assert.Equal(DialOutcome.Refused, (await DialAsync(new DnsEndPoint("kept.example", 1080))).Outcome);
        await Traffic.UntilAsync(() => kept.Version == 2);
        network.Answer = _ => DialOutcome.Connected;
        Assert.Equal(IPEndPoint.Parse("192.0.2.8:1080"), (await DialAsync(new DnsEndPoint("kept.example", 1080))).Connection!.RemoteEndPoint);
        Assert.Empty(asked);
    }

    public void Dispose()
    {
        kept?.Dispose();
        cancel.Dispose();
        lookUps.Dispose();
    }
}
