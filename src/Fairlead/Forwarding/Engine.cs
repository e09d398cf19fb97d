using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

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
}

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
    private readonly LookUps lookUps;
    private readonly Dictionary<string, ResolvedName> names = [];
    private readonly List<Forward> forwards = [];
    private volatile Forward[] running = [];
    private INetwork? native, portable;
    private Admission? admission;
    private long lastFullNotice, lastNearlyFullNotice;
    private Task<int>? stopping;

    /// <summary>Makes an engine without forwards; nothing is bound and no thread runs yet.</summary>
    public Engine(EngineOptions? options = null)
        : this(options, new LookUps())
    {
    }

    internal Engine(EngineOptions? options, LookUps lookUps)
    {
        this.options = options ?? new EngineOptions();
        this.lookUps = lookUps;
    }

    /// <summary>How many sessions are under way.</summary>
    public int SessionCount => running.Sum(forward => forward.SessionCount);

    /// <summary>
    /// Starts forwards, all or none: every listen is bound before the first connection is accepted. Called once.
    /// </summary>
    /// <returns>The addresses that are listened on, in the order of the forwards, with the ports that the system chose.</returns>
    /// <exception cref="ForwardException">A forward cannot be started; the message names the place and the remedy. Nothing is left bound.</exception>
    public IReadOnlyList<EndPoint> Start(params IReadOnlyList<ForwardConfig> forwards)
    {
        lock (gate)
        {
            if (this.forwards.Count > 0 || stopping is not null)
                throw new InvalidOperationException("An engine is started once.");
            if (ForwardRules.Check(forwards) is { Count: > 0 } errors)
                throw new ForwardException(string.Join('\n', errors));
            var plan = forwards.Select(forward => PlannedListen.Of(forward).ToList()).ToList();
            var shared = ChooseSharing(plan.Sum(listens => listens.Count));
            try
            {
                for (var i = 0; i < forwards.Count; i++)
                    Bind(forwards[i], plan[i], shared);
                MakeRoom();
            }
            catch
            {
                Release();
                throw;
            }
            running = [.. this.forwards];
            foreach (var forward in running)
            {
                Announce(forward);
                forward.Start(admission!);
            }
            return [.. this.forwards.SelectMany(forward => forward.Listens).Select(listen => listen.EndPoint)];
        }
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
            return stopping ??= StopCoreAsync(drain ?? LongestDrain(), atOnce);
        }
    }

    /// <summary>Stops at once.</summary>
    public async ValueTask DisposeAsync() => await StopAsync(TimeSpan.Zero).ConfigureAwait(false);

    private async Task<int> StopCoreAsync(TimeSpan drain, CancellationToken atOnce)
    {
        foreach (var forward in forwards)
            forward.Unbind();
        var over = Task.WhenAll(forwards.Select(forward => forward.WhenOverAsync()));
        await over.WaitAsync(drain, atOnce).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var reset = over.IsCompleted ? 0 : forwards.Sum(forward => forward.Abort());
        await over.ConfigureAwait(false);
        Release();
        return reset;
    }

    private TimeSpan LongestDrain()
    {
        var drains = forwards.Select(forward => forward.Config.Timeouts.Drain).ToList();
        return drains.Contains(Timeout.InfiniteTimeSpan) ? Timeout.InfiniteTimeSpan : drains.DefaultIfEmpty().Max();
    }

    // One listening socket a loop spreads clients evenly, but multiplies descriptors.
    private bool ChooseSharing(int listens)
    {
        if (listens > descriptorLimit - Descriptors.Reserve(descriptorLimit) - Descriptors.CountOpen())
        {
            throw new ForwardException(
                $"{listens} {(listens == 1 ? "listen is" : "listens are")} asked for, and the process may have {descriptorLimit} descriptors, of which {Descriptors.CountOpen()} are in use and "
                + $"{Descriptors.Reserve(descriptorLimit)} kept back; listen on fewer ports, or raise the limit (ulimit -n, or LimitNOFILE= in its unit)");
        }
        return (long)listens * options.Loops >= descriptorLimit / 8;
    }

    private void Bind(ForwardConfig config, List<PlannedListen> plan, bool shared)
    {
        var network = NetworkOf(config);
        var forward = new Forward(config, network, Log);
        forwards.Add(forward);
        var (chosenPort, chosenFor) = (0, (Endpoint?)null);
        foreach (var planned in plan)
        {
            // Port 0 on several addresses (localhost) is one port, the one that the system chose for the first.
            var isChosen = chosenPort > 0 && ReferenceEquals(chosenFor, planned.Written);
            var address = isChosen && planned.Address is IPEndPoint { Port: 0 } ip ? new IPEndPoint(ip.Address, chosenPort) : planned.Address;
            try
            {
                var acceptors = network.Listen(address, new ListenOptions
                {
                    Shared = shared,
                    Tuning = config.Timeouts.Tuning,
                    OnPause = error => Log(Notice.AcceptPaused(planned.Text, new SocketException((int)error).Message)),
                });
                var endPoint = acceptors[0].LocalEndPoint;
                (chosenPort, chosenFor) = ((endPoint as IPEndPoint)?.Port ?? 0, planned.Written);
                var text = planned.Address is IPEndPoint ? endPoint.ToString()! : planned.Text;
                forward.Add(new Listen(forward, planned.Written, Printable.Escape(text), endPoint, UpstreamOf(forward, planned.ToPort), acceptors));
            }
            catch (ListenException refusal) when (IsLackOfFamily(planned, plan, refusal))
            {
                Log(Notice.FamilyMissing(planned.Text, "IPv6"));
            }
            catch (ListenException refusal)
            {
                throw new ForwardException(ListenRefusal.Explain(planned.Text, refusal), refusal);
            }
        }
    }

    // ::1 of `localhost`, where IPv6 is there but switched off for the loopback.
    private static bool IsLackOfFamily(PlannedListen planned, List<PlannedListen> plan, ListenException refusal)
    {
        return planned.IsOptional && plan.Count > 1 && planned.Address.AddressFamily == AddressFamily.InterNetworkV6
            && refusal.Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported;
    }

    private INetwork NetworkOf(ForwardConfig config)
    {
        if (config.Engine == EngineKind.Portable || (config.Engine == EngineKind.Auto && !OperatingSystem.IsLinux()))
            return portable ??= new PortableNetwork();
        if (!OperatingSystem.IsLinux())
            throw new ForwardException($"forward {Printable.Escape(config.Title)}: the native engine needs Linux; use auto or portable");
        try
        {
            return native ??= new NativeNetwork(new NativeNetworkOptions
            {
                Loops = options.Loops,
                Splice = options.Splice,
                MostPipes = Descriptors.Pipes(descriptorLimit),
                OnFault = fault => Log(Notice.Fault(fault, "on an event loop")),
            });
        }
        catch (IOException e)
        {
            throw new ForwardException($"the event loops cannot be started ({Printable.Escape(e.Message)}): the process may have {descriptorLimit} descriptors; raise the limit (ulimit -n, or LimitNOFILE= in its unit)", e);
        }
    }

    private Upstream UpstreamOf(Forward forward, int port)
    {
        var config = forward.Config;
        if (config.To[0].Address is UnixEndpoint unix)
            return new Upstream(forward.Dialer, new UnixDomainSocketEndPoint(unix.Path), unix.ToString());
        var host = ((PortEndpoint)config.To[0].Address).Host;
        var text = new PortEndpoint(host, new PortRange(port)).ToString();
        if (IPAddress.TryParse(host, out var literal))
            return new Upstream(forward.Dialer, new IPEndPoint(literal, port), text);
        if (!names.TryGetValue(host, out var name))
            names.Add(host, name = new ResolvedName(host, lookUps, config.Resolve, TimeProvider.System, Log));
        return new Upstream(forward.Dialer, name, port, text);
    }

    private void MakeRoom()
    {
        var pipes = native is null || !options.Splice ? 0 : Descriptors.Pipes(descriptorLimit);
        var open = Descriptors.CountOpen();
        var sessions = Descriptors.Sessions(descriptorLimit, open, pipes);
        if (sessions < 1)
        {
            throw new ForwardException(
                $"no descriptor is left for a session: the process may have {descriptorLimit}, {open} are open now, {forwards.Sum(forward => forward.Listens.Count)} of them for listens or more; "
                + "listen on fewer ports, or raise the limit (ulimit -n, or LimitNOFILE= in its unit)");
        }
        admission = new Admission(sessions, () => SayAtMostOnceAMinute(ref lastFullNotice, Notice.Full), () => SayAtMostOnceAMinute(ref lastNearlyFullNotice, Notice.NearlyFull));
    }

    // Once a minute is enough to be told; it may happen thousands of times a second.
    private void SayAtMostOnceAMinute(ref long lastTime, Func<int, Notice> notice)
    {
        var now = Environment.TickCount64;
        var last = Interlocked.Read(ref lastTime);
        if ((last == 0 || now - last > 60_000) && Interlocked.CompareExchange(ref lastTime, now, last) == last)
            Log(notice(admission!.Limit));
    }

    private void Announce(Forward forward)
    {
        var ephemeral = ListenRefusal.EphemeralPorts();
        var engine = forward.Network == portable ? "portable" : "native";
        foreach (var listen in forward.Config.Listen)
        {
            var isChosen = listen is PortEndpoint { Ports: { First: 0 } };
            var chosen = forward.Listens.Where(bound => ReferenceEquals(bound.Written, listen)).Select(bound => bound.Text);
            foreach (var text in isChosen ? chosen : [listen.ToString()!])
                Log(Notice.Listening(forward.Config, text, engine));
            if (!isChosen && ephemeral is var (first, last) && listen is PortEndpoint { Ports: var ports } && ports.First <= last && ports.Last >= first)
                Log(Notice.EphemeralPort(listen.ToString()!, first, last));
        }
    }

    private void Release()
    {
        foreach (var forward in forwards)
            forward.Abort();
        native?.Dispose();
        portable?.Dispose();
        foreach (var name in names.Values)
            name.Dispose();
        lookUps.Dispose();
        forwards.Clear();
        running = [];
        (native, portable) = (null, null);
    }

    private void Log(LogEntry entry) => options.Log?.Invoke(entry);
}

/// <summary>A forward cannot be started as it is written: wrong usage or configuration, or an address that cannot be had.</summary>
public sealed class ForwardException(string message, Exception? inner = null) : Exception(message, inner);
