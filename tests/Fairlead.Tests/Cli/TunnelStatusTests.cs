using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>What is shown of tunnels.</summary>
public class TunnelStatusTests
{
    private static readonly InstanceStatus state = new FakeInstance().State with
    {
        Tunnels =
        [
            new TunnelStatus { Name = "home", Server = "bob@home.example.net", Fault = "the server closed the connection" },
            new TunnelStatus { Name = "office", Server = "alice@gw.example.com:2222", UpSince = FakeInstance.Now - TimeSpan.FromHours(3), Channels = 12, Listen = ["localhost:5900", "localhost:40123"] },
            new TunnelStatus { Name = "office#udp", Server = "alice@gw.example.com:2222" },
        ],
    };

    [Fact]
    public void Tunnels_are_shown_with_their_state_and_what_is_listened_on_there()
    {
        var page = StatusCommand.Page(state, FakeInstance.Now, new Screen(null, false)).ToList();
        Assert.Equal(
        [
            "TUNNEL      SERVER                     STATE                                   CHANNELS  LISTENS THERE",
            "home        bob@home.example.net       down: the server closed the connection         0",
            "office      alice@gw.example.com:2222  up 3h                                         12  localhost:5900, localhost:40123",
            "office#udp  alice@gw.example.com:2222  connecting                                     0",
        ], page[^4..].Select(line => line.TrimEnd()));
    }

    [Fact]
    public void Where_there_are_none_nothing_is_said_of_them()
    {
        Assert.DoesNotContain(StatusCommand.Page(new FakeInstance().State, FakeInstance.Now, new Screen(null, false)), line => line.Contains("TUNNEL", StringComparison.Ordinal));
    }

    [Fact]
    public void What_the_API_says_is_read_again_as_it_was()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
            AdminJson.Status(json, state, FakeInstance.Now);
        var read = AdminAnswers.Status(JsonDocument.Parse(stream.ToArray()).RootElement, JsonDocument.Parse("{}").RootElement).Tunnels;
        Assert.Equal(state.Tunnels.Select(Told), read.Select(Told));

        static string Told(TunnelStatus tunnel) => $"{tunnel.Name} {tunnel.Server} {tunnel.UpSince} {tunnel.Fault} {tunnel.Channels} {string.Join(' ', tunnel.Listen)}";
    }
}
