using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A forward of datagrams whose sockets are the test's: it says what arrives, sees what is sent, and lets time pass.</summary>
internal sealed class DatagramRig : IDisposable
{
    private readonly PumpContext context = new();
    private readonly FakeListener listener;
    private readonly Dictionary<string, Upstream> upstreams = [];
    private readonly FakeNetwork network;
    private readonly RefusalLog refusals;

    public DatagramRig(ForwardConfig config, int places = 100, LookUps? lookUps = null, int ports = int.MaxValue)
        : this(config, new Admission(places), null, lookUps, ports)
    {
    }

    public DatagramRig(ForwardConfig config, Admission process, DatagramPlaces? places, LookUps? lookUps = null, int ports = int.MaxValue)
    {
        Time = new ManualTime();
        network = new FakeNetwork(Time);
        Process = process;
        refusals = new RefusalLog(Time);
        Names = lookUps;
        Forward = new Forward("udp", "udp", Log.Enqueue, refusals, Time);
        listener = new FakeListener(context);
        Listen = new DatagramListen("udp", "0.0.0.0:53/udp", network, [listener], places ?? new DatagramPlaces(Process, new Admission(ports)), Log.Enqueue);
        Adopt(config);
        Run(Listen.Start);
    }

    public ManualTime Time { get; }

    public Forward Forward { get; }

    public Admission Process { get; }

    public DatagramListen Listen { get; }

    public ConcurrentQueue<LogEntry> Log { get; } = [];

    public LookUps? Names { get; }

    /// <summary>All flows that were opened, in their order.</summary>
    public List<FakeFlow> Flows { get; } = [];

    /// <summary>What clients got: to whom, and the text.</summary>
    public List<(string Client, string Text)> Answers => listener.Sent;

    /// <summary>How an opening ends that is not to succeed; null: it does.</summary>
    public Func<EndPoint, DialOutcome>? Opening { get; set; }

    /// <summary>Holds openings up until it is set to null again.</summary>
    public TaskCompletionSource? Hold { get; set; }

    public IReadOnlyDictionary<string, long> Dropped => Forward.Drops.ToDictionary();

    public IEnumerable<string> Ends => Log.OfType<SessionEnded>().Select(ended => (string)ended.Fields.Single(pair => pair.Key == "end").Value!);

    /// <summary>A forward of one protocol; what is to differ is said by <c>with</c>.</summary>
    public static ForwardConfig Config(params string[] targets) => new()
    {
        Listen = [Endpoint.Parse(":53/udp")],
        To = [.. targets.DefaultIfEmpty("192.0.2.53:53").Select(target => new UpstreamConfig(Endpoint.Parse(target)))],
    };

    public void Adopt(ForwardConfig config) => Listen.Bind(new Binding(Forward, AdoptOnly(config), 0));

    /// <summary>The first half of a reload: the forward has its plan, the listen is still bound to the one before.</summary>
    public ForwardPlan AdoptOnly(ForwardConfig config)
    {
        var plan = new ForwardPlan(config, network, (target, _, _, _, _) => At(target));
        Forward.Adopt(plan);
        return plan;
    }

    public Upstream At(UpstreamConfig target)
    {
        var text = target.Address.ToString()!;
        if (upstreams.TryGetValue(text, out var known))
            return known;
        var port = (PortEndpoint)target.Address;
        var dialer = new FakeDatagramDialer(this, context);
        return upstreams[text] = IPAddress.TryParse(port.Host, out var address)
            ? new Upstream(network, new IPEndPoint(address, port.Ports.First), text) { Datagrams = dialer }
            : new Upstream(network, new ResolvedName(port.Host, Names!, TimeSpan.FromSeconds(30), Time, Log.Enqueue), port.Ports.First, text) { Datagrams = dialer };
    }

    /// <summary>Datagrams of a client arrive in one batch; then everything happens that follows at once.</summary>
    public void Receive(string client, params string[] texts) => Receive(texts.Select(text => (client, text)));

    public void Receive(IEnumerable<(string Client, string Text)> datagrams)
    {
        var (buffer, places, peers) = (new List<byte>(), new List<DatagramPlace>(), new List<DatagramPeer>());
        foreach (var (client, text) in datagrams)
        {
            var bytes = Encoding.Latin1.GetBytes(text);
            places.Add(new DatagramPlace(buffer.Count, bytes.Length));
            buffer.AddRange(bytes);
            peers.Add(Peer(client));
        }
        Run(() => listener.Server!.OnDatagrams(new DatagramBatch(buffer.ToArray(), places.ToArray()), peers.ToArray()));
    }

    /// <summary>The kernel lost some.</summary>
    public void Lose(DatagramLoss loss, int count) => Run(() => listener.Server!.OnLost(loss, count));

    /// <summary>Does something where the sessions belong, and all that follows from it.</summary>
    public void Run(Action action)
    {
        context.Run(action);
        context.Pump();
    }

    public void Advance(TimeSpan span) => Run(() => Time.Advance(span));

    /// <summary>Waits for what happens on other threads, and all that follows.</summary>
    public async Task UntilAsync(Func<bool> condition)
    {
        await Traffic.UntilAsync(() =>
        {
            context.Pump();
            return condition();
        });
    }

    public bool IsClosed => listener.IsDisposed;

    /// <summary><c>192.0.2.1:1000</c>, or with the address that it writes to: <c>192.0.2.1:1000@198.51.100.1</c>.</summary>
    public static DatagramPeer Peer(string text)
    {
        var (client, local) = text.Split('@') is [var left, var right] ? (left, right) : (text, null);
        var remote = IPEndPoint.Parse(client);
        return new DatagramPeer(AddressKey.Of(remote.Address)!.Value, remote.Port, 0, local is null ? default : AddressKey.Of(IPAddress.Parse(local))!.Value);
    }

    public void Dispose()
    {
        Run(() => Forward.Abort());
        Names?.Dispose();
    }

    /// <summary>Runs what is posted when it is told to.</summary>
    private sealed class PumpContext : SynchronizationContext
    {
        private readonly ConcurrentQueue<(SendOrPostCallback, object?)> posted = [];

        public override void Post(SendOrPostCallback d, object? state) => posted.Enqueue((d, state));

        public override SynchronizationContext CreateCopy() => this;

        public void Run(Action action)
        {
            var before = Current;
            SetSynchronizationContext(this);
            try
            {
                action();
            }
            finally
            {
                SetSynchronizationContext(before);
            }
        }

        public void Pump() => Run(() =>
        {
            while (posted.TryDequeue(out var work))
                work.Item1(work.Item2);
        });
    }

    private sealed class FakeListener(SynchronizationContext context) : DatagramListener
    {
        public List<(string, string)> Sent { get; } = [];

        public IDatagramServer? Server { get; private set; }

        public bool IsDisposed { get; private set; }

        public override IPEndPoint LocalEndPoint { get; } = new(IPAddress.Any, 53);

        public override SynchronizationContext Context => context;

        public override int ReceiveBuffer => 4 << 20;

        public override void Start(IDatagramServer server) => Server = server;

        public override DatagramsSent Send(in DatagramPeer peer, in DatagramBatch batch)
        {
            var local = peer.LocalAddress is { } address ? $"@{address}" : "";
            foreach (var datagram in batch)
                Sent.Add((peer.RemoteEndPoint + local, Encoding.Latin1.GetString(datagram)));
            return new DatagramsSent(batch.Count, batch.Length);
        }

        public override void Dispose() => IsDisposed = true;
    }

    private sealed class FakeDatagramDialer(DatagramRig rig, SynchronizationContext context) : IDatagramDialer
    {
        public async ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default)
        {
            if (rig.Hold is { } hold)
            {
                using var giveUp = cancel.Register(() => hold.TrySetResult());
                await hold.Task;
            }
            if (cancel.IsCancellationRequested)
                return new DatagramDialResult(DialOutcome.Cancelled);
            if (rig.Opening?.Invoke(target) is { } outcome and not DialOutcome.Connected)
                return new DatagramDialResult(outcome, null, "as the test says");
            var flow = new FakeFlow(rig, target, sink, context);
            rig.Flows.Add(flow);
            return new DatagramDialResult(DialOutcome.Connected, flow);
        }
    }
}

/// <summary>A flow whose peer is the test.</summary>
internal sealed class FakeFlow(DatagramRig rig, EndPoint target, IDatagramSink sink, SynchronizationContext context) : DatagramFlow
{
    /// <summary>What was sent to the upstream.</summary>
    public List<string> Sent { get; } = [];

    /// <summary>What becomes of datagrams; null: all are sent.</summary>
    public Func<int, DatagramsSent>? Outcome { get; set; }

    public bool IsDisposed { get; private set; }

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => target;

    public override SynchronizationContext Context => context;

    public override DatagramsSent Send(in DatagramBatch batch)
    {
        Assert.False(IsDisposed);
        if (Outcome is not null)
            return Outcome(batch.Count);
        foreach (var datagram in batch)
            Sent.Add(Encoding.Latin1.GetString(datagram));
        return new DatagramsSent(batch.Count, batch.Length);
    }

    /// <summary>The upstream sends in one batch.</summary>
    public void Answer(params string[] texts)
    {
        var (buffer, places) = (new List<byte>(), new List<DatagramPlace>());
        foreach (var text in texts)
        {
            places.Add(new DatagramPlace(buffer.Count, text.Length));
            buffer.AddRange(Encoding.Latin1.GetBytes(text));
        }
        rig.Run(() => sink.OnDatagrams(new DatagramBatch(buffer.ToArray(), places.ToArray())));
    }

    public void Fail(DatagramError error)
    {
        Assert.False(IsDisposed);
        rig.Run(() => sink.OnError(error));
    }

    public void Lose(DatagramLoss loss, int count) => rig.Run(() => sink.OnLost(loss, count));

    public override void Dispose() => IsDisposed = true;
}
