using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>What a <see cref="NativeNetwork"/> runs with.</summary>
public sealed record NativeNetworkOptions
{
    /// <summary>How many event loops; each is a thread.</summary>
    public int Loops { get; init; } = Environment.ProcessorCount;

    /// <summary>Whether bulk may be moved inside the kernel by splice(2).</summary>
    public bool Splice { get; init; } = true;

    /// <summary>How many pipes splice may use; each is two descriptors.</summary>
    public int MostPipes { get; init; } = 64;

    /// <summary>
    /// How much kernel memory pipes may take, in bytes; three quarters of what Linux allows a user without privilege
    /// (<c>pipe-user-pages-soft</c>, 64 MiB).
    /// </summary>
    public long PipeMemory { get; init; } = 48L << 20;

    /// <summary>How much one read takes at the most, in bytes, where bytes are copied.</summary>
    public int BufferSize { get; init; } = 64 << 10;

    /// <summary>How long a datagram may be that is read, in bytes; nothing of UDP is longer. Tests have it short.</summary>
    internal int DatagramSize { get; init; } = 65_535;

    /// <summary>Told of exceptions that reached an event loop: each is a bug of the program. Null: they are dropped.</summary>
    public Action<Exception>? OnFault { get; init; }
}

/// <summary>
/// Native sockets on event loops over epoll: one thread a loop, and all of a connection's life on one of them.
/// </summary>
[SupportedOSPlatform("linux")]
public sealed class NativeNetwork : INetwork
{
    private readonly EventLoop[] loops;
    private uint alone;

    /// <summary>Starts the loops.</summary>
    /// <exception cref="IOException">The system is out of descriptors.</exception>
    public NativeNetwork(NativeNetworkOptions? options = null)
    {
        options ??= new NativeNetworkOptions();
        var pipes = options.Splice ? new PipeBudget(options.PipeMemory, options.MostPipes) : PipeBudget.None;
        loops = new EventLoop[options.Loops];
        try
        {
            for (var i = 0; i < loops.Length; i++)
                loops[i] = new EventLoop($"fairlead-{i}", new BufferPool(options.BufferSize, pipes, options.DatagramSize), options.OnFault ?? (static _ => { }));
        }
        catch
        {
            // The system is out of descriptors or threads: those that were made are given back.
            foreach (var loop in loops)
                loop?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IDialer Dialer { get; } = new NativeDialer(SocketTuning.Default);

    /// <inheritdoc/>
    public IDialer DialerWith(SocketTuning tuning, IReadOnlyList<DialSource>? sources = null) => new NativeDialer(tuning, DialSources.Of(sources));

    /// <inheritdoc/>
    public TimeProvider Time => LoopTime.Instance;

    /// <summary>The loops.</summary>
    internal IReadOnlyList<EventLoop> Loops => loops;

    /// <inheritdoc/>
    public SynchronizationContext NextContext() => NextLoop();

    /// <inheritdoc/>
    public IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options)
    {
        return AcceptorsOn(NativeListener.Listen(endPoint, options, loops.Length), options);
    }

    /// <inheritdoc/>
    public IAcceptor ListenHere(IPEndPoint endPoint, ListenOptions options)
    {
        var loop = EventLoop.Current ?? throw new InvalidOperationException("Listening here is for an event loop.");
        return new NativeAcceptor(loop, NativeListener.Listen(endPoint, options, 1)[0], options);
    }

    /// <inheritdoc/>
    public IReadOnlyList<IAcceptor> Adopt(int descriptor, ListenOptions options) => Adopt(ListenSocket.Inherited(descriptor), options);

    /// <summary>Accepts from a socket that it takes.</summary>
    internal IReadOnlyList<IAcceptor> Adopt(ListenSocket socket, ListenOptions options)
    {
        return AcceptorsOn([NativeListener.Adopt(socket, options, loops.Length)], options);
    }

    /// <inheritdoc/>
    public IDatagramDialer DatagramDialerWith(IReadOnlyList<DialSource>? sources = null) => new NativeDatagramDialer(DialSources.Of(sources));

    /// <inheritdoc/>
    public IReadOnlyList<DatagramListener> ListenDatagrams(IPEndPoint endPoint, DatagramListenOptions options)
    {
        return NativeDatagramListener.Listen(endPoint, options, options.Shared ? [NextLoop()] : loops);
    }

    /// <inheritdoc/>
    public DatagramListener ListenDatagramsHere(IPEndPoint endPoint, DatagramListenOptions options)
    {
        var loop = EventLoop.Current ?? throw new InvalidOperationException("Listening here is for an event loop.");
        return NativeDatagramListener.Listen(endPoint, options, [loop])[0];
    }

    /// <inheritdoc/>
    public DatagramListener AdoptDatagrams(int descriptor, DatagramListenOptions options) => NativeDatagramListener.Adopt(descriptor, options, NextLoop());

    // Those that stand on one loop alone take the loops in turn.
    private EventLoop NextLoop() => loops[(Interlocked.Increment(ref alone) - 1) % (uint)loops.Length];

    private IAcceptor[] AcceptorsOn(NativeListener[] listeners, ListenOptions options)
    {
        var acceptors = new IAcceptor[loops.Length];
        for (var i = 0; i < loops.Length; i++)
            acceptors[i] = new NativeAcceptor(loops[i], listeners[i % listeners.Length], options);
        return acceptors;
    }

    /// <summary>Ends the loops and waits for their threads. Whoever uses connections of theirs must be done.</summary>
    public void Dispose()
    {
        foreach (var loop in loops)
            loop.Dispose();
    }
}
