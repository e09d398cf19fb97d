namespace Fairlead.Bench;

/// <summary>The forwarders of all peers, running side by side through all rounds of a work. Only one has traffic at a time.</summary>
sealed class Lineup : IDisposable
{
    readonly Dictionary<Peer, Forwarder> forwarders = [];
    readonly Dictionary<Peer, string> failures = [];

    /// <param name="peers">Those to start; one that fails is left for <see cref="this"/> to complain about.</param>
    /// <param name="routes">The routes of each peer, by its place in the list.</param>
    /// <param name="workshop">Where they run.</param>
    /// <param name="start">How one is started, where not by itself.</param>
    public Lineup(IReadOnlyList<Peer> peers, Func<int, IReadOnlyList<Route>> routes, Workshop workshop, Func<Peer, IReadOnlyList<Route>, Forwarder>? start = null)
    {
        for (var i = 0; i < peers.Count; i++)
        {
            try
            {
                forwarders[peers[i]] = start?.Invoke(peers[i], routes(i)) ?? peers[i].Start(routes(i), workshop);
            }
            catch (MeasureException e)
            {
                failures[peers[i]] = e.Message;
            }
        }
    }

    public Forwarder this[Peer peer] =>
        forwarders.GetValueOrDefault(peer) ?? throw new MeasureException(failures[peer]);

    public void Dispose()
    {
        foreach (var forwarder in forwarders.Values)
            forwarder.Dispose();
    }
}
