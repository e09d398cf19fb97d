using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests.Upstreams;

public sealed class DestinationsTests : IDisposable
{
    private readonly DestinationNames names;
    private readonly Recorder dialer = new();
    private int asked;

    public DestinationsTests() => names = new DestinationNames(new LookUps(_ =>
    {
        asked++;
        return [IPAddress.Loopback, IPAddress.Parse("198.51.100.7"), IPAddress.Parse("169.254.169.254"), IPAddress.Parse("fd00:ec2::254")];
    }));

    public void Dispose() => names.Dispose();

    [Fact(Timeout = 30000)]
    public async Task Of_a_name_only_addresses_that_may_be_reached_are_dialled_and_it_is_looked_up_once()
    {
        var dial = await Destinations().DialAsync(new DnsEndPoint("rebound.example", 80), isLocal: false, TestContext.Current.CancellationToken);

        Assert.Equal(DialOutcome.Refused, dial.Outcome);
        Assert.Equal([new IPEndPoint(IPAddress.Parse("198.51.100.7"), 80)], dialer.Dialled);
        Assert.Equal(1, asked);
    }

    [Fact(Timeout = 30000)]
    public async Task A_name_that_leads_to_nothing_that_may_be_reached_is_forbidden_and_nothing_is_dialled()
    {
        var dial = await Destinations(deny: "198.51.100.0/24").DialAsync(new DnsEndPoint("rebound.example", 80), isLocal: false, TestContext.Current.CancellationToken);

        Assert.Equal(DialOutcome.NotAllowed, dial.Outcome);
        Assert.Empty(dialer.Dialled);
    }

    [Theory(Timeout = 30000), InlineData("localhost", false), InlineData("a.localhost.", false), InlineData("denied.example", false), InlineData("any.example", true)]
    public async Task Through_a_proxy_names_are_judged_as_names_and_looked_up_there(string name, bool isAllowed)
    {
        var target = new DnsEndPoint(name, 80);
        var dial = await Destinations(deny: "denied.example", takesNames: true).DialAsync(target, isLocal: false, TestContext.Current.CancellationToken);

        Assert.Equal(isAllowed ? DialOutcome.Refused : DialOutcome.NotAllowed, dial.Outcome);
        Assert.Equal(isAllowed ? [target] : [], dialer.Dialled);
        Assert.Equal(0, asked);
    }

    private Destinations Destinations(string? deny = null, bool takesNames = false)
    {
        var rules = new DestinationRules(deny is null ? [] : [DestinationPattern.Parse(deny)], null, _ => false);
        return new Destinations(rules, names, dialer, takesNames, TimeSpan.FromSeconds(20), TimeProvider.System);
    }

    private sealed class Recorder : IDialer
    {
        public List<EndPoint> Dialled { get; } = [];

        public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
        {
            Dialled.Add(target);
            return new(new DialResult(DialOutcome.Refused));
        }
    }
}
