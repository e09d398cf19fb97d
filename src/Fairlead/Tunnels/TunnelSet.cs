using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>The tunnels of an engine, each by its name. A tunnel outlives reloads, whatever they change about it. Under the engine's gate.</summary>
/// <param name="networks">Whose sockets they use.</param>
/// <param name="lookUps">Who looks up their servers.</param>
/// <param name="options">How they run.</param>
/// <param name="log">Told of what becomes of them.</param>
internal sealed class TunnelSet(Networks networks, LookUps lookUps, EngineOptions options, Action<LogEntry> log)
{
    private readonly Dictionary<string, (Tunnel Tunnel, TunnelConfig Config)> tunnels = [];
    private readonly Dictionary<string, Tunnel> prepared = [];
    private readonly List<Task> leaving = [];

    /// <summary>Makes those that are new. They are started by <see cref="Keep"/>; where the change is refused, the next one forgets them.</summary>
    public void Prepare(IEnumerable<TunnelConfig> wanted)
    {
        prepared.Clear();
        foreach (var config in wanted)
            prepared.Add(config.Name, tunnels.TryGetValue(config.Name, out var known) ? known.Tunnel : Make(config));
    }

    /// <summary>The tunnel of a name, of those that were prepared last.</summary>
    public Tunnel Of(string name) => prepared[name];

    /// <summary>Makes what was prepared true: new ones begin to connect, changed ones connect anew, and those that nobody wants end.</summary>
    public void Keep(IReadOnlyList<TunnelConfig> wanted)
    {
        leaving.RemoveAll(static task => task.IsCompleted);
        foreach (var config in wanted)
        {
            if (!tunnels.TryGetValue(config.Name, out var known))
                prepared[config.Name].Start();
            else if (known.Config != config)
                known.Tunnel.Change(config);
            tunnels[config.Name] = (prepared[config.Name], config);
        }
        foreach (var gone in tunnels.Keys.Except(wanted.Select(config => config.Name)).ToList())
        {
            leaving.Add(tunnels[gone].Tunnel.StopAsync());
            tunnels.Remove(gone);
        }
    }

    /// <summary>Ends them all.</summary>
    public Task StopAsync() => Task.WhenAll([.. leaving, .. tunnels.Values.Select(known => known.Tunnel.StopAsync())]);

    private Tunnel Make(TunnelConfig config)
    {
        var network = networks.Of(new ForwardConfig { Listen = [], Engine = options.SshEngine });
        var source = config.Options.BindAddress is { } address ? [new DialSource(address)] : Array.Empty<DialSource>();
        var tuning = config.Options.TcpKeepAlive ? SocketTuning.Default : SocketTuning.Default with { KeepaliveProbes = 0 };
        var dialer = new NameDialer(network.DialerWith(tuning, source), static _ => null, AskAsync, network.Time);
        return new Tunnel(config, (own, onChange) => new TunnelLink(own, network.NextContext(), dialer, network.Time, log)
        {
            OnHopeless = end => options.OnHopeless?.Invoke(config.Name, end) == true,
            OnChange = onChange,
        });

        async Task<IPAddress[]> AskAsync(string name)
        {
            var addresses = await lookUps.AskAsync(name).ConfigureAwait(false);
            return config.Options.AddressFamily is { } family ? [.. addresses.Where(address => address.AddressFamily == family)] : addresses;
        }
    }
}
