using System.Net;

namespace Fairlead;

/// <summary>What a session does whose client says where to go, or whose way was decided elsewhere: all that is left of it, except closing its client.</summary>
internal delegate ValueTask<SessionOutcome> Errand(StreamSession session);

/// <summary>
/// What a session has beside one relay, if it is more than that: what its client has said of itself, and what a conversation keeps going.
/// </summary>
internal sealed class Talk
{
    private readonly Lock gate = new();
    private readonly LinkedList<Action> stops = [];
    private long bytesFromClient, bytesFromUpstream;

    /// <summary>Where the session is lived if its client belongs nowhere; null where the client says it, or where nothing happens in two places at once.</summary>
    public SynchronizationContext? Home { get; init; }

    /// <summary>What the session does once its client is let in; null: what its plan says.</summary>
    public Errand? Errand { get; init; }

    /// <summary>Who the client really is, as a PROXY header says; null without one.</summary>
    public IPEndPoint? ClientEndPoint { get; set; }

    /// <summary>Where it really wrote to, likewise.</summary>
    public IPEndPoint? ClientDestination { get; set; }

    /// <summary>The name that the client asked for by TLS, in lower case; null where it named none, or has not been heard.</summary>
    public string? ServerName { get; set; }

    /// <summary>Whether what the client says of a name has been heard.</summary>
    public bool IsNameHeard { get; set; }

    /// <summary>Where the client wanted to go, as it is shown: escaped; null where that is an upstream of the configuration.</summary>
    public string? Target { get; set; }

    /// <summary>Whether the client's wish has been met, though nothing may be relayed at this moment.</summary>
    public bool IsConnected { get; set; }

    /// <summary>Bytes of the client that were taken where the session's own relay does not count them.</summary>
    public long BytesFromClient => Interlocked.Read(ref bytesFromClient);

    /// <summary>Bytes for the client, likewise.</summary>
    public long BytesFromUpstream => Interlocked.Read(ref bytesFromUpstream);

    public void CountFromClient(long bytes) => Interlocked.Add(ref bytesFromClient, bytes);

    public void CountFromUpstream(long bytes) => Interlocked.Add(ref bytesFromUpstream, bytes);

    /// <summary>Remembers what ends something that is kept going.</summary>
    public LinkedListNode<Action> Add(Action stop)
    {
        lock (gate)
            return stops.AddLast(stop);
    }

    /// <summary>That has ended.</summary>
    public void Forget(LinkedListNode<Action> node)
    {
        lock (gate)
            node.List?.Remove(node);
    }

    /// <summary>Ends all that is kept going.</summary>
    public void Stop()
    {
        List<Action> all;
        lock (gate)
            all = [.. stops];
        foreach (var stop in all)
            stop();
    }
}
