namespace Fairlead;

/// <summary>What a running forward does, at one moment.</summary>
public sealed record ForwardStatus
{
    /// <summary>Its name, or what it is called without one; escaped.</summary>
    public required string Name { get; init; }

    /// <summary>The addresses that are listened on, with the ports that the system chose.</summary>
    public required IReadOnlyList<string> Listen { get; init; }

    /// <summary>Where it goes, as it is written; escaped.</summary>
    public required string To { get; init; }

    /// <summary><c>native</c> or <c>portable</c>.</summary>
    public required string Engine { get; init; }

    /// <summary>Whether it listens no more and waits for its sessions.</summary>
    public bool IsDraining { get; init; }

    /// <summary>Sessions now.</summary>
    public int Connections { get; init; }

    /// <summary>How many sessions there may be at once; null: as many as the process may have.</summary>
    public int? MostConnections { get; init; }

    /// <summary>Clients that were accepted since it was started.</summary>
    public long Accepted { get; init; }

    /// <summary>Of them, those who were reset because of <c>allow</c>, <c>deny</c>, or because no route took them.</summary>
    public long Denied { get; init; }

    /// <summary>Of them, those who were reset because of a limit a source or a prefix.</summary>
    public long Limited { get; init; }

    /// <summary>Of them, those for whom no upstream could be had.</summary>
    public long Failed { get; init; }

    /// <summary>Bytes that upstreams have taken, of ended and present sessions.</summary>
    public long BytesFromClients { get; init; }

    /// <summary>Bytes that clients have taken, of ended and present sessions.</summary>
    public long BytesFromUpstreams { get; init; }

    /// <summary>Datagrams that were not passed on, by their reason; reasons for which there were none are left out.</summary>
    public IReadOnlyDictionary<string, long> Dropped { get; init; } = new Dictionary<string, long>();

    /// <summary>Its upstreams, those of routes too.</summary>
    public IReadOnlyList<UpstreamStatus> Upstreams { get; init; } = [];
}

/// <summary>What is known of an upstream, at one moment.</summary>
/// <param name="Address">As it is written, with its port; escaped.</param>
/// <param name="IsUp">Whether clients are sent to it.</param>
/// <param name="Connections">Sessions of this forward that are connected to it now.</param>
/// <param name="SharedConnections">Sessions of all forwards that lead to it, those that are dialling too.</param>
/// <param name="Dialled">Dials of all these forwards that stood, since it was known.</param>
/// <param name="Failed">Dials of theirs that did not.</param>
public sealed record UpstreamStatus(string Address, bool IsUp, int Connections, int SharedConnections, long Dialled, long Failed);

/// <summary>An SSH connection of a tunnel, at one moment.</summary>
public sealed record TunnelStatus
{
    /// <summary>The tunnel's name; of its further connections with a number (<c>office#2</c>), and of the one for datagrams <c>office#udp</c>; escaped.</summary>
    public required string Name { get; init; }

    /// <summary>The server, as it is written; escaped.</summary>
    public required string Server { get; init; }

    /// <summary>Since when it stands; null: it does not.</summary>
    public DateTimeOffset? UpSince { get; init; }

    /// <summary>Why it does not stand; null where it does, or where the first attempt is under way.</summary>
    public string? Fault { get; init; }

    /// <summary>Channels that are open now.</summary>
    public int Channels { get; init; }

    /// <summary>What the far end listens on, with the ports that it chose.</summary>
    public IReadOnlyList<string> Listen { get; init; } = [];
}

/// <summary>One session, at one moment.</summary>
public sealed record ConnectionStatus
{
    /// <summary>Its number, by which it is closed; the same as in the log.</summary>
    public long Id { get; init; }

    /// <summary>The name of its forward.</summary>
    public required string Forward { get; init; }

    /// <summary>The client's address and port; <c>unix</c> for one of a Unix socket.</summary>
    public required string Client { get; init; }

    /// <summary>The address that it came by.</summary>
    public required string Listen { get; init; }

    /// <summary>Where it went; null while that is not decided.</summary>
    public string? Upstream { get; init; }

    /// <summary><c>tcp</c> (Unix sockets too) or <c>udp</c>.</summary>
    public string Protocol { get; init; } = "tcp";

    /// <summary>Datagrams that the upstream has taken; 0 of TCP.</summary>
    public long DatagramsFromClient { get; init; }

    /// <summary>Datagrams that the client has taken; 0 of TCP.</summary>
    public long DatagramsFromUpstream { get; init; }

    /// <summary>When it was accepted.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Whether the upstream's connection stands.</summary>
    public bool IsConnected { get; init; }

    /// <summary>Bytes that the upstream has taken.</summary>
    public long BytesFromClient { get; init; }

    /// <summary>Bytes that the client has taken.</summary>
    public long BytesFromUpstream { get; init; }
}
