using System.Globalization;
using System.Net;
using Fairlead.Ssh;
using Fairlead.Tests.Ssh;

namespace Fairlead.Tests;

/// <summary>A hub, and somebody whose tunnels lead to it, in one process: two engines.</summary>
internal sealed class TunnelRig : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

    public TunnelRig(EngineKind kind, TimeProvider? time = null)
    {
        Near = new ForwardingRig(kind);
        Far = new ForwardingRig(kind, time: time);
        Write("hub_key", SshPair.HostKey.WriteOpenSsh("hub"));
        Write("user_key", SshPair.UserKey.WriteOpenSsh("alice"));
        Authorize("");
        Port = FreePorts.One();
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

    /// <summary>Lets somebody else in too.</summary>
    public void AuthorizeAlso(SshPrivateKey key) => File.AppendAllText(PathOf("authorized_keys"), $"{key.PublicKey} bob\n");

    /// <summary>A client of the hub that a test leads step by step, and that has said nothing yet.</summary>
    public async Task<ScriptedPeer> ConnectAsync() => Far.Own(new ScriptedPeer(await Far.ConnectAsync(new IPEndPoint(IPAddress.Loopback, Port)), isServer: false));

    /// <summary>One that is let in.</summary>
    /// <param name="key">By this key; null: the user's.</param>
    public async Task<ScriptedPeer> LogInAsync(SshPrivateKey? key = null)
    {
        var peer = await ConnectAsync();
        await peer.SayAsync();
        await peer.ExchangeAsync();
        await peer.BeginAuthenticationAsync();
        await peer.SendAsync(peer.SignedRequest(key ?? SshPair.UserKey));
        await peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
        return peer;
    }

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

    /// <summary>The first session at the hub that has ended with this word, once there is one.</summary>
    public async Task<Dictionary<string, object?>> UntilSessionAsync(string end)
    {
        Dictionary<string, object?>? found = null;
        await Traffic.UntilAsync(() => (found = Far.Sessions.FirstOrDefault(session => (string?)session["end"] == end)) is not null);
        return found!;
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
