namespace Fairlead.Bench;

/// <summary>Everything that can be measured, in the order of the report.</summary>
static class Works
{
    public static IReadOnlyList<string> Names { get; } = [.. All(new Options()).Select(work => work.Name)];

    /// <summary>Those that were asked for and can be done here; adds the reasons for the rest.</summary>
    public static IReadOnlyList<Work> Chosen(Options options, List<string> leftOut)
    {
        var chosen = All(options).Where(work => options.Only.Count == 0 || options.Only.Contains(work.Name)).ToList();
        leftOut.AddRange(chosen.Where(work => work.Missing is not null).Select(work => $"{work.Name}: {work.Missing}"));
        return [.. chosen.Where(work => work.Missing is null)];
    }

    static Work[] All(Options options) =>
    [
        new BulkWork(options, streams: 1),
        new BulkWork(options, streams: 8),
        new RequestsWork(options),
        new ConnectionsWork(options),
        new RulesWork(options, "rules", Configured.Bare, "through `fairlead run`, without any rule or access log, and with allow, deny, routes, limits by source and prefix, rates and the access log to a file"),
        new RulesWork(options, "networks", Configured.TenNetworks, "through `fairlead run`, with 10 and with 1,000 networks each in allow and routes"),
        new SocksConnectionsWork(options),
        new SocksBulkWork(options),
        new SniConnectionsWork(options),
        new TlsConnectionsWork(options),
        new TlsBulkWork(options),
        new IdleWork(),
        new MixedWork(options),
        new StartWork(),
        new RestWork(),
        new ManyWork(options),
        new FloodWork(options, size: 1400),
        new FloodWork(options, size: 200),
        new PacedWork(options),
        new UdpEchoWork(options),
        new UdpIdleWork(),
        new UdpSessionsWork(options),
        new SshBulkWork(options, streams: 1),
        new SshBulkWork(options, streams: 4),
        new SshRequestsWork(options),
        new SshConnectionsWork(options),
        new SshFarWork(options, isUp: false),
        new SshFarWork(options, isUp: true),
        new SshIdleWork(),
        new SshTunnelsWork(count: 1000),
    ];
}
