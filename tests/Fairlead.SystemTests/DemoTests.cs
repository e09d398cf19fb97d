using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>The demonstration as a new user runs it: what it prints is tried as printed.</summary>
public sealed partial class DemoTests
{
    [Fact(Timeout = 60000)]
    public async Task What_the_demo_says_to_try_works_as_it_is_printed()
    {
        var curl = Peers.Require("curl", "curl");
        await using var demo = Running.Start("demo");
        await demo.WaitForTextAsync("Ctrl-C ends the demo");
        var page = Page().Match(demo.Output).Groups[1].Value;
        var (status, output) = await Peers.RunAsync(curl, "-sS", "--fail", page);
        Assert.True(status == 0, output);
        Assert.Contains("<html", output, StringComparison.OrdinalIgnoreCase);

        var echo = Nc().Match(demo.Output).Groups;
        using (var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Parse(echo[1].Value), int.Parse(echo[2].Value, System.Globalization.CultureInfo.InvariantCulture))))
        {
            await Echo.ExchangeAsync(client, 42);
            client.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await client.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }

        demo.Signal(Running.SIGTERM);
        Assert.Equal(0, await demo.WhenOverAsync());
    }

    [GeneratedRegex("curl (http://[0-9.:]+/)")]
    private static partial Regex Page();

    [GeneratedRegex("nc ([0-9.]+) ([0-9]+)")]
    private static partial Regex Nc();
}
