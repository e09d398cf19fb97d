namespace Fairlead;

/// <summary>
/// The TLS of all forwards, each once however many forwards have the same. Its files are read before a change of the configuration is made, so that one that cannot be
/// used refuses the change.
/// </summary>
/// <param name="time">When files are looked at again.</param>
/// <param name="log">Told of files that somebody should look at.</param>
internal sealed class TlsSet(TimeProvider time, Action<LogEntry> log) : IDisposable
{
    private readonly Dictionary<TlsConfig, TlsServer> servers = [];
    private readonly Dictionary<(UpstreamTlsConfig, string?), TlsClient> clients = [];

    /// <summary>Reads the files of what is not there yet, which blocks.</summary>
    /// <exception cref="ForwardException">Files cannot be used; the message names each and the remedy. Nothing was added.</exception>
    public void Prepare(IReadOnlyList<ForwardConfig> wanted)
    {
        var (errors, newServers, newClients) = (new List<string>(), new Dictionary<TlsConfig, TlsServer>(), new Dictionary<(UpstreamTlsConfig, string?), TlsClient>());
        foreach (var forward in wanted)
        {
            if (forward.Tls is { } config && !servers.ContainsKey(config) && !newServers.ContainsKey(config))
                Try(forward, () => newServers.Add(config, new TlsServer(config, time, Warn)));
            foreach (var upstream in forward.Upstreams)
            {
                if (upstream.Tls is { } own && KeyOf(upstream) is var key && !clients.ContainsKey(key) && !newClients.ContainsKey(key))
                    Try(forward, () => newClients.Add(key, new TlsClient(own, key.Host, time, Warn)));
            }
        }
        if (errors.Count > 0)
        {
            Dispose(newServers.Values.Concat<IDisposable>(newClients.Values));
            throw new ForwardException(string.Join('\n', errors.Distinct()));
        }
        foreach (var (key, server) in newServers)
            servers.Add(key, server);
        foreach (var (key, client) in newClients)
            clients.Add(key, client);

        void Try(ForwardConfig forward, Action make)
        {
            try
            {
                make();
            }
            catch (FormatException wrong)
            {
                errors.Add($"forward {ForwardRules.Describe(forward)}: {wrong.Message}");
            }
        }
    }

    /// <summary>What files cannot be used, a line each.</summary>
    public static IReadOnlyList<string> Faults(IReadOnlyList<ForwardConfig> forwards)
    {
        using var set = new TlsSet(TimeProvider.System, static _ => { });
        try
        {
            set.Prepare(forwards);
            return [];
        }
        catch (ForwardException wrong)
        {
            return wrong.Message.Split('\n');
        }
    }

    /// <summary>How a forward's clients are answered; null: in the clear.</summary>
    public TlsServer? ServerOf(ForwardConfig forward) => forward.Tls is { } config ? servers[config] : null;

    /// <summary>How an upstream is spoken to; null: in the clear.</summary>
    public TlsClient? ClientOf(UpstreamConfig upstream) => upstream.Tls is null ? null : clients[KeyOf(upstream)];

    /// <summary>Forgets what these do not use; sessions that began with it go on.</summary>
    public void Retain(IReadOnlyList<ForwardConfig> used)
    {
        var usedServers = used.Select(forward => forward.Tls).OfType<TlsConfig>().ToHashSet();
        var usedClients = used.SelectMany(forward => forward.Upstreams).Where(upstream => upstream.Tls is not null).Select(KeyOf).ToHashSet();
        foreach (var gone in servers.Keys.Except(usedServers).ToList())
        {
            servers[gone].Dispose();
            servers.Remove(gone);
        }
        foreach (var gone in clients.Keys.Except(usedClients).ToList())
        {
            clients[gone].Dispose();
            clients.Remove(gone);
        }
    }

    public void Dispose()
    {
        Dispose(servers.Values.Concat<IDisposable>(clients.Values));
        servers.Clear();
        clients.Clear();
    }

    private static (UpstreamTlsConfig Tls, string? Host) KeyOf(UpstreamConfig upstream) => (upstream.Tls!, (upstream.Address as PortEndpoint)?.Host);

    private static void Dispose(IEnumerable<IDisposable> all)
    {
        foreach (var one in all)
            one.Dispose();
    }

    private void Warn(string message) => log(Notice.TlsFiles(message));
}
