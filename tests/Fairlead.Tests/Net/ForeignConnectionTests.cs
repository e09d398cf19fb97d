using System.Net;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>Both ends on an event loop, used from another loop.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForeignConnectionFromLoopTests : ForeignNativeContract
{
    protected override Task RunAsync(Func<Task> test) => Network.Loops[0].RunAsync(test);

    [Fact(Timeout = 30000)]
    public Task What_follows_an_await_runs_where_the_caller_is() => RunAsync(async () =>
    {
        var (first, second) = await ConnectAsync();
        var read = second.ReadAsync(new byte[8]);
        await first.WriteAsync(new byte[] { 1 });
        Assert.Same(Network.Loops[0], EventLoop.Current);
        Assert.Equal(1, await read);
        Assert.Same(Network.Loops[0], EventLoop.Current);
        await first.CompleteWritesAsync();
        Assert.Same(Network.Loops[0], EventLoop.Current);
        Assert.Equal(0, await second.ReadAsync(Memory<byte>.Empty));
        Assert.Same(Network.Loops[0], EventLoop.Current);
        first.Abort();
        second.Dispose();
    });
}

/// <summary>Both ends on an event loop, used from the thread pool.</summary>
[SupportedOSPlatform("linux")]
public sealed class ForeignConnectionFromPoolTests : ForeignNativeContract
{
    protected override Task RunAsync(Func<Task> test) => Task.Run(test);

    [Fact(Timeout = 30000)]
    public Task What_follows_an_await_does_not_run_on_the_loop_of_the_connection() => RunAsync(async () =>
    {
        var (first, second) = await ConnectAsync();
        for (var i = 0; i < 100; i++)
        {
            var read = second.ReadAsync(new byte[8]);
            await first.WriteAsync(new byte[] { 1 });
            Assert.Null(EventLoop.Current);
            Assert.Equal(1, await read);
            Assert.Null(EventLoop.Current);
        }
        first.Dispose();
        second.Dispose();
    });

    [Fact(Timeout = 30000)]
    public Task The_addresses_are_known_after_the_end() => RunAsync(async () =>
    {
        var (first, second) = await ConnectAsync();
        first.Abort();
        second.Dispose();
        await Network.Loops[1].RunAsync(() => Task.CompletedTask);
        Assert.NotNull(first.LocalEndPoint);
        Assert.Equal(first.LocalEndPoint, second.RemoteEndPoint);
        Assert.Equal(second.LocalEndPoint, first.RemoteEndPoint);
        Assert.Equal(AddressKey.Of(IPAddress.Loopback), second.RemoteKey);
    });
}

/// <summary>Where both ends are on the second of two event loops.</summary>
[SupportedOSPlatform("linux")]
public abstract class ForeignNativeContract : ConnectionContract, IDisposable
{
    private protected NativeNetwork Network { get; } = new(new NativeNetworkOptions { Loops = 2 });

    protected override async Task<(Connection First, Connection Second)> ConnectAsync()
    {
        Connection? first = null, second = null;
        await Network.Loops[1].RunAsync(async () =>
        {
            using var acceptor = Network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
            first = (await Network.Dialer.DialAsync(acceptor.LocalEndPoint, TimeSpan.FromSeconds(20))).Connection;
            second = await NetworkRig.AcceptAsync(acceptor);
            (first, second) = (new ForeignConnection(first!), new ForeignConnection(second));
        });
        return (first!, second!);
    }

    protected override int Chunk => MoreThanFits;

    public void Dispose() => Network.Dispose();
}

/// <summary>One end in a context on the thread pool, used from another such context.</summary>
public sealed class ForeignConnectionInSerialContextTests : ConnectionContract
{
    private readonly SerialContext here = new(), there = new();

    protected override Task RunAsync(Func<Task> test) => here.RunAsync(test);

    protected override Task<(Connection First, Connection Second)> ConnectAsync()
    {
        var (first, second) = MemoryConnection.CreatePair();
        return Task.FromResult<(Connection, Connection)>((Foreign(first), Foreign(second)));

        ForeignConnection Foreign(MemoryConnection connection) => new(new BoundConnection(connection, there));
    }

    protected override int Chunk => 1 << 20;
}

/// <summary>What is so of a foreign connection alone.</summary>
public sealed class ForeignConnectionTests
{
    private readonly SerialContext there = new();

    [Fact]
    public void Who_may_use_a_connection_gets_it_as_it_is()
    {
        var (free, bound) = (MemoryConnection.CreatePair().First, new BoundConnection(MemoryConnection.CreatePair().First, there));
        Assert.Same(free, ForeignConnection.For(null, free));
        Assert.Same(free, ForeignConnection.For(new SerialContext(), free));
        Assert.Same(bound, ForeignConnection.For(there, bound));
        Assert.Same(bound, Assert.IsType<ForeignConnection>(ForeignConnection.For(null, bound)).Inner);
        Assert.Same(bound, Assert.IsType<ForeignConnection>(ForeignConnection.For(new SerialContext(), bound)).Inner);
        Assert.Throws<ArgumentException>(() => new ForeignConnection(free));
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_it_had_given_back_what_was_read_too_early_still_reads_it_first()
    {
        var (outer, inner) = MemoryConnection.CreatePair();
        var bound = new BoundConnection(inner, there);
        bound.Unread("early"u8);
        using var foreign = new ForeignConnection(bound);
        foreign.Unread("earlier "u8);
        await outer.WriteAsync(" late"u8.ToArray());
        await Traffic.ExpectAsync(foreign, "earlier early late"u8.ToArray());
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_second_call_of_a_kind_is_refused_while_one_is_outstanding(bool isRead)
    {
        var (_, inner) = MemoryConnection.CreatePair(capacity: 1);
        using var foreign = new ForeignConnection(new BoundConnection(inner, there));
        var first = CallAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(CallAsync);
        foreign.Abort();
        Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(() => first)).Error);
        Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(CallAsync)).Error);

        async Task CallAsync()
        {
            if (isRead)
                await foreign.ReadAsync(new byte[2]);
            else
                await foreign.WriteAsync(new byte[2]);
        }
    }

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public async Task A_buffer_is_lent_until_the_connection_has_done_with_it_even_if_it_was_aborted(bool isRead)
    {
        var slow = new Slow(there);
        using var foreign = new ForeignConnection(slow);
        var buffer = new byte[8];
        var call = isRead ? foreign.ReadAsync(buffer).AsTask() : foreign.WriteAsync(buffer).AsTask();
        foreign.Abort();
        await slow.Aborted;
        await there.RunAsync(() => Task.CompletedTask);
        Assert.False(call.IsCompleted);
        Assert.Equal(buffer, slow.Lent);
        slow.End();
        Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(() => call)).Error);
    }

    [Fact(Timeout = 30000)]
    public async Task An_abort_neither_waits_nor_is_lost_while_the_other_context_is_busy()
    {
        var (outer, inner) = MemoryConnection.CreatePair();
        using var busy = new ManualResetEventSlim();
        var bound = new BoundConnection(inner, there);
        using var foreign = new ForeignConnection(bound);
        there.Run(busy.Wait);
        var read = foreign.ReadAsync(new byte[8]).AsTask();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(foreign.Abort, TestContext.Current.CancellationToken)));
        Assert.False(read.IsCompleted);
        busy.Set();
        Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(() => read)).Error);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(outer)).Error);
        Assert.Empty(bound.Trespasses);
    }

    [Fact(Timeout = 30000)]
    public async Task A_fault_of_the_connection_reaches_the_caller_as_it_is()
    {
        using var foreign = new ForeignConnection(new Slow(there));
        await Assert.ThrowsAsync<NotSupportedException>(() => foreign.CompleteWritesAsync().AsTask());
        var (_, inner) = MemoryConnection.CreatePair();
        using var other = new ForeignConnection(new BoundConnection(inner, there));
        await other.CompleteWritesAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(() => other.WriteAsync(new byte[1]).AsTask());
    }

    /// <summary>A connection whose calls end when the test says so, whatever was aborted.</summary>
    private sealed class Slow(SynchronizationContext context) : Connection
    {
        private readonly TaskCompletionSource aborted = new(TaskCreationOptions.RunContinuationsAsynchronously), over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Aborted => aborted.Task;

        /// <summary>What a call has of the caller's.</summary>
        public ReadOnlyMemory<byte> Lent { get; private set; }

        public override EndPoint? LocalEndPoint => null;

        public override EndPoint? RemoteEndPoint => null;

        public override SynchronizationContext? Context => context;

        public void End() => over.SetResult();

        protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
        {
            Lent = buffer;
            await over.Task;
            throw new ConnectionException(ConnectionError.Aborted, "It was aborted.");
        }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            Lent = bytes;
            await over.Task;
            throw new ConnectionException(ConnectionError.Aborted, "It was aborted.");
        }

        public override ValueTask CompleteWritesAsync() => throw new NotSupportedException();

        public override void Abort() => aborted.TrySetResult();

        public override void Dispose() => over.TrySetResult();
    }
}
