using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The upstreams of all forwards, each once however many forwards lead to it, so that its sessions, its health and its name's addresses are known in one
/// place and outlive reloads that keep it.
/// </summary>
/// <param name="lookUps">Who asks for names; disposed with this.</param>
/// <param name="placeOf">Where work of a network that is nobody's session runs: an event loop, or null for the thread pool.</param>
/// <param name="time">When health is checked, and names are looked up again.</param>
/// <param name="log">Told of what becomes of upstreams and names.</param>
internal sealed class UpstreamSet(LookUps lookUps, Func<INetwork, SynchronizationContext?> placeOf, TimeProvider time, Action<LogEntry> log) : IDisposable
{
    private readonly Dictionary<Key, Entry> upstreams = [];
    private readonly Dictionary<(string Host, TimeSpan Interval), ResolvedName> names = [];

    /// <summary>All that makes an upstream the same.</summary>
    private sealed record Key(Endpoint Address, PortProtocols Protocol, INetwork Network, SocketTuning Tuning, ValueList<DialSource> Source, HealthConfig? Health, TimeSpan Resolve);

    private sealed record Entry(Upstream Upstream, ResolvedName? Name, HealthCheck? Check);

    /// <summary>The upstream of a target.</summary>
    /// <param name="target">The target.</param>
    /// <param name="offset">Which port of its range, from 0.</param>
    /// <param name="forward">The forward that leads to it.</param>
    /// <param name="protocol">Which of both: connections and datagrams to one port are two upstreams, and one of them may be down.</param>
    /// <param name="network">By which it is dialled.</param>
    public Upstream At(UpstreamConfig target, int offset, PortProtocols protocol, ForwardConfig forward, INetwork network)
    {
        var address = target.Address is PortEndpoint port ? new PortEndpoint(port.Host, new PortRange(port.Ports.First + offset), protocol) : target.Address;
        var source = target.Source.Count > 0 ? target.Source : forward.Source;
        var key = new Key(address, protocol, network, forward.Timeouts.Tuning, source, protocol == PortProtocols.Udp ? null : forward.Health, forward.Resolve);
        if (!upstreams.TryGetValue(key, out var known))
            upstreams.Add(key, known = Make(key));
        return known.Upstream;
    }

    /// <summary>Forgets all but these: nobody tries them out or looks up their names any more. Sessions of theirs go on.</summary>
    public void Retain(IReadOnlySet<Upstream> used)
    {
        var usedNames = new HashSet<ResolvedName>();
        foreach (var (key, entry) in upstreams)
        {
            if (used.Contains(entry.Upstream))
            {
                if (entry.Name is not null)
                    usedNames.Add(entry.Name);
                continue;
            }
            entry.Check?.Dispose();
            upstreams.Remove(key);
        }
        foreach (var (key, name) in names)
        {
            if (usedNames.Contains(name))
                continue;
            name.Dispose();
            names.Remove(key);
        }
    }

    public void Dispose()
    {
        Retain(new HashSet<Upstream>());
        lookUps.Dispose();
    }

    private Entry Make(Key key)
    {
        var (dialer, rules, text) = (key.Network.DialerWith(key.Tuning, key.Source), HealthRules.Of(key.Health), key.Address.ToString()!);
        var datagrams = key.Protocol == PortProtocols.Udp ? key.Network.DatagramDialerWith(key.Source) : null;
        var name = key.Address is PortEndpoint named && !IPAddress.TryParse(named.Host, out _) ? NameOf(named.Host, key.Resolve) : null;
        var upstream = name is not null
            ? new Upstream(dialer, name, ((PortEndpoint)key.Address).Ports.First, text, rules, Tell) { Datagrams = datagrams }
            : new Upstream(dialer, AddressOf(key.Address), text, rules, Tell) { Datagrams = datagrams };
        var check = key.Health is null ? null : new HealthCheck(upstream, key.Health, time, placeOf(key.Network));
        return new Entry(upstream, name, check);
    }

    private static EndPoint AddressOf(Endpoint address) => address is PortEndpoint port
        ? new IPEndPoint(IPAddress.Parse(port.Host), port.Ports.First)
        : new UnixDomainSocketEndPoint(((UnixEndpoint)address).Path);

    private ResolvedName NameOf(string host, TimeSpan interval)
    {
        if (!names.TryGetValue((host, interval), out var name))
            names.Add((host, interval), name = new ResolvedName(host, lookUps, interval, time, log));
        return name;
    }

    private void Tell(Upstream upstream, bool isUp, string? reason) => log(Notice.UpstreamHealth(upstream.Text, isUp, reason));
}
