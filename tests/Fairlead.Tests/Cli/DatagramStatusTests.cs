using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>What is shown of forwards and sessions of datagrams.</summary>
public class DatagramStatusTests
{
    private static readonly ForwardStatus dns = new()
    {
        Name = "dns",
        Listen = ["[::]:53/udp"],
        To = "10.0.0.53:53",
        Engine = "native",
        Connections = 2,
        Accepted = 99,
        BytesFromClients = 4_200,
        BytesFromUpstreams = 12_000,
        Dropped = new SortedDictionary<string, long> { ["table_full"] = 12, ["too_fast"] = 31_000 },
        Upstreams = [new UpstreamStatus("10.0.0.53:53/udp", true, 2, 2, 99, 0)],
    };

    private static readonly ConnectionStatus session = new()
    {
        Id = 19,
        Forward = "dns",
        Protocol = "udp",
        Client = "192.0.2.8:5353",
        Listen = "[::]:53/udp",
        Upstream = "10.0.0.53:53/udp",
        Since = FakeInstance.Now,
        IsConnected = true,
        BytesFromClient = 80,
        BytesFromUpstream = 512,
        DatagramsFromClient = 2,
        DatagramsFromUpstream = 3,
    };

    [Fact]
    public void Dropped_datagrams_are_shown_with_their_reasons_the_most_frequent_first()
    {
        var status = new FakeInstance().State with { Forwards = [dns] };
        var page = StatusCommand.Page(status, FakeInstance.Now, new Screen(null, false)).ToList();
        Assert.Equal(["FORWARD  DROPPED  WHY", "dns       31,012  31,000 too fast, 12 table full"], page[^2..].Select(line => line.TrimEnd()));
    }

    [Fact]
    public void Where_nothing_was_dropped_nothing_is_said_of_it()
    {
        var status = new FakeInstance().State;
        Assert.DoesNotContain(StatusCommand.Page(status, FakeInstance.Now, new Screen(null, false)), line => line.Contains("DROPPED", StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_API_says_is_read_again_as_it_was()
    {
        var forward = AdminAnswers.Status(Written(json => AdminJson.Status(json, new FakeInstance().State, FakeInstance.Now)), Written(json => AdminJson.Forwards(json, [dns]))).Forwards.Single();
        Assert.Equal(dns.Dropped, forward.Dropped);
        Assert.Equal(session, AdminAnswers.Connections(Written(json => AdminJson.Connections(json, [session]))).Single());
    }

    private static JsonElement Written(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            write(json);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
