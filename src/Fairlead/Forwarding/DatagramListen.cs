using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>An address where datagrams arrive. What sessions there are need its sockets, so that these are closed after the last of them only.</summary>
internal sealed class DatagramListen : Listen
{
    private readonly IReadOnlyList<DatagramListener> listeners;
    private readonly INetwork network;
    private readonly DatagramPlaces places;
    private readonly Action<LogEntry> log;
    private readonly Lock gate = new();
    private readonly TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool isOpen = true, isClosed;
    private int sessions;
    private long lost, lastTold;

    public DatagramListen(string key, string text, INetwork network, IReadOnlyList<DatagramListener> listeners, DatagramPlaces places, Action<LogEntry> log)
        : this(key, text, listeners[0].LocalEndPoint, network, listeners, places, log)
    {
    }

    /// <summary>One whose address is elsewhere.</summary>
    public DatagramListen(string key, string text, EndPoint endPoint, INetwork network, IReadOnlyList<DatagramListener> listeners, DatagramPlaces places, Action<LogEntry> log)
        : base(key, text, endPoint)
    {
        (this.network, this.listeners, this.places, this.log) = (network, listeners, places, log);
    }

    public override void Start()
    {
        foreach (var listener in listeners)
            listener.Context.Run(() => listener.Start(new DatagramServer(this, listener, places)));
    }

    public override IReadOnlyList<IAcceptor>? PrepareMove(INetwork other, ListenOptions options)
    {
        return other == network ? null
            : throw new ListenException(EndPoint, SocketError.OperationNotSupported, "sessions of datagrams need the socket that they began with");
    }

    public override void MoveTo(INetwork other, IReadOnlyList<IAcceptor> prepared) => throw new NotSupportedException();

    public override void Unbind()
    {
        bool isLast;
        lock (gate)
        {
            isOpen = false;
            isLast = TryClose();
        }
        if (isLast)
            _ = CloseAsync();
    }

    public override bool TryKeep()
    {
        lock (gate)
            return isOpen = !isClosed;
    }

    public override Task WhenOverAsync() => over.Task;

    public override Task AbortAsync()
    {
        lock (gate)
        {
            isOpen = false;
            if (isClosed)
                return over.Task;
            isClosed = true;
        }
        return CloseAsync();
    }

    /// <summary>Counts a new session; false where none begins any more. Otherwise <see cref="Leave"/> is owed.</summary>
    public bool TryEnter()
    {
        lock (gate)
        {
            if (isOpen)
                sessions++;
            return isOpen;
        }
    }

    /// <summary>A session has ended.</summary>
    public void Leave()
    {
        bool isLast;
        lock (gate)
        {
            sessions--;
            isLast = TryClose();
        }
        if (isLast)
            _ = CloseAsync();
    }

    /// <summary>Datagrams were lost before they could be told apart.</summary>
    public void OnLost(DatagramLoss loss, int count)
    {
        Binding.Forward.Drops.Add(loss == DatagramLoss.Truncated ? Drop.Truncated : Drop.ReceiveBufferFull, count);
        var now = Environment.TickCount64;
        var before = Interlocked.Read(ref lastTold);
        var all = Interlocked.Add(ref lost, count);
        if ((before == 0 || now - before >= 60_000) && Interlocked.CompareExchange(ref lastTold, now, before) == before)
            log(Notice.DatagramsLost(Text, all));
    }

    // Under the gate.
    private bool TryClose() => !isOpen && !isClosed && sessions == 0 && (isClosed = true);

    private async Task CloseAsync()
    {
        await Task.WhenAll(listeners.Select(listener => listener.Context.RunAsync(() =>
        {
            listener.Dispose();
            return Task.CompletedTask;
        }))).ConfigureAwait(false);
        over.TrySetResult();
    }
}
