namespace Fairlead;

/// <summary>The hub as forwards, so that it listens, is reloaded, drained and shown as they are: one of the clients' connections, and one of what goes through them.</summary>
internal static class HubForwards
{
    /// <summary>What both are called.</summary>
    public const string Connections = "hub", Channels = "hub-channels";

    /// <summary>The forwards, and those of the hub.</summary>
    public static IReadOnlyList<ForwardConfig> With(IReadOnlyList<ForwardConfig> forwards, HubConfig? hub, EngineKind engine = EngineKind.Auto)
    {
        if (hub is null)
            return forwards;
        // The second is where the first puts its sessions, so it comes before.
        return
        [
            .. forwards,
            new ForwardConfig { Name = Channels, Listen = [], OfHub = hub, Engine = engine },
            new ForwardConfig { Name = Connections, Listen = hub.Listen, OfHub = hub, Engine = engine, Limits = new ForwardLimits { Connections = hub.MaxConnections, ConnectionsPerSource = hub.MaxConnectionsPerSource, ConnectionsPerPrefix = hub.MaxConnectionsPerPrefix } },
        ];
    }
}
