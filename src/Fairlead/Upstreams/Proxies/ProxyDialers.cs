using Fairlead.Net;

namespace Fairlead;

/// <summary>Dialers through proxies, one behind the other: the first is dialled directly, the next through it, and so on.</summary>
internal static class ProxyDialers
{
    /// <summary>Whether datagrams can go that way: each proxy has to pass them on.</summary>
    public static bool CarryDatagrams(IReadOnlyList<ProxyUrl> hops) => hops.All(hop => hop.Scheme is ProxyScheme.Socks5 or ProxyScheme.Socks5h);

    /// <summary>Whether a name is looked up by the last proxy, and not on this machine.</summary>
    public static bool LookUpThere(IReadOnlyList<ProxyUrl> hops) => hops.Count > 0 && hops[^1].Scheme != ProxyScheme.Socks5;

    /// <summary>Who dials through all of them. It takes addresses and names.</summary>
    /// <param name="hops">The proxies, the nearest first; none: directly.</param>
    /// <param name="direct">Who dials addresses from this machine.</param>
    /// <param name="naming">Makes a dialer of addresses one of names, which are looked up on this machine: see <see cref="NameDialer"/>.</param>
    /// <param name="time">Measures it, where connections belong.</param>
    public static IDialer Of(IReadOnlyList<ProxyUrl> hops, IDialer direct, Func<IDialer, IDialer> naming, TimeProvider time)
    {
        var dialer = naming(direct);
        foreach (var hop in hops)
        {
            IDialer through = hop.Scheme switch
            {
                ProxyScheme.Http => new HttpConnectDialer(hop.EndPoint, Printable.Escape(hop.ToString()), hop.User, hop.Password, dialer, time),
                _ => new SocksDialer(hop, dialer, time),
            };
            dialer = hop.Scheme == ProxyScheme.Socks5 ? naming(through) : through;
        }
        return dialer;
    }

    /// <summary>Who opens flows through all of them, if they <see cref="CarryDatagrams"/>.</summary>
    /// <param name="hops">The proxies, the nearest first; none: directly.</param>
    /// <param name="direct">Who dials addresses from this machine.</param>
    /// <param name="datagrams">Who opens flows from this machine.</param>
    /// <param name="naming">As for <see cref="Of"/>.</param>
    /// <param name="time">Measures it, where connections belong.</param>
    public static IDatagramDialer DatagramsOf(
        IReadOnlyList<ProxyUrl> hops, IDialer direct, IDatagramDialer datagrams, Func<IDialer, IDialer> naming, TimeProvider time)
    {
        for (var i = 0; i < hops.Count; i++)
            datagrams = new AssociateDialer(hops[i], Of([.. hops.Take(i)], direct, naming, time), datagrams, time);
        return datagrams;
    }
}
