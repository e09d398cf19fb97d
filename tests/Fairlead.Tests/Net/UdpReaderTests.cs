using System.Net.Sockets;
using System.Threading.Channels;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class UdpReaderTests : IDisposable
{
    private static readonly TimeSpan longestPause = TimeSpan.FromMilliseconds(150);

    private readonly SerialContext context = new();
    private readonly ManualTime time = new();
    private readonly Receiver receiver = new();
    private readonly Scripted socket = new();
    private readonly UdpReader reader;

    public UdpReaderTests() => reader = new UdpReader(socket, context, receiver, time: time);

    private static CancellationToken TestEnds => TestContext.Current.CancellationToken;

    [Fact(Timeout = 30000)]
    public async Task What_is_there_comes_as_one_batch_up_to_64()
    {
        for (var i = 0; i < 100; i++)
            socket.Arrive(i % 10);
        reader.Start();
        socket.Wake(SocketError.Success);
        Assert.Equal(64, await receiver.NextAsync());
        socket.Wake(SocketError.Success);
        Assert.Equal(36, await receiver.NextAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task Long_ones_come_as_fewer_so_that_each_has_room()
    {
        for (var i = 0; i < 5; i++)
            socket.Arrive(UdpSocket.MaxLength);
        reader.Start();
        socket.Wake(SocketError.Success);
        Assert.Equal(4, await receiver.NextAsync());
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
    }

    [Theory(Timeout = 30000), InlineData(SocketError.ConnectionRefused), InlineData(SocketError.ConnectionReset), InlineData(SocketError.HostUnreachable)]
    public async Task What_the_network_says_is_told_and_reading_goes_on_at_once(SocketError error)
    {
        reader.Start();
        for (var i = 0; i < 40; i++)
        {
            socket.Wake(error);
            Assert.Equal(error, await receiver.NextErrorAsync());
        }
        socket.Arrive(1);
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task An_error_in_the_midst_of_a_batch_comes_behind_what_came_before_it()
    {
        socket.Arrive(1);
        socket.Arrive(2);
        socket.Fail(SocketError.ConnectionRefused);
        socket.Arrive(3);
        reader.Start();
        socket.Wake(SocketError.Success);
        Assert.Equal(SocketError.ConnectionRefused, await receiver.NextErrorAsync());
        Assert.Equal(2, await receiver.NextAsync());
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task An_error_that_nobody_knows_is_waited_out_however_often_it_comes()
    {
        reader.Start();
        for (var i = 1; i <= 20; i++)
        {
            socket.Wake(SocketError.NoBufferSpaceAvailable);
            await receiver.NextErrorAsync();
            while (time.ArmedTimers == 0)
                await Task.Yield();

            // Not asked again before the pause is over.
            Assert.Equal(i, socket.Waits);
            time.Advance(longestPause);
        }
        socket.Arrive(1);
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
    }

    [Fact(Timeout = 30000)]
    public async Task A_socket_that_is_none_any_more_is_told_once_and_left()
    {
        reader.Start();
        socket.Wake(SocketError.NotSocket);
        Assert.Equal(SocketError.NotSocket, await receiver.NextErrorAsync());
        await context.RunAsync(() => Task.CompletedTask);
        Assert.Equal((1, 1), (socket.Waits, receiver.Calls));
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task Losses_are_told_before_what_came_after_them()
    {
        socket.Fail(SocketError.MessageSize);
        socket.Arrive(5);
        socket.Overflow = 7;
        receiver.OnBatch = () => Assert.Equal((1, 7), (receiver.Truncated, receiver.BufferFull));
        reader.Start();
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
        Assert.Equal((1, 7), (receiver.Truncated, receiver.BufferFull));
    }

    [Fact(Timeout = 30000)]
    public async Task Disposed_of_by_its_receiver_it_tells_nothing_more()
    {
        socket.Arrive(1);
        socket.Fail(SocketError.ConnectionRefused);
        receiver.OnBatch = reader.Dispose;
        reader.Start();
        socket.Wake(SocketError.Success);
        Assert.Equal(1, await receiver.NextAsync());
        await context.RunAsync(() => Task.CompletedTask);
        Assert.Equal((1, 1), (receiver.Calls, socket.Waits));
    }

    [Fact(Timeout = 30000)]
    public async Task Disposed_of_while_it_waits_it_tells_nothing()
    {
        reader.Start();
        await context.RunAsync(() => Task.CompletedTask);
        reader.Dispose();
        socket.Wake(SocketError.OperationAborted);
        await socket.Told.Task.WaitAsync(TestEnds);
        await context.RunAsync(() => Task.CompletedTask);
        Assert.Equal(0, receiver.Calls);
    }

    public void Dispose() => reader.Dispose();

    /// <summary>A socket that has what a test put there.</summary>
    private sealed class Scripted() : UdpSocket(new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp))
    {
        private readonly Queue<(SocketError Error, int Length)> there = new();
        private readonly Channel<SocketError> wakes = Channel.CreateUnbounded<SocketError>();
        private int waits;

        public int Overflow { get; set; }

        public int Waits => Volatile.Read(ref waits);

        public TaskCompletionSource Told { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Arrive(int length) => there.Enqueue((SocketError.Success, length));

        public void Fail(SocketError error) => there.Enqueue((error, 0));

        public void Wake(SocketError error) => wakes.Writer.TryWrite(error);

        public override async ValueTask<SocketError> WaitAsync()
        {
            Interlocked.Increment(ref waits);
            var error = await wakes.Reader.ReadAsync(TestEnds);
            if (error == SocketError.OperationAborted)
                Told.SetResult();
            return error;
        }

        public override SocketError Receive(Span<byte> buffer, out int length, out DatagramPeer peer)
        {
            peer = default;
            (var error, length) = there.TryDequeue(out var next) ? next : (SocketError.WouldBlock, 0);
            Assert.True(length <= buffer.Length);
            return error;
        }

        public override SocketError Send(ReadOnlySpan<byte> datagram, in DatagramPeer peer) => SocketError.Success;

        public override int TakeOverflow()
        {
            var overflow = Overflow;
            Overflow = 0;
            return overflow;
        }
    }

    private sealed class Receiver : IUdpReceiver
    {
        private readonly Channel<int> batches = Channel.CreateUnbounded<int>();
        private readonly Channel<SocketError> errors = Channel.CreateUnbounded<SocketError>();
        private int calls;

        public int Calls => Volatile.Read(ref calls);

        public int Truncated { get; private set; }

        public int BufferFull { get; private set; }

        public Action? OnBatch { get; set; }

        public ValueTask<int> NextAsync() => batches.Reader.ReadAsync(TestEnds);

        public ValueTask<SocketError> NextErrorAsync() => errors.Reader.ReadAsync(TestEnds);

        public void OnDatagrams(in DatagramBatch batch, ReadOnlySpan<DatagramPeer> peers)
        {
            calls++;
            OnBatch?.Invoke();
            batches.Writer.TryWrite(batch.Count);
        }

        public void OnLost(DatagramLoss loss, int count)
        {
            calls++;
            if (loss == DatagramLoss.Truncated)
                Truncated += count;
            else
                BufferFull += count;
        }

        public void OnError(SocketError error)
        {
            calls++;
            errors.Writer.TryWrite(error);
        }
    }
}
