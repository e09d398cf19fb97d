using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// SSH connections to one server, each kept alive where it lives: channels are spread over those that stand, and each listen at the far end is held by one of them. Forwards refer to the
/// tunnel, and not to its connections.
/// </summary>
/// <remarks>Listens are looked after in one context; what may be called from elsewhere says so.</remarks>
internal sealed class Tunnel
{
    private readonly Func<TunnelConfig, Action, TunnelLink> make;
    private readonly Dictionary<RemoteListen, TunnelLink> holders = [];
    private readonly List<(TunnelLink Link, Task Over)> retired = [];
    private readonly Lock gate = new();
    private volatile TunnelLink[] links;
    private TunnelConfig config;
    private TunnelLink? datagrams;
    private bool isStarted, isStopped;

    /// <param name="config">What it is.</param>
    /// <param name="make">Makes a connection, with its configuration and whom it tells that it came or went.</param>
    public Tunnel(TunnelConfig config, Func<TunnelConfig, Action, TunnelLink> make)
    {
        (Name, this.config, this.make) = (config.Name, config, make);
        links = [Make(config, 0)];
        links = [.. links, .. Enumerable.Range(1, config.Connections - 1).Select(number => Make(config, number))];
    }

    /// <summary>How it is called. From any thread.</summary>
    public string Name { get; }

    /// <summary>Where its listens are looked after: where its first connection lives, which there is as long as the tunnel. From any thread.</summary>
    public SynchronizationContext Context => links[0].Context;

    /// <summary>The address by which others reach the far end, as far as is known here. From any thread.</summary>
    public IPAddress? FarAddress => links.Select(link => link.FarAddress).FirstOrDefault(address => address is not null);

    /// <summary>
    /// The connection for datagrams, which they have for themselves: in one with streams they would stand behind what those have waiting. It is made when it is first asked for. From any thread.
    /// </summary>
    public TunnelLink Datagrams
    {
        get
        {
            lock (gate)
            {
                if (datagrams is not null)
                    return datagrams;
                datagrams = make(DatagramsOf(config), static () => { });
                if (isStarted && !isStopped)
                    datagrams.Start();
                return datagrams;
            }
        }
    }

    /// <summary>What its connections do at this moment. From any thread.</summary>
    public IEnumerable<TunnelStatus> Status()
    {
        TunnelLink? own;
        lock (gate)
            own = datagrams;
        return links.Concat(own is null ? [] : [own]).Select(static link => link.Status());
    }

    /// <summary>Begins to connect. From any thread, once.</summary>
    public void Start()
    {
        lock (gate)
        {
            isStarted = true;
            datagrams?.Start();
        }
        foreach (var link in links)
            link.Start();
    }

    /// <summary>Goes on with another configuration. Connections that are no more wanted end with their last channel. From any thread, one call after the other.</summary>
    public void Change(TunnelConfig next)
    {
        lock (gate)
        {
            config = next;
            datagrams?.Change(DatagramsOf(next));
        }
        var before = links;
        var kept = before.Take(next.Connections).ToList();
        TunnelLink[] fresh = [.. Enumerable.Range(kept.Count, next.Connections - kept.Count).Select(number => Make(next, number))];
        links = [.. kept, .. fresh];
        for (var number = 0; number < kept.Count; number++)
            kept[number].Change(ConfigOf(next, number));
        foreach (var link in fresh)
            link.Start();
        retired.RemoveAll(static gone => gone.Over.IsCompleted);
        retired.AddRange(before.Skip(kept.Count).Select(link => (link, link.RetireAsync())));
        Context.Run(Settle);
    }

    /// <summary>Ends it. From any thread; completes when it has ended.</summary>
    public Task StopAsync()
    {
        TunnelLink? own;
        lock (gate)
            (isStopped, own) = (true, datagrams);
        return Task.WhenAll(links.Concat(retired.Select(gone => gone.Link)).Concat(own is null ? [] : [own]).Select(link => link.StopAsync()));
    }

    /// <summary>The connection that a new channel is to take: of those that stand the one with the fewest, else one that may stand soon. From any thread.</summary>
    /// <param name="user">Where the channel will be used, if that is decided: a connection that lives there is preferred.</param>
    public TunnelLink Pick(SynchronizationContext? user = null)
    {
        var all = links;
        var standing = all.Where(link => link.IsUp).ToList();
        return standing.Where(link => link.Context == user).MinBy(link => link.ChannelCount) ?? standing.MinBy(link => link.ChannelCount) ?? Array.Find(all, link => link.IsComing) ?? all[0];
    }

    /// <summary>Has the far end listen, now and whenever there is a connection.</summary>
    public void Add(RemoteListen listen)
    {
        var link = Pick();
        holders.Add(listen, link);
        link.Add(listen);
    }

    /// <summary>Has it listen no more.</summary>
    public void Leave(RemoteListen listen)
    {
        if (holders.Remove(listen, out var link))
            link.Leave(listen);
    }

    private TunnelLink Make(TunnelConfig config, int number) => make(ConfigOf(config, number), () => Context.Run(Settle));

    // The first has the tunnel's name, so that it stays the same when there are more.
    private static TunnelConfig ConfigOf(TunnelConfig config, int number) => config with { Name = number == 0 ? config.Name : $"{config.Name}#{number + 1}", Connections = 1 };

    private static TunnelConfig DatagramsOf(TunnelConfig config) => config with { Name = $"{config.Name}#udp", Connections = 1 };

    // A listen whose connection does not stand goes to one that does, without waiting for it to come back.
    private void Settle()
    {
        var all = links;
        foreach (var (listen, holder) in holders.ToArray())
        {
            if (holder.IsUp && all.Contains(holder))
                continue;
            var next = all.Where(link => link.IsUp).MinBy(link => link.ChannelCount) ?? (all.Contains(holder) ? holder : all[0]);
            if (next == holder)
                continue;
            holder.Leave(listen);
            next.Add(listen);
            holders[listen] = next;
        }
    }
}
