namespace Fairlead;

/// <summary>The tunnels of an engine, each by its name. A tunnel outlives reloads, whatever they change about it. Under the engine's gate.</summary>
/// <param name="make">Makes a tunnel that is not started.</param>
internal sealed class TunnelSet(Func<TunnelConfig, Tunnel> make)
{
    private readonly Dictionary<string, (Tunnel Tunnel, TunnelConfig Config)> tunnels = [];
    private readonly Dictionary<string, Tunnel> prepared = [];
    private readonly List<Task> leaving = [];

    /// <summary>Makes those that are new. They are started by <see cref="Keep"/>, or forgotten by <see cref="Undo"/>.</summary>
    public void Prepare(IEnumerable<TunnelConfig> wanted)
    {
        prepared.Clear();
        foreach (var config in wanted)
            prepared.Add(config.Name, tunnels.TryGetValue(config.Name, out var known) ? known.Tunnel : make(config));
    }

    public void Undo() => prepared.Clear();

    /// <summary>The tunnel of a name, of those that were prepared last.</summary>
    public Tunnel Of(string name) => prepared[name];

    /// <summary>Makes what was prepared true: new ones begin to connect, changed ones connect anew, and those that nobody wants end.</summary>
    public void Keep(IReadOnlyList<TunnelConfig> wanted)
    {
        leaving.RemoveAll(static task => task.IsCompleted);
        foreach (var config in wanted)
        {
            if (!tunnels.TryGetValue(config.Name, out var known))
                prepared[config.Name].Start();
            else if (known.Config != config)
                known.Tunnel.Change(config);
            tunnels[config.Name] = (prepared[config.Name], config);
        }
        foreach (var gone in tunnels.Keys.Except(wanted.Select(config => config.Name)).ToList())
        {
            leaving.Add(tunnels[gone].Tunnel.StopAsync());
            tunnels.Remove(gone);
        }
    }

    /// <summary>Ends them all.</summary>
    public Task StopAsync() => Task.WhenAll([.. leaving, .. tunnels.Values.Select(known => known.Tunnel.StopAsync())]);
}
