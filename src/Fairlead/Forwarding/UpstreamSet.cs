using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The upstreams of all forwards, each once however many forwards lead to it, so that its sessions, its health and its name's addresses are known in one
/// place and outlive reloads that keep it.
/// </summary>
/// <param name="lookUps">Who asks for names; disposed with this.</param>
/// <param name="tunnels">Whose far ends dial.</param>
/// <param name="tls">How upstreams are spoken to inside TLS.</param>
/// <param name="time">When health is checked, and names are looked up again.</param>
/// <param name="log">Told of what becomes of upstreams and names.</param>
internal sealed class UpstreamSet(LookUps lookUps, TlsSet tls, TunnelSet tunnels, TimeProvider time, Action<LogEntry> log) : IDisposable
{
    private readonly Dictionary<Key, Entry> upstreams = [];
    private readonly Dictionary<(string Host, TimeSpan Interval), ResolvedName> names = [];

    /// <summary>All that makes an upstream the same.</summary>
    private sealed record Key(Endpoint Address, PortProtocols Protocol, INetwork Network, SocketTuning Tuning, ValueList<DialSource> Source, HealthConfig? Health, TimeSpan Resolve, Tunnel? Tunnel, ValueList<ProxyUrl> Via, ProxyHeader Header, TlsClient? Tls);

    private sealed record Entry(Upstream Upstream, IReadOnlyList<ResolvedName> Names, HealthCheck? Check);

    /// <summary>The upstream of a target.</summary>
    /// <param name="target">The target.</param>
    /// <param name="offset">Which port of its range, from 0.</param>
    /// <param name="forward">The forward that leads to it.</param>
    /// <param name="protocol">Which of both: connections and datagrams to one port are two upstreams, and one of them may be down.</param>
    /// <param name="network">By which it is dialled.</param>
    /// <param name="tunnel">From the far end of which tunnel; null: from this machine.</param>
    /// <param name="via">Through which proxies.</param>
    public Upstream At(UpstreamConfig target, int offset, PortProtocols protocol, ForwardConfig forward, INetwork network, string? tunnel, ValueList<ProxyUrl> via)
    {
        var address = target.Address is PortEndpoint port ? new PortEndpoint(port.Host, new PortRange(port.Ports.First + offset), protocol) : target.Address;
        var source = target.Source.Count > 0 ? target.Source : forward.Source;
        var key = new Key(address, protocol, network, forward.Timeouts.Tuning, source, protocol == PortProtocols.Udp ? null : forward.Health, forward.Resolve, tunnel is null ? null : tunnels.Of(tunnel), via, protocol == PortProtocols.Udp ? ProxyHeader.Off : target.ProxyProtocol ?? forward.ProxyProtocol.Send, protocol == PortProtocols.Udp ? null : tls.ClientOf(target));
        if (!upstreams.TryGetValue(key, out var known))
            upstreams.Add(key, known = Make(key));
        return known.Upstream;
    }

    /// <summary>How a forward dials whom it does not know beforehand.</summary>
    public Way WayOf(ForwardConfig forward, INetwork network) => WayOf(network, forward.Timeouts.Tuning, forward.Source, forward.Tunnel is { } tunnel ? tunnels.Of(tunnel) : null, forward.Via, forward.Resolve);

    /// <summary>Forgets all but these: nobody tries them out or looks up their names any more. Sessions of theirs go on.</summary>
    /// <param name="used">Upstreams.</param>
    /// <param name="usedNames">Names of proxies that are no upstream's.</param>
    public void Retain(IReadOnlySet<Upstream> used, IEnumerable<ResolvedName> usedNames)
    {
        var kept = usedNames.ToHashSet();
        foreach (var (key, entry) in upstreams)
        {
            if (used.Contains(entry.Upstream))
            {
                kept.UnionWith(entry.Names);
                continue;
            }
            entry.Check?.Dispose();
            upstreams.Remove(key);
        }
        foreach (var (key, name) in names)
        {
            if (kept.Contains(name))
                continue;
            name.Dispose();
            names.Remove(key);
        }
    }

    public void Dispose()
    {
        Retain(new HashSet<Upstream>(), []);
        lookUps.Dispose();
    }

    private Entry Make(Key key)
    {
        var way = WayOf(key.Network, key.Tuning, key.Source, key.Tunnel, key.Via, key.Resolve);
        var (rules, text) = (HealthRules.Of(key.Health), key.Address.ToString()!);
        var datagrams = key.Protocol == PortProtocols.Udp ? way.Datagrams : null;
        // A name that a proxy looks up is an address here, which never changes.
        var name = key.Address is PortEndpoint named && !way.TakesNames && !IPAddress.TryParse(named.Host, out _) ? NameOf(named.Host, key.Resolve) : null;
        var upstream = name is not null
            ? new Upstream(way.Dialer, name, ((PortEndpoint)key.Address).Ports.First, text, rules, Tell) { Datagrams = datagrams, Header = key.Header, Tls = key.Tls }
            : new Upstream(way.Dialer, AddressOf(key.Address), text, rules, Tell) { Datagrams = datagrams, Header = key.Header, Tls = key.Tls };
        var check = key.Health is null ? null : new HealthCheck(upstream, key.Health, time, key.Network.NextContext());
        return new Entry(upstream, name is null ? way.Names : [.. way.Names, name], check);
    }

    private Way WayOf(INetwork network, SocketTuning tuning, ValueList<DialSource> source, Tunnel? tunnel, ValueList<ProxyUrl> via, TimeSpan resolve)
    {
        IDialer direct = tunnel is null ? network.DialerWith(tuning, source) : new TunnelDialer(tunnel);
        OpenAssociation? there = tunnel is null ? null : (sink, timeout, cancel) => TunnelDatagrams.AssociateAsync(tunnel, sink, timeout, cancel);
        var datagrams = there is null ? network.DatagramDialerWith(source) : new AssociateDialer(there);
        if (via.Count == 0)
            return new Way(direct, datagrams, tunnel is not null, []) { IsFar = tunnel is not null, OpenAssociation = there };
        // What this machine looks up of the proxies; the others are looked up by the one before them.
        var own = via.Where((proxy, i) => proxy.EndPoint is DnsEndPoint && (i > 0 || tunnel is null) && !ProxyDialers.LookUpThere([.. via.Take(i)])).Select(proxy => proxy.Host).Distinct().ToDictionary(host => host, host => NameOf(host, resolve));
        var way = new Way(ProxyDialers.Of(via, direct, Naming, network.Time), datagrams, ProxyDialers.LookUpThere(via), [.. own.Values]) { IsFar = tunnel is not null };
        return ProxyDialers.CarryDatagrams(via)
            ? way with { Datagrams = ProxyDialers.DatagramsOf(via, direct, datagrams, Naming, network.Time), OpenAssociation = OpenAsync }
            : way;

        // The far end of a tunnel looks names up itself.
        IDialer Naming(IDialer inner) => inner is TunnelDialer ? inner : new NameDialer(inner, own.GetValueOrDefault, lookUps.AskAsync, network.Time);

        ValueTask<AssociationResult> OpenAsync(IAssociationSink sink, TimeSpan timeout, CancellationToken cancel)
        {
            ProxyUrl[] before = [.. via.SkipLast(1)];
            return SocksAssociation.OpenAsync(via[^1], ProxyDialers.Of(before, direct, Naming, network.Time), ProxyDialers.DatagramsOf(before, direct, datagrams, Naming, network.Time),
                sink, timeout, network.Time, cancel);
        }
    }

    private static EndPoint AddressOf(Endpoint address) => address is PortEndpoint port
        ? Destination.Read(port.Host, port.Ports.First, out _) ?? new DnsEndPoint(port.Host, port.Ports.First)
        : new UnixDomainSocketEndPoint(((UnixEndpoint)address).Path);

    private ResolvedName NameOf(string host, TimeSpan interval)
    {
        if (!names.TryGetValue((host, interval), out var name))
            names.Add((host, interval), name = new ResolvedName(host, lookUps, interval, time, log));
        return name;
    }

    private void Tell(Upstream upstream, bool isUp, string? reason) => log(Notice.UpstreamHealth(upstream.Text, isUp, reason));
}

/// <summary>How somewhere is dialled: directly, or through proxies.</summary>
/// <param name="Dialer">Who dials.</param>
/// <param name="Datagrams">Who opens flows; through proxies that do not carry datagrams, nobody should ask.</param>
/// <param name="TakesNames">Whether names are for the last proxy to look up.</param>
/// <param name="Names">The proxies' names that this machine looks up, which are kept as long as this is used.</param>
internal sealed record Way(IDialer Dialer, IDatagramDialer Datagrams, bool TakesNames, IReadOnlyList<ResolvedName> Names)
{
    /// <summary>Whether the far end of a tunnel dials: then nothing can be listened for on the way.</summary>
    public bool IsFar { get; init; }

    /// <summary>Opens an association with the last proxy, or the far end of the tunnel, for datagrams to many; null where there is neither, or a proxy that carries none.</summary>
    public OpenAssociation? OpenAssociation { get; init; }
}
