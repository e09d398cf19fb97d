using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What an <see cref="Engine"/> runs with.</summary>
public sealed record EngineOptions
{
    /// <summary>How many event loops the native path has.</summary>
    public int Loops { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether bulk may be moved inside the kernel by splice(2) on the native path.</summary>
    public bool Splice { get; init; } = true;

    /// <summary>
    /// Told of everything worth telling. Called on event loops: it must neither block nor throw.
    /// </summary>
    public Action<LogEntry>? Log { get; init; }

    /// <summary>
    /// Told, from anywhere, of a tunnel that a person should look after: its name, and why. The server is not believed, lets nobody in, or (<see cref="SshEndCause.Closed"/>) does not
    /// listen. Says whether everything ends for it; else the tunnel goes on trying.
    /// </summary>
    internal Func<string, SshEnd, bool>? OnHopeless { get; init; }

    /// <summary>Who is asked for passphrases and passwords that tunnels need; null: nobody is there.</summary>
    internal AskUser? Ask { get; init; }

    /// <summary>Which engine tunnels and the hub use; for tests.</summary>
    internal EngineKind SshEngine { get; init; }

    /// <summary>How many bytes of datagrams are to wait for each socket at the most; for tests.</summary>
    internal int DatagramBuffer { get; init; } = new Net.DatagramListenOptions().ReceiveBuffer;

    /// <summary>How many descriptors the program around the engine needs by itself; null: those that are open at the first <see cref="Engine.Apply"/>.</summary>
    internal int? OwnDescriptors { get; init; }

    /// <summary>
    /// Listening sockets that were made elsewhere, as systemd passes them. A forward takes those that carry its name instead of binding its listens, and
    /// one of another name whose address it would listen on. The engine owns them.
    /// </summary>
    public IReadOnlyList<InheritedSocket> Inherited { get; init; } = [];
}

/// <summary>A listening socket that was made elsewhere.</summary>
/// <param name="Name">What it is called (<c>FileDescriptorName=</c> of systemd.socket(5)); not unique.</param>
/// <param name="Descriptor">The open descriptor.</param>
public sealed record InheritedSocket(string Name, int Descriptor);

/// <summary>A set of running forwards.</summary>
/// <example>
/// <code>
/// await using var engine = new Engine();
/// engine.Start(ForwardConfig.Parse("127.0.0.1:8080:example.com:80"));
/// Console.ReadLine();
/// </code>
/// </example>
public sealed class Engine : IAsyncDisposable
{
    private readonly EngineOptions options;
    private readonly int descriptorLimit = Descriptors.RaiseLimit();
    private readonly Lock gate = new();
    private readonly Networks networks;
    private readonly Admission room;
    private readonly InheritedSockets inherited;
    private readonly ListenSet listens;
    private readonly LookUps lookUps;
    private readonly DestinationNames destinationNames;
    private readonly TlsSet tls;
    private readonly UpstreamSet upstreams;
    private readonly TunnelSet tunnels;
    private readonly HubKeys hubKeys = new();
    private readonly TimeProvider? time;
    private readonly HubCounts hubCounts;
    private readonly RefusalLog refusals;
    private readonly List<Departure> leaving = [];
    // What the configuration still wants, and nobody may start before the next change; also when its last session has ended.
    private readonly HashSet<string> drained = [];
    private List<Forward> forwards = [];
    private int? ownDescriptors;
    private long lastFullNotice, lastNearlyFullNotice;
    private Task<int>? stopping;

    /// <summary>Makes an engine without forwards; nothing is bound and no thread runs yet.</summary>
    /// <exception cref="ForwardException">An inherited socket does not listen.</exception>
    public Engine(EngineOptions? options = null)
        : this(options, new LookUps())
    {
    }

    /// <summary>The same with another resolver, and other time for what is done now and then: names that are looked up again, health, refusals that are told, and the hub's connections.</summary>
    internal Engine(EngineOptions? options, LookUps lookUps, TimeProvider? time = null)
    {
        (this.lookUps, this.time) = (lookUps, time);
        (hubCounts, refusals) = (new HubCounts(time ?? TimeProvider.System), new RefusalLog(time ?? TimeProvider.System));
        destinationNames = new DestinationNames(lookUps.Apart(mostThreads: 16));
        this.options = options ?? new EngineOptions();
        networks = new Networks(this.options, descriptorLimit);
        room = new Admission(0, () => SayAtMostOnceAMinute(ref lastFullNotice, Notice.Full), () => SayAtMostOnceAMinute(ref lastNearlyFullNotice, Notice.NearlyFull));
        inherited = new InheritedSockets(this.options.Inherited);
        tunnels = new TunnelSet(networks, lookUps, this.options, Log);
        listens = new ListenSet(networks, inherited, room, tunnels, this.options.DatagramBuffer, Log);
        tls = new TlsSet(time ?? TimeProvider.System, Log);
        upstreams = new UpstreamSet(lookUps, tls, tunnels, time ?? TimeProvider.System, Log);
    }

    /// <summary>How many sessions are under way.</summary>
    public int SessionCount
    {
        get
        {
            lock (gate)
                return All.Sum(forward => forward.SessionCount);
        }
    }

    /// <summary>Who is at the hub; for tests.</summary>
    internal HubCounts HubCounts => hubCounts;

    /// <summary>How many sessions there may be at once.</summary>
    public int MostSessions => room.Limit;

    /// <summary>
    /// Starts forwards, all or none: every listen is bound before the first connection is accepted. Called once; <see cref="Apply"/> changes them.
    /// </summary>
    /// <returns>The addresses that are listened on, in the order of the forwards, with the ports that the system chose.</returns>
    /// <exception cref="ForwardException">A forward cannot be started; the message names the place and the remedy. Nothing is left bound.</exception>
    public IReadOnlyList<EndPoint> Start(params IReadOnlyList<ForwardConfig> forwards)
    {
        lock (gate)
        {
            if (this.forwards.Count > 0 || stopping is not null)
                throw new InvalidOperationException("An engine is started once.");
            Apply(forwards);
            return [.. this.forwards.SelectMany(forward => forward.Listens).Select(listen => listen.EndPoint)];
        }
    }

    /// <summary>The same for a whole configuration.</summary>
    internal IReadOnlyList<EndPoint> StartConfiguration(Configuration configuration)
    {
        lock (gate)
        {
            if (forwards.Count > 0 || stopping is not null)
                throw new InvalidOperationException("An engine is started once.");
            ApplyConfiguration(configuration);
            return [.. forwards.SelectMany(forward => forward.Listens).Select(listen => listen.EndPoint)];
        }
    }

    /// <summary>
    /// Makes the running forwards these, all or none: what is new is bound before anything is closed, a listen that stays is never closed, and forwards that did
    /// not change notice nothing. Sessions go on as they began, also those of forwards that are gone, unless <see cref="ForwardConfig.OnChange"/> says otherwise.
    /// A forward that comes back while it still has sessions is the same again.
    /// </summary>
    /// <param name="wanted">The forwards that are to run.</param>
    /// <param name="limits">Limits of the whole process.</param>
    /// <param name="tunnels">The tunnels that they name; those that they name by an URL need not be among them.</param>
    /// <param name="hub">The server for the tunnels of others; null: none.</param>
    /// <returns>What was changed.</returns>
    /// <exception cref="ForwardException">The forwards cannot be had; the message names each place and the remedy. Nothing has changed.</exception>
    public ConfigChange Apply(IReadOnlyList<ForwardConfig> wanted, ProcessLimits? limits = null, IReadOnlyList<TunnelConfig>? tunnels = null, HubConfig? hub = null)
    {
        wanted = FtpDataForwards.With(wanted);
        var wantedTunnels = TunnelConfig.All(tunnels ?? [], wanted);
        // Without its tunnel a forward would listen, or dial, where nobody wants it to.
        if (wanted.SelectMany(forward => forward.Tunnels).FirstOrDefault(name => wantedTunnels.All(tunnel => tunnel.Name != name)) is { } unknown)
            throw new ForwardException($"there is no tunnel {Printable.Escape(unknown)}");
        // Names of this machine's addresses, which may take long to be looked up.
        var hosts = PlannedListen.LookUp(HubForwards.With(wanted, hub, options.SshEngine), lookUps);
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(stopping is not null, this);
            if (ForwardRules.Check(wanted) is { Count: > 0 } errors)
                throw new ForwardException(string.Join('\n', errors));
            if (hub is not null)
                hubKeys.Prepare(hub);
            wanted = HubForwards.With(wanted, hub, options.SshEngine);
            tls.Prepare(wanted);
            try
            {
                return ApplyPrepared(wanted, hosts, limits, wantedTunnels);
            }
            finally
            {
                // What a refused change had read is forgotten.
                tls.Retain([.. forwards.Select(forward => forward.Plan.Config)]);
            }
        }
    }

    /// <summary>The same for a whole configuration.</summary>
    internal ConfigChange ApplyConfiguration(Configuration wanted)
    {
        List<string> errors = [.. ConfigurationRules.Check(wanted)];
        if (errors.Count == 0)
            errors.AddRange(SshFiles.Faults(wanted));
        if (errors.Count > 0)
            throw new ForwardException(string.Join('\n', errors));
        var change = Apply(wanted.Forwards, wanted.Limits, wanted.Tunnels, wanted.Hub);
        if (wanted.Hub is { } hub)
            TellOfKeys(hub);
        return change;
    }

    // Who adds a line to the file hears by a reload whether it counts.
    private void TellOfKeys(HubConfig hub)
    {
        try
        {
            foreach (var warning in PlannedKeys.Of(hub, DateTimeOffset.UtcNow).Warnings)
                Log(Notice.HubKeys(warning));
        }
        catch (SshKeyException error)
        {
            Log(Notice.HubKeysUnreadable(error.Message));
        }
    }

    // Under the gate.
    private ConfigChange ApplyPrepared(IReadOnlyList<ForwardConfig> wanted, IReadOnlyDictionary<string, Func<IPAddress[]>> hosts, ProcessLimits? limits, ValueList<TunnelConfig> wantedTunnels)
    {
        tunnels.Prepare(wantedTunnels);
        var change = ConfigChange.Between([.. forwards.Select(forward => forward.Plan.Config)], wanted);
        var named = ConfigChange.ByIdentity(wanted);
        var known = All.ToDictionary(forward => forward.Identity);
        var running = forwards.ToHashSet();
        var unchanged = new HashSet<object>(change.Unchanged, ReferenceEqualityComparer.Instance);
        var (moving, staying) = (new List<ListenSet.Wish>(), new HashSet<Forward>());
        foreach (var (identity, config) in named)
        {
            var present = known.GetValueOrDefault(identity) is { } forward && running.Contains(forward) ? forward : null;
            if (present is not null && unchanged.Contains(config))
                staying.Add(present);
            else
                moving.Add(new ListenSet.Wish(identity, config, [.. PlannedListen.Of(config, hosts)], present?.Listens ?? []));
        }
        var claims = listens.Prepare(moving, staying.Contains, ChooseSharing(staying.Sum(forward => forward.Listens.Count) + moving.Sum(wish => wish.Plan.Count)));
        try
        {
            MakeRoom(wanted, limits ?? new ProcessLimits());
        }
        catch
        {
            listens.Undo(claims.Values.SelectMany(of => of));
            throw;
        }
        Commit(named, known, claims);
        tunnels.Keep(wantedTunnels);
        foreach (var warning in inherited.CloseRest())
            Log(Notice.InheritedUnused(warning));
        return change;
    }

    /// <summary>
    /// Stops in three phases: stops listening (whom the kernel had already accepted is served), waits for the sessions as long as
    /// <paramref name="drain"/> says (null: the longest <see cref="ForwardTimeouts.Drain"/>), then resets what is left.
    /// </summary>
    /// <param name="drain">How long sessions may go on.</param>
    /// <param name="atOnce">Ends the waiting early.</param>
    /// <returns>How many sessions had to be reset.</returns>
    public Task<int> StopAsync(TimeSpan? drain = null, CancellationToken atOnce = default)
    {
        lock (gate)
        {
            return stopping ??= StopCoreAsync(drain ?? LongestDrain, atOnce);
        }
    }

    /// <summary>Stops at once.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero).ConfigureAwait(false);

    /// <summary>What each forward does at this moment, in the order in which they are written; then those that only wait for their sessions.</summary>
    public IReadOnlyList<ForwardStatus> Status()
    {
        lock (gate)
        {
            return [.. forwards.Select(forward => forward.Status(false, EngineOf(forward))), .. leaving.Select(gone => gone.Forward.Status(true, EngineOf(gone.Forward)))];
        }
    }

    /// <summary>What the connections of tunnels do at this moment, in the order of their names.</summary>
    public IReadOnlyList<TunnelStatus> Tunnels()
    {
        lock (gate)
            return tunnels.Status();
    }

    /// <summary>The sessions of this moment, the oldest first.</summary>
    public IReadOnlyList<ConnectionStatus> Connections()
    {
        var now = DateTimeOffset.UtcNow;
        return [.. Everybody().SelectMany(forward => forward.Sessions()).Select(session => session.Status(now)).OrderBy(session => session.Id)];
    }

    /// <summary>Resets the session with this number: whether there is one.</summary>
    public bool Close(long id) => Everybody().Sum(forward => forward.Close(session => session.Id == id)) > 0;

    /// <summary>Resets the sessions of a forward: how many they were; null where no forward is called so.</summary>
    public int? CloseAll(string title) => Everybody().Where(forward => forward.Title == title).ToList() is { Count: > 0 } meant ? meant.Sum(forward => forward.Close(static _ => true)) : null;

    /// <summary>
    /// Stops listening for a forward, or for all; sessions go on. The next <see cref="Apply"/> that wants the forward starts it again.
    /// </summary>
    /// <returns>How many forwards listened until now: none where all that are meant were drained already; null where no forward is called so.</returns>
    public int? Drain(string? title = null)
    {
        lock (gate)
        {
            var meant = forwards.Where(forward => title is null || forward.Title == title).ToList();
            // A stop drains them all.
            if (meant.Count == 0 || stopping is not null)
                return title is null || meant.Count > 0 || drained.Contains(title) || leaving.Exists(gone => gone.Forward.Title == title) ? 0 : null;
            forwards = [.. forwards.Except(meant)];
            foreach (var forward in meant)
            {
                SeeOff(forward);
                drained.Add(forward.Title);
            }
            RetainUpstreams();
            return meant.Count;
        }
    }

    private void Commit(OrderedDictionary<string, ForwardConfig> wanted, Dictionary<string, Forward> known, Dictionary<string, List<Claim>> claims)
    {
        listens.TellWhatIsLeftOut();
        var ephemeral = ListenRefusal.EphemeralPorts();
        var kept = claims.Values.SelectMany(of => of).Select(claim => claim.Listen).ToHashSet();
        // Who comes back has nothing left of where it listened.
        foreach (var back in leaving.Where(gone => wanted.ContainsKey(gone.Forward.Identity)))
            back.Forward.Listens.Clear();
        leaving.RemoveAll(gone => wanted.ContainsKey(gone.Forward.Identity));
        foreach (var (identity, own) in claims)
        {
            var config = wanted[identity];
            var isNew = !known.TryGetValue(identity, out var forward);
            if (forward is null)
                known.Add(identity, forward = new Forward(identity, config.Title, Log, refusals));
            var network = networks.Of(config);
            var plan = new ForwardPlan(config, network, (target, offset, protocol, tunnel, via) => upstreams.At(target, offset, protocol, config, network, tunnel, via), tls.ServerOf(config), DynamicOf(config, network))
            {
                HomeOf = ThroughOf(config) is { } tunnel ? () => tunnel.Pick().Context : null,
                At = config.At is { } at ? tunnels.Of(at) : null,
                Hub = HubOf(config, network, known),
            };
            forward.Adopt(plan);
            Unbind(forward, [.. forward.Listens.Where(listen => !kept.Contains(listen))]);
            forward.Listens.Clear();
            foreach (var claim in own)
            {
                listens.Keep(claim, new Binding(forward, plan, claim.Planned.Offset));
                forward.Listens.Add(claim.Listen);
            }
            Announce(forward, own, ephemeral);
            if (!isNew && config.OnChange == OnChange.Close)
                forward.Close(session => session.Binding.Plan.Config != config);
        }
        foreach (var gone in forwards.Where(forward => !wanted.ContainsKey(forward.Identity)))
        {
            // A listen that another forward has now is that one's.
            gone.Listens.RemoveAll(kept.Contains);
            SeeOff(gone);
            if (gone.Plan.Config.OnChange == OnChange.Close)
                gone.Close(static _ => true);
        }
        // Sockets of datagrams that a departed forward still answered from, and that another has now.
        foreach (var gone in leaving.Where(gone => gone.Forward.Closing.Exists(kept.Contains)).ToList())
        {
            gone.Forward.Listens.RemoveAll(kept.Contains);
            gone.Forward.Closing.RemoveAll(kept.Contains);
            leaving.Remove(gone);
            Depart(gone.Forward);
        }
        forwards = [.. wanted.Keys.Select(identity => known[identity])];
        drained.Clear();
        RetainUpstreams();
    }

    private Hub? HubOf(ForwardConfig config, INetwork network, Dictionary<string, Forward> known)
    {
        if (config.OfHub is not { } hub || config.Listen.Count == 0)
            return null;
        var channels = known.Values.First(forward => forward.Title == HubForwards.Channels);
        return new Hub(hub, network, new Binding(channels, channels.Plan, 0), hubKeys.Own, hubCounts, destinationNames, time);
    }

    // A session of a forward that needs one tunnel is lived where that lives; of several, only the client's own place is left.
    private Tunnel? ThroughOf(ForwardConfig config)
    {
        var dialling = config.Routes.Select(route => config.WayOf(route).Tunnel).Append(config.Tunnel).OfType<string>().Distinct().ToList();
        return config.At is null && dialling is [var only] ? tunnels.Of(only) : null;
    }

    private DynamicProxy? DynamicOf(ForwardConfig config, INetwork network)
    {
        return config.IsDynamic ? new DynamicProxy(config, network, upstreams.WayOf(config, network), new DestinationRules(config.DenyTo, config.AllowTo, listens.IsOwn), destinationNames) : null;
    }

    // Under the gate.
    private void RetainUpstreams() => upstreams.Retain(forwards.SelectMany(forward => forward.Plan.Upstreams).ToHashSet(), forwards.SelectMany(forward => forward.Plan.Dynamic?.Way.Names ?? []));

    private void SeeOff(Forward forward)
    {
        Unbind(forward, forward.Listens);
        Depart(forward);
    }

    private void Depart(Forward forward)
    {
        var departure = new Departure(forward, Task.WhenAll(forward.Closing.Select(listen => listen.WhenOverAsync())));
        leaving.Add(departure);
        _ = ForgetAsync(departure);
    }

    // Does nothing where the forward has come back meanwhile, also if it was seen off again: that is another departure.
    private async Task ForgetAsync(Departure departure)
    {
        await departure.LastBacklog.ConfigureAwait(false);
        await departure.Forward.WhenEmptyAsync().ConfigureAwait(false);
        lock (gate)
            leaving.Remove(departure);
    }

    private void Unbind(Forward forward, List<Listen> gone)
    {
        forward.Closing.RemoveAll(static listen => listen.WhenOverAsync().IsCompleted);
        foreach (var listen in gone)
        {
            listens.Unbind(listen);
            Log(Notice.NotListening(listen.Binding.Plan.Config, listen.Text));
        }
        forward.Closing.AddRange(gone);
    }

    // Under the gate.
    private IEnumerable<Forward> All => forwards.Concat(leaving.Select(gone => gone.Forward));

    private List<Forward> Everybody()
    {
        lock (gate)
            return [.. All];
    }

    private async Task<int> StopCoreAsync(TimeSpan drain, CancellationToken atOnce)
    {
        var over = OverAsync(listens.UnbindAllAsync());
        foreach (var forward in Everybody())
            forward.Quieten();
        await over.WaitAsync(drain, atOnce).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var reset = over.IsCompleted ? 0 : Abort();
        await over.ConfigureAwait(false);
        await tunnels.StopAsync().ConfigureAwait(false);
        upstreams.Dispose();
        tls.Dispose();
        destinationNames.Dispose();
        hubKeys.Dispose();
        networks.Dispose();
        return reset;
    }

    // Sessions are waited for when the last backlog is served: until then, it may still bring somebody.
    private async Task OverAsync(Task unbound)
    {
        await unbound.ConfigureAwait(false);
        await Task.WhenAll(Everybody().Select(forward => forward.WhenEmptyAsync())).ConfigureAwait(false);
    }

    private int Abort()
    {
        lock (gate)
        {
            listens.Abort();
            return All.Sum(forward => forward.Abort());
        }
    }

    /// <summary>How long a stop may take: the longest drain of the forwards.</summary>
    internal TimeSpan LongestDrain
    {
        get
        {
            var drains = Everybody().Select(forward => forward.Plan.Config.Timeouts.Drain).ToList();
            return drains.Contains(Timeout.InfiniteTimeSpan) ? Timeout.InfiniteTimeSpan : drains.DefaultIfEmpty().Max();
        }
    }

    private bool ChooseSharing(int count)
    {
        var own = options.OwnDescriptors ?? ownDescriptors ?? Descriptors.CountOpen() - options.Inherited.Count;
        if (count > descriptorLimit - Descriptors.Reserve(descriptorLimit) - own)
        {
            throw new ForwardException(
                $"{count} {(count == 1 ? "listen is" : "listens are")} asked for, and the process may have {descriptorLimit} descriptors, of which the program itself needs {own} and "
                + $"{Descriptors.Reserve(descriptorLimit)} are kept back; {Descriptors.Remedy}");
        }
        return Descriptors.SharesListens(count, options.Loops, descriptorLimit);
    }

    // What sessions and pipes hold at this moment is not counted but planned for: they come and go while a reload is under way.
    private void MakeRoom(IReadOnlyList<ForwardConfig> wanted, ProcessLimits limits)
    {
        var sockets = Plan.SocketsOf(wanted, descriptorLimit, options.Loops, OperatingSystem.IsLinux());
        ownDescriptors ??= options.OwnDescriptors ?? (int)Math.Max(0, Descriptors.CountOpen() - sockets - networks.LoopDescriptors);
        var own = ownDescriptors.Value + networks.LoopDescriptors;
        var sessions = Descriptors.Sessions(descriptorLimit, own, sockets, networks.Pipes);
        if (sessions < 1)
            throw new ForwardException(Descriptors.NoRoom(descriptorLimit, own, sockets));
        room.SetLimit(Math.Min(sessions, limits.Connections ?? int.MaxValue));
    }

    // Once a minute is enough to be told; it may happen thousands of times a second.
    private void SayAtMostOnceAMinute(ref long lastTime, Func<int, Notice> notice)
    {
        var now = Environment.TickCount64;
        var last = Interlocked.Read(ref lastTime);
        if ((last == 0 || now - last > 60_000) && Interlocked.CompareExchange(ref lastTime, now, last) == last)
            Log(notice(room.Limit));
    }

    // Says where clients are let in from now on.
    private void Announce(Forward forward, List<Claim> claims, (int First, int Last)? ephemeral)
    {
        var engine = networks.NameOf(forward.Plan.Network);
        // A tunnel says by itself when its far end listens.
        if (forward.Plan.Config.At is not null)
            return;
        foreach (var written in forward.Plan.Config.Listen)
        {
            var fresh = claims.Where(claim => claim.IsFresh && ReferenceEquals(claim.Planned.Written, written)).ToList();
            if (fresh.Count == 0)
                continue;
            var isChosen = written is PortEndpoint { Ports: { First: 0 } };
            foreach (var text in isChosen ? fresh.Select(claim => claim.Listen.Text) : [written.ToString()!])
                Log(Notice.Listening(forward.Plan.Config, text, engine));
            if (!isChosen && ephemeral is var (first, last) && written is PortEndpoint { Ports: var ports } && ports.First <= last && ports.Last >= first)
                Log(Notice.EphemeralPort(written.ToString()!, first, last));
        }
    }

    /// <summary>Completes when every event loop has done a turn: what connections live by is alive.</summary>
    internal Task ProbeAsync() => networks.ProbeAsync();

    /// <summary>A forward that listens no more.</summary>
    /// <param name="Forward">It, which is remembered until its last session has ended, or until it is wanted again.</param>
    /// <param name="LastBacklog">Completes when whom the kernel had accepted for it was let in.</param>
    private sealed record Departure(Forward Forward, Task LastBacklog);

    private string EngineOf(Forward forward) => networks.NameOf(forward.Plan.Network);

    private void Log(LogEntry entry) => options.Log?.Invoke(entry);
}

/// <summary>A forward cannot be started as it is written: wrong usage or configuration, or an address that cannot be had.</summary>
public sealed class ForwardException(string message, Exception? inner = null) : Exception(message, inner);
