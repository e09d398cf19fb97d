using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A network whose dials end as the test says, in a time that the test advances.</summary>
internal sealed class FakeNetwork(ManualTime time) : INetwork, IDialer
{
    private readonly Lock gate = new();
    private readonly List<FakeDial> dials = [];

    /// <summary>Ends each dial as it begins; null leaves it to the test.</summary>
    public Func<EndPoint, DialOutcome>? Answer { get; set; }

    public IDialer Dialer => this;

    public IDialer DialerWith(SocketTuning tuning, IReadOnlyList<DialSource>? sources = null) => this;

    public TimeProvider Time => time;

    public IReadOnlyList<FakeDial> Dials
    {
        get
        {
            lock (gate)
                return [.. dials];
        }
    }

    public IEnumerable<string> Dialled => Dials.Select(dial => dial.Target.ToString()!);

    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        var dial = new FakeDial(target);
        lock (gate)
            dials.Add(dial);
        if (Answer is { } answer)
            dial.End(answer(target));
        using var deadline = time.CreateTimer(_ => dial.End(DialOutcome.TimedOut), null, timeout, Timeout.InfiniteTimeSpan);
        using var cancellation = cancel.Register(() => dial.End(DialOutcome.Cancelled));
        return await dial.Result;
    }

    /// <summary>Waits until so many dials were begun, and gives the last one.</summary>
    public async Task<FakeDial> NextAsync(int count)
    {
        await Traffic.UntilAsync(() => Dials.Count >= count);
        Assert.Equal(count, Dials.Count);
        return Dials[^1];
    }

    public SynchronizationContext NextContext() => throw new NotSupportedException();

    public IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options) => throw new NotSupportedException();

    public IAcceptor ListenHere(IPEndPoint endPoint, ListenOptions options) => throw new NotSupportedException();

    public DatagramListener ListenDatagramsHere(IPEndPoint endPoint, DatagramListenOptions options) => throw new NotSupportedException();

    public IReadOnlyList<IAcceptor> Adopt(int descriptor, ListenOptions options) => throw new NotSupportedException();

    public IDatagramDialer DatagramDialerWith(IReadOnlyList<DialSource>? sources = null) => throw new NotSupportedException();

    public IReadOnlyList<DatagramListener> ListenDatagrams(IPEndPoint endPoint, DatagramListenOptions options) => throw new NotSupportedException();

    public DatagramListener AdoptDatagrams(int descriptor, DatagramListenOptions options) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}

internal sealed class FakeDial(EndPoint target)
{
    private readonly TaskCompletionSource<DialResult> result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public EndPoint Target => target;

    /// <summary>What a connection would be, if it comes to one.</summary>
    public FakeConnection Connection { get; } = new(target);

    public Task<DialResult> Result => result.Task;

    /// <summary>A dial that connects although it was cancelled meanwhile, as happens in the same moment.</summary>
    public bool IgnoresCancel { get; set; }

    public bool IsGivenUp { get; private set; }

    public void End(DialOutcome outcome)
    {
        IsGivenUp |= outcome == DialOutcome.Cancelled;
        if (outcome != DialOutcome.Cancelled || !IgnoresCancel)
            result.TrySetResult(outcome == DialOutcome.Connected ? DialResult.To(Connection) : new DialResult(outcome));
    }
}

internal sealed class FakeConnection(EndPoint target) : Connection
{
    public bool IsDisposed { get; private set; }

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => target;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer) => throw (IsDisposed ? new ConnectionException(ConnectionError.Aborted, "It was aborted.") : new NotSupportedException());

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes) => throw new NotSupportedException();

    public override ValueTask CompleteWritesAsync() => throw new NotSupportedException();

    public override void Abort() => IsDisposed = true;

    public override void Dispose() => IsDisposed = true;
}
