using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>Opens flows that keep what is sent, and receive what the test says.</summary>
internal sealed class FakeRelay : IDatagramDialer
{
    public DialResult? Failure { get; set; }

    public List<Flow> Flows { get; } = [];

    public ValueTask<DatagramDialResult> OpenAsync(EndPoint target, IDatagramSink sink, TimeSpan timeout, CancellationToken cancel = default)
    {
        if (Failure is { } failure)
            return new(new DatagramDialResult(failure.Outcome, null, failure.Detail));
        Flows.Add(new Flow(target, sink));
        return new(new DatagramDialResult(DialOutcome.Connected, Flows[^1]));
    }

    internal sealed class Flow(EndPoint target, IDatagramSink sink) : DatagramFlow
    {
        /// <summary>Of each call, the datagrams and the places.</summary>
        public List<(byte[][] Datagrams, DatagramPlace[] Places)> Sent { get; } = [];

        public bool IsDisposed { get; private set; }

        public override EndPoint? LocalEndPoint => IPEndPoint.Parse("127.0.0.1:9");

        public override EndPoint? RemoteEndPoint => target;

        public override SynchronizationContext Context { get; } = new SerialContext();

        public override DatagramsSent Send(in DatagramBatch batch)
        {
            var datagrams = new List<byte[]>();
            foreach (var datagram in batch)
                datagrams.Add(datagram.ToArray());
            Sent.Add(([.. datagrams], batch.Places.ToArray()));
            return new DatagramsSent(datagrams.Count, batch.Length);
        }

        /// <summary>Receives datagrams in places as the test says.</summary>
        public void Receive(byte[] bytes, params DatagramPlace[] places) => sink.OnDatagrams(new DatagramBatch(bytes, places));

        public void Tell(DatagramError error) => sink.OnError(error);

        public void Lose(DatagramLoss loss, int count) => sink.OnLost(loss, count);

        public override void Dispose() => IsDisposed = true;
    }
}
