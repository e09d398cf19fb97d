using System.Globalization;
using System.Net;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests;

/// <summary>A hub, and somebody whose tunnels lead to it, in one process: two engines.</summary>
internal sealed class TunnelRig : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    public TunnelRig(EngineKind kind)
    {
        Near = new ForwardingRig(kind);
        Far = new ForwardingRig(kind);
        Write("hub_key", SshPair.HostKey.WriteOpenSsh("hub"));
        Write("user_key", SshPair.UserKey.WriteOpenSsh("alice"));
        Authorize("");
        Port = ForwardingRig.FreePorts(1);
    }

    /// <summary>Whose forwards use the tunnel.</summary>
    public ForwardingRig Near { get; }

    /// <summary>Where the hub is.</summary>
    public ForwardingRig Far { get; }

    /// <summary>The hub's.</summary>
    public int Port { get; }

    public string PathOf(string name) => Path.Combine(folder.FullName, name);

    public HubConfig Hub => new() { Listen = [Endpoint.Parse($"127.0.0.1:{Port}")], HostKeys = [PathOf("hub_key")], AuthorizedKeys = PathOf("authorized_keys") };

    public TunnelConfig Tunnel => new()
    {
        Name = "office",
        Ssh = new SshTarget("alice", "127.0.0.1", Port),
        Identity = [PathOf("user_key")],
        HostKey = [HostKeyPin.Parse(SshPair.HostKey.PublicKey.Fingerprint)],
        KnownHosts = [PathOf("known_hosts")],
    };

    /// <summary>Lets the user in, with options as in authorized_keys.</summary>
    public void Authorize(string options) => Write("authorized_keys", System.Text.Encoding.UTF8.GetBytes($"{options}{(options.Length > 0 ? " " : "")}{SshPair.UserKey.PublicKey} alice\n"));

    public void StartHub(HubConfig? hub = null) => Far.Engine.Apply([], hub: hub ?? Hub);

    /// <summary>Starts forwards that need the tunnel, or nothing.</summary>
    public void Start(params IReadOnlyList<ForwardConfig> forwards) => Near.Engine.Apply(forwards, tunnels: [Tunnel]);

    /// <summary>Where a forward listens on this machine.</summary>
    public EndPoint ListenOf(string name) => IPEndPoint.Parse(Near.Engine.Status().Single(forward => forward.Name == name).Listen[0]);

    /// <summary>Where the hub listens for the tunnel, once it does so.</summary>
    public async Task<EndPoint> RemoteAsync(int number = 1)
    {
        var found = Array.Empty<LogEntry>();
        await Traffic.UntilAsync(() => (found = [.. Near.Log.Where(entry => entry.Event == "tunnel_listening")]).Length >= number);
        var text = (string)found[number - 1].Fields.Single(field => field.Key == "listen").Value!;
        return new IPEndPoint(IPAddress.Loopback, int.Parse(text[(text.LastIndexOf(':') + 1)..], CultureInfo.InvariantCulture));
    }

    public async Task UntilToldAsync(ForwardingRig by, string what, int times = 1) => await Traffic.UntilAsync(() => by.Log.Count(entry => entry.Event == what) >= times);

    public async ValueTask DisposeAsync()
    {
        await Near.DisposeAsync();
        await Far.DisposeAsync();
        folder.Delete(recursive: true);
    }

    /// <summary>Writes a file that is its owner's alone: its path.</summary>
    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(PathOf(name), bytes);
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return PathOf(name);
    }
}
