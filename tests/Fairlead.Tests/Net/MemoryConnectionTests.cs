using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class MemoryConnectionTests : ConnectionContract
{
    protected override Task<(Connection, Connection)> ConnectAsync()
    {
        var (first, second) = MemoryConnection.CreatePair();
        return Task.FromResult<(Connection, Connection)>((first, second));
    }

    [Fact]
    public void There_is_no_pair_without_room() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryConnection.CreatePair(0));

    [Fact(Timeout = 30000)]
    public async Task A_write_waits_as_soon_as_the_capacity_is_reached()
    {
        var (first, second) = MemoryConnection.CreatePair(capacity: 4);
        await first.WriteAsync(new byte[4]);
        var write = first.WriteAsync(new byte[1]);
        Assert.False(write.IsCompleted);
        Assert.Equal(1, await second.ReadAsync(new byte[1]));
        await write;
    }

    [Fact(Timeout = 30000)]
    public async Task A_reset_takes_back_what_was_not_read()
    {
        var (first, second) = MemoryConnection.CreatePair();
        await first.WriteAsync(new byte[4]);
        first.Abort();
        var broken = await Assert.ThrowsAsync<ConnectionException>(() => second.ReadAsync(new byte[4]).AsTask());
        Assert.Equal(ConnectionError.Reset, broken.Error);
    }

    [Fact(Timeout = 30000)]
    public async Task An_abort_after_dispose_takes_nothing_back()
    {
        var (first, second) = MemoryConnection.CreatePair();
        await first.WriteAsync(new byte[4]);
        first.Dispose();
        first.Abort();
        Assert.Equal(4, await second.ReadAsync(new byte[8]));
    }

    [Fact(Timeout = 30000)]
    public async Task Continuations_do_not_run_inside_the_peers_call()
    {
        var (first, second) = MemoryConnection.CreatePair();
        using var written = new ManualResetEventSlim();
        var read = ReadThenWaitAsync();
        await first.WriteAsync(new byte[1]);
        written.Set();
        Assert.True(await read);

        async Task<bool> ReadThenWaitAsync()
        {
            await second.ReadAsync(new byte[1]).ConfigureAwait(false);
            return written.Wait(TimeSpan.FromSeconds(10), CancellationToken.None);
        }
    }
}

/// <summary>The contract once more with the smallest buffer there is, which waits at every byte.</summary>
public sealed class MemoryConnectionOfOneByteTests : ConnectionContract
{
    protected override int Holds => 1;

    protected override int Bulk => 32 << 10;

    protected override Task<(Connection, Connection)> ConnectAsync()
    {
        var (first, second) = MemoryConnection.CreatePair(capacity: 1);
        return Task.FromResult<(Connection, Connection)>((first, second));
    }
}
