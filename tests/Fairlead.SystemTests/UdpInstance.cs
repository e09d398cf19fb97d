using System.Net;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>A <c>fairlead run</c> whose forwards a test writes, with its admin socket in a folder of its own.</summary>
internal sealed class UdpInstance : IAsyncDisposable
{
    private readonly Folder folder = new();
    private int reloads;

    private UdpInstance()
    {
    }

    public Running Run { get; private set; } = null!;

    public string ConfigFile => Path.Combine(folder.Path, "fairlead.yaml");

    /// <param name="forwards">The list, as in the file.</param>
    /// <param name="start">How to start it with these arguments; null: as it is.</param>
    public static async Task<UdpInstance> StartAsync(string forwards, Func<string[], Running>? start = null)
    {
        var instance = new UdpInstance();
        instance.Write(forwards);
        string[] arguments = ["run", "--log-format", "json", instance.ConfigFile];
        instance.Run = start is null ? Running.Start(arguments) : start(arguments);
        await instance.Run.WaitForAsync("admin");
        return instance;
    }

    /// <summary>Where a forward listens now, which may be on every address: then at the loopback.</summary>
    public async Task<IPEndPoint> AddressAsync(string forward, IPAddress? at = null)
    {
        var listen = (await StatusAsync(forward)).GetProperty("listen").EnumerateArray().Select(text => text.GetString()!).First(text => text.EndsWith("/udp", StringComparison.Ordinal));
        var address = listen[..listen.IndexOf('/', StringComparison.Ordinal)];
        var port = int.Parse(address[(address.LastIndexOf(':') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        return at is null && IPEndPoint.TryParse(address, out var known) && !known.Address.Equals(IPAddress.Any) && !known.Address.Equals(IPAddress.IPv6Any)
            ? known : new IPEndPoint(at ?? IPAddress.Loopback, port);
    }

    public void Write(string forwards) => File.WriteAllText(ConfigFile, $"admin: {{ listen: 'unix:{folder.Path}/admin.sock' }}\nforwards:\n{forwards}\n");

    /// <summary>Has the file loaded by a signal, and waits until that is done.</summary>
    public async Task ReloadAsync(string forwards)
    {
        Write(forwards);
        reloads++;
        Run.Signal(1);
        await Run.WaitForAsync(_ => Run.Entries.Count(entry => entry.GetProperty("event").GetString() is "reloaded" or "reload_refused") == reloads);
        Assert.DoesNotContain("reload_refused", Run.Errors, StringComparison.Ordinal);
    }

    public Task<(int Status, string Output)> AskAsync(params string[] arguments) => Peers.RunAsync(Running.Binary, [.. arguments, "--admin", $"unix:{folder.Path}/admin.sock"]);

    /// <summary>What <c>status --json</c> says of a forward.</summary>
    public async Task<JsonElement> StatusAsync(string forward)
    {
        var (status, output) = await AskAsync("status", "--json");
        Assert.True(status == 0, output);
        using var document = JsonDocument.Parse(output);
        return document.RootElement.GetProperty("forwards").EnumerateArray().Single(one => one.GetProperty("name").GetString() == forward).Clone();
    }

    /// <summary>How many datagrams a forward has dropped for a reason.</summary>
    public async Task<long> DroppedAsync(string forward, string reason) =>
        (await StatusAsync(forward)).GetProperty("dropped").TryGetProperty(reason, out var count) ? count.GetInt64() : 0;

    /// <summary>Asks until the status is as it is meant to become.</summary>
    public async Task UntilAsync(string forward, Func<JsonElement, bool> isMeant)
    {
        var until = Environment.TickCount64 + 20_000;
        JsonElement status;
        while (!isMeant(status = await StatusAsync(forward)))
            Assert.True(Environment.TickCount64 < until, $"It stayed as it was: {status}");
    }

    public async ValueTask DisposeAsync()
    {
        await Run.DisposeAsync();
        folder.Dispose();
    }
}
