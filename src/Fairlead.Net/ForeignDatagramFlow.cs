using System.Buffers;
using System.Net;

namespace Fairlead.Net;

/// <summary>
/// A flow that belongs to another context than whoever uses it: what is sent runs where the flow belongs, and what it receives where the user is. Both are copied on the way, and only so much is on
/// it at once; the rest is dropped.
/// </summary>
internal sealed class ForeignDatagramFlow : DatagramFlow, IDatagramSink
{
    // As much as a socket's buffer holds of what nobody has taken yet.
    private const int MostOnTheWay = 1 << 20;

    private readonly SynchronizationContext user;
    private readonly IDatagramSink sink;
    private DatagramFlow inner = null!;
    private SynchronizationContext place = null!;
    private int onTheWayThere, onTheWayBack, lateSent, lateBytes, lateTooLong, lateNoRoom, lateFailed;
    private bool isDisposed;

    private ForeignDatagramFlow(SynchronizationContext user, IDatagramSink sink) => (this.user, this.sink) = (user, sink);

    public override EndPoint? LocalEndPoint => inner.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => inner.RemoteEndPoint;

    public override SynchronizationContext Context => user;

    /// <summary>Opens a flow somewhere for a user elsewhere.</summary>
    /// <param name="place">Where it belongs.</param>
    /// <param name="user">Where it is used.</param>
    /// <param name="sink">Who gets what is received, where it is used.</param>
    /// <param name="open">Opens it, where it belongs.</param>
    public static async ValueTask<DatagramDialResult> OpenAsync(SynchronizationContext place, SynchronizationContext user, IDatagramSink sink, Func<IDatagramSink, ValueTask<DatagramDialResult>> open)
    {
        var foreign = new ForeignDatagramFlow(user, sink);
        var result = default(DatagramDialResult);
        await place.RunAsync(async () => result = await open(foreign));
        if (result.Flow is null)
            return result;
        (foreign.inner, foreign.place) = (result.Flow, place);
        return result with { Flow = foreign };
    }

    /// <summary>Sends as <see cref="DatagramFlow.Send"/> does; what was dropped elsewhere is told with the next call.</summary>
    public override DatagramsSent Send(in DatagramBatch batch)
    {
        if (isDisposed)
            return default;
        var late = new DatagramsSent(Interlocked.Exchange(ref lateSent, 0), Interlocked.Exchange(ref lateBytes, 0), Interlocked.Exchange(ref lateTooLong, 0), Interlocked.Exchange(ref lateNoRoom, 0), Interlocked.Exchange(ref lateFailed, 0));
        var length = (int)batch.Length;
        if (Interlocked.Add(ref onTheWayThere, length) > MostOnTheWay)
        {
            Interlocked.Add(ref onTheWayThere, -length);
            return late + new DatagramsSent(0, NoRoom: batch.Count);
        }
        var copy = Copy.Of(batch);
        place.Post(_ =>
        {
            Late(copy.Count, length, inner.Send(copy.Batch));
            copy.Dispose();
            Interlocked.Add(ref onTheWayThere, -length);
        }, null);
        return late + new DatagramsSent(copy.Count, length);
    }

    public override void Dispose()
    {
        isDisposed = true;
        place.Post(static flow => ((DatagramFlow)flow!).Dispose(), inner);
    }

    void IDatagramSink.OnDatagrams(in DatagramBatch batch)
    {
        var length = (int)batch.Length;
        if (Interlocked.Add(ref onTheWayBack, length) > MostOnTheWay)
        {
            Interlocked.Add(ref onTheWayBack, -length);
            Tell(batch.Count, static (sink, count) => sink.OnLost(DatagramLoss.BufferFull, count));
            return;
        }
        var copy = Copy.Of(batch);
        user.Post(_ =>
        {
            if (!isDisposed)
                sink.OnDatagrams(copy.Batch);
            copy.Dispose();
            Interlocked.Add(ref onTheWayBack, -length);
        }, null);
    }

    void IDatagramSink.OnLost(DatagramLoss loss, int count) => Tell((loss, count), static (sink, lost) => sink.OnLost(lost.loss, lost.count));

    void IDatagramSink.OnError(DatagramError error) => Tell(error, static (sink, told) => sink.OnError(told));

    private void Tell<T>(T what, Action<IDatagramSink, T> tell) => user.Post(_ =>
    {
        if (!isDisposed)
            tell(sink, what);
    }, null);

    // What was said to be sent and was not.
    private void Late(int count, int length, in DatagramsSent sent)
    {
        if (sent.Sent == count)
            return;
        Interlocked.Add(ref lateSent, sent.Sent - count);
        Interlocked.Add(ref lateBytes, (int)sent.Bytes - length);
        Interlocked.Add(ref lateTooLong, sent.TooLong);
        Interlocked.Add(ref lateNoRoom, sent.NoRoom);
        Interlocked.Add(ref lateFailed, sent.Failed);
    }

    private sealed class Copy : IDisposable
    {
        private readonly DatagramPlace[] places;
        private readonly byte[] buffer;

        private Copy(DatagramPlace[] places, byte[] buffer, int count) => (this.places, this.buffer, Count) = (places, buffer, count);

        public int Count { get; }

        public DatagramBatch Batch => new(buffer, places);

        public static Copy Of(in DatagramBatch batch)
        {
            var (places, end) = (new DatagramPlace[batch.Places.Length], 0);
            var buffer = ArrayPool<byte>.Shared.Rent((int)batch.Length);
            for (var i = 0; i < places.Length; i++)
            {
                var place = batch.Places[i];
                batch.Buffer.Slice(place.Offset, place.Length).CopyTo(buffer.AsSpan(end));
                places[i] = place with { Offset = end };
                end += place.Length;
            }
            return new Copy(places, buffer, batch.Count);
        }

        public void Dispose() => ArrayPool<byte>.Shared.Return(buffer);
    }
}
