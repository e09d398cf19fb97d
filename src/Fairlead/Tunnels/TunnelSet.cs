using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
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

    /// <summary>What they do at this moment, in the order of their names.</summary>
    public IReadOnlyList<TunnelStatus> Status() => [.. tunnels.OrderBy(static known => known.Key, StringComparer.Ordinal).SelectMany(static known => known.Value.Tunnel.Status())];

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
        // One for all its connections, so that a person is asked once.
        var answers = new TunnelAnswers(options.Ask);
        return new Tunnel(config, (own, onChange) => new TunnelLink(own, network.NextContext(), DialerAsync, answers, network.Time, log)
        {
            OnHopeless = end => options.OnHopeless?.Invoke(config.Name, end) == true,
            OnChange = onChange,
        });

        async Task<IDialer> DialerAsync(TunnelConfig tunnel)
        {
            var told = tunnel.Servers[0].Options;
            IReadOnlyList<DialSource> sources = told.BindAddress is { } address ? [new DialSource(address)] : told.BindInterface is { } name ? await Task.Run(() => AddressesOf(name)) : [];
            var tuning = told.TcpKeepAlive ? SocketTuning.Default : SocketTuning.Default with { KeepaliveProbes = 0 };
            return new NameDialer(network.DialerWith(tuning, sources), static _ => null, one => AskAsync(one, told.AddressFamily), network.Time);
        }
    }

    private async Task<IPAddress[]> AskAsync(string name, AddressFamily? family)
    {
        var addresses = await lookUps.AskAsync(name).ConfigureAwait(false);
        return family is null ? addresses : [.. addresses.Where(address => address.AddressFamily == family)];
    }

    // They may be others after a while.
    private static DialSource[] AddressesOf(string name)
    {
        var found = NetworkInterface.GetAllNetworkInterfaces().Where(one => one.Name == name).SelectMany(one => one.GetIPProperties().UnicastAddresses).Select(own => new DialSource(own.Address)).ToArray();
        return found.Length > 0 ? found : throw new ForwardException($"there is no interface {Printable.Escape(name)} with an address (BindInterface)");
    }
}
