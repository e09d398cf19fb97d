using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What every <see cref="Connection"/> does, whatever it runs over.</summary>
public abstract class ConnectionContract
{
    /// <summary>More than any transport holds in its buffers.</summary>
    protected const int MoreThanFits = 64 << 20;

    /// <summary>Two connected ends.</summary>
    protected abstract Task<(Connection First, Connection Second)> ConnectAsync();

    /// <summary>Runs a test where such connections may be used.</summary>
    protected virtual Task RunAsync(Func<Task> test) => test();

    /// <summary>Whether the peer can tell an abort from an end.</summary>
    protected virtual bool HasReset => true;

    /// <summary>How many bytes a write gets rid of while nobody reads.</summary>
    protected virtual int Holds => 16 << 10;

    /// <summary>How much is written at once to find out how much fits; where a write never ends at once, more than that.</summary>
    protected virtual int Chunk => 64 << 10;

    /// <summary>How much the bulk test moves each way.</summary>
    protected virtual int Bulk => 1 << 20;

    [Fact(Timeout = 30000)]
    public Task Bytes_go_both_ways() => WithPairAsync(async (first, second) =>
    {
        await first.WriteAsync("?"u8.ToArray());
        await ExpectAsync(second, "?");
        await second.WriteAsync("!"u8.ToArray());
        await ExpectAsync(first, "!");
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Half_close_lets_the_answer_through(bool swapped) => WithPairAsync(async (asking, answering) =>
    {
        if (swapped)
            (asking, answering) = (answering, asking);
        await Task.WhenAll(SendAsync("question"u8.ToArray(), asking), ReadToEndAsync(answering, "question"u8.ToArray()));
        await Task.WhenAll(SendAsync("answer"u8.ToArray(), answering), ReadToEndAsync(asking, "answer"u8.ToArray()));
    });

    [Fact(Timeout = 30000)]
    public Task Reads_after_the_end_return_0_again() => WithPairAsync(async (first, second) =>
    {
        await first.CompleteWritesAsync();
        for (var i = 0; i < 3; i++)
            Assert.Equal(0, await second.ReadAsync(new byte[8]));
    });

    [Fact(Timeout = 30000)]
    public Task A_pending_read_sees_the_end() => WithPairAsync(async (first, second) =>
    {
        var read = second.ReadAsync(new byte[8]);
        Assert.False(read.IsCompleted);
        await first.CompleteWritesAsync();
        Assert.Equal(0, await read);
    });

    [Fact(Timeout = 30000)]
    public Task Completing_writes_twice_does_nothing() => WithPairAsync(async (first, second) =>
    {
        await first.CompleteWritesAsync();
        await first.CompleteWritesAsync();
        Assert.Equal(0, await second.ReadAsync(new byte[8]));
        await second.WriteAsync("!"u8.ToArray());
        await ExpectAsync(first, "!");
    });

    [Fact(Timeout = 30000)]
    public Task A_pending_read_sees_the_reset() => WithPairAsync(async (first, second) =>
    {
        var read = second.ReadAsync(new byte[8]);
        Assert.False(read.IsCompleted);
        first.Abort();
        if (HasReset)
            await AssertBrokenAsync(ConnectionError.Reset, read.AsTask());
        else
            Assert.Equal(0, await read);
    });

    [Fact(Timeout = 30000)]
    public Task A_wait_for_data_sees_the_reset() => WithPairAsync(async (first, second) =>
    {
        var wait = second.ReadAsync(Memory<byte>.Empty);
        Assert.False(wait.IsCompleted);
        first.Abort();

        // The wait itself may only say that a read would not block now.
        if (HasReset)
            await AssertBrokenAsync(ConnectionError.Reset, WaitAndReadAsync());
        else
            Assert.Equal(0, await WaitAndReadAsync());

        async Task<int> WaitAndReadAsync()
        {
            await wait;
            return await second.ReadAsync(new byte[8]);
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_later_write_sees_the_reset() => WithPairAsync(async (first, second) =>
    {
        first.Abort();
        await AssertBrokenAsync(ConnectionError.Reset, WriteForeverAsync(second));
    });

    [Fact(Timeout = 30000)]
    public Task A_blocked_write_sees_the_reset() => WithPairAsync(async (first, second) =>
    {
        var (_, write) = Fill(second);
        first.Abort();
        await AssertBrokenAsync(ConnectionError.Reset, write);
    });

    [Fact(Timeout = 30000)]
    public Task Abort_after_half_close_still_breaks_the_other_direction() => WithPairAsync(async (first, second) =>
    {
        await first.CompleteWritesAsync();
        Assert.Equal(0, await second.ReadAsync(new byte[8]));
        first.Abort();
        await AssertBrokenAsync(ConnectionError.Reset, WriteForeverAsync(second));
    });

    [Fact(Timeout = 30000)]
    public Task Abort_ends_an_outstanding_read_and_write() => WithPairAsync(async (first, _) =>
    {
        var (_, write) = Fill(first);
        var read = first.ReadAsync(new byte[8]).AsTask();
        first.Abort();
        await AssertBrokenAsync(ConnectionError.Aborted, read);
        await AssertBrokenAsync(ConnectionError.Aborted, write);
    });

    [Fact(Timeout = 30000)]
    public Task Dispose_ends_an_outstanding_read() => WithPairAsync(async (first, _) =>
    {
        var read = first.ReadAsync(new byte[8]).AsTask();
        first.Dispose();
        await AssertBrokenAsync(ConnectionError.Aborted, read);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Nothing_works_after_the_end_of_this_side(bool abort) => WithPairAsync(async (first, _) =>
    {
        if (abort)
            first.Abort();
        first.Dispose();
        first.Abort();
        first.Dispose();
        await AssertBrokenAsync(ConnectionError.Aborted, first.ReadAsync(new byte[8]).AsTask());
        await AssertBrokenAsync(ConnectionError.Aborted, first.WriteAsync(new byte[8]).AsTask());
        await AssertBrokenAsync(ConnectionError.Aborted, first.CompleteWritesAsync().AsTask());
    });

    [Fact(Timeout = 30000)]
    public Task A_writer_waits_while_nobody_reads() => WithPairAsync(async (first, second) =>
    {
        var (written, write) = Fill(first);
        long read = 0;
        var buffer = new byte[256 << 10];
        while (read < written)
            read += await second.ReadAsync(buffer);
        await write;
    });

    [Fact(Timeout = 30000)]
    public Task A_dribble_of_single_bytes_arrives_in_order() => WithPairAsync(async (first, second) =>
    {
        var bytes = RandomBytes(500, seed: 1);
        await Task.WhenAll(SendAsync(bytes, first, () => 1), ReadToEndAsync(second, bytes, () => 1));
    });

    [Fact(Timeout = 30000)]
    public Task What_was_given_back_is_read_first() => WithPairAsync(async (first, second) =>
    {
        await first.WriteAsync("e"u8.ToArray());
        second.Unread("cd"u8);
        second.Unread("ab"u8);
        Assert.Equal(4, second.UnreadCount);
        Assert.Equal(0, await second.ReadAsync(Memory<byte>.Empty));
        await ExpectAsync(second, "abc");
        await ExpectAsync(second, "de");
        Assert.Equal(0, second.UnreadCount);
    });

    [Fact(Timeout = 30000)]
    public Task What_was_given_back_is_read_before_the_end() => WithPairAsync(async (first, second) =>
    {
        await first.CompleteWritesAsync();
        Assert.Equal(0, await second.ReadAsync(new byte[8]));
        second.Unread("ab"u8);
        await ReadToEndAsync(second, "ab"u8.ToArray());
    });

    [Fact(Timeout = 30000)]
    public Task An_empty_read_waits_for_data_and_leaves_it() => WithPairAsync(async (first, second) =>
    {
        var wait = second.ReadAsync(Memory<byte>.Empty);
        Assert.False(wait.IsCompleted);
        await first.WriteAsync("x"u8.ToArray());
        Assert.Equal(0, await wait);
        Assert.Equal(0, await second.ReadAsync(Memory<byte>.Empty));
        await ExpectAsync(second, "x");
        await first.CompleteWritesAsync();
        Assert.Equal(0, await second.ReadAsync(Memory<byte>.Empty));
    });

    [Fact(Timeout = 30000)]
    public Task An_empty_write_sends_nothing() => WithPairAsync(async (first, second) =>
    {
        await first.WriteAsync(ReadOnlyMemory<byte>.Empty);
        await first.CompleteWritesAsync();
        Assert.Equal(0, await second.ReadAsync(new byte[8]));
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Dispose_delivers_what_was_written(bool whileReading) => WithPairAsync(async (first, second) =>
    {
        var bytes = RandomBytes(Holds, seed: 2);
        await first.WriteAsync(bytes);
        var read = whileReading ? first.ReadAsync(new byte[8]).AsTask() : null;
        first.Dispose();
        if (read is not null)
            await AssertBrokenAsync(ConnectionError.Aborted, read);
        await ReadToEndAsync(second, bytes);
    });

    [Fact(Timeout = 30000)]
    public Task Bulk_in_odd_pieces_arrives_unchanged_both_ways_at_once() => WithPairAsync(async (first, second) =>
    {
        byte[] forth = RandomBytes(Bulk, seed: 3), back = RandomBytes(Bulk, seed: 4);
        await Task.WhenAll(
            SendAsync(forth, first, OddSizes(5)), ReadToEndAsync(second, forth, OddSizes(6)),
            SendAsync(back, second, OddSizes(7)), ReadToEndAsync(first, back, OddSizes(8)));
    });

    private Task WithPairAsync(Func<Connection, Connection, Task> test) => RunAsync(async () =>
    {
        var (first, second) = await ConnectAsync();
        using (first)
        using (second)
            await test(first, second);
    });

    /// <summary>Writes until a write has to wait.</summary>
    /// <returns>How much was written, with the write that waits.</returns>
    private (long Written, Task Write) Fill(Connection connection)
    {
        var chunk = new byte[Chunk];
        for (long written = chunk.Length; written <= MoreThanFits; written += chunk.Length)
        {
            var write = connection.WriteAsync(chunk);
            if (!write.IsCompleted)
                return (written, write.AsTask());
            write.GetAwaiter().GetResult();
        }
        throw new InvalidOperationException("Nobody reads, and no write waits.");
    }

    private static async Task WriteForeverAsync(Connection connection)
    {
        // The first write may still succeed: the reset comes as the answer to it, or when the loop that both live on has its turn again.
        var bytes = new byte[16 << 10];
        while (true)
            await connection.WriteAsync(bytes);
    }

    private static async Task SendAsync(byte[] bytes, Connection connection, Func<int>? sizes = null)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            var size = Math.Min(sizes?.Invoke() ?? bytes.Length, bytes.Length - sent);
            await connection.WriteAsync(bytes.AsMemory(sent, size));
            sent += size;
        }
        await connection.CompleteWritesAsync();
    }

    private static async Task ReadToEndAsync(Connection connection, byte[] expected, Func<int>? sizes = null)
    {
        using var all = new MemoryStream();
        var buffer = new byte[128 << 10];
        while (await connection.ReadAsync(buffer.AsMemory(0, sizes?.Invoke() ?? buffer.Length)) is var count and > 0)
            all.Write(buffer, 0, count);
        Assert.True(all.ToArray().AsSpan().SequenceEqual(expected), "What arrived is not what was sent.");
    }

    private static async Task ExpectAsync(Connection connection, string expected)
    {
        var bytes = new byte[expected.Length];
        for (var read = 0; read < bytes.Length;)
        {
            var got = await connection.ReadAsync(bytes.AsMemory(read));
            Assert.NotEqual(0, got);
            read += got;
        }
        Assert.Equal(expected, Encoding.ASCII.GetString(bytes));
    }

    private static async Task AssertBrokenAsync(ConnectionError expected, Task operation)
    {
        var broken = await Assert.ThrowsAsync<ConnectionException>(() => operation);
        Assert.Equal(expected, broken.Error);
        Assert.NotEmpty(broken.Message);
    }

    private static byte[] RandomBytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static Func<int> OddSizes(int seed)
    {
        var random = new Random(seed);
        return () => (random.Next(1, 70_000) >> random.Next(0, 17)) | 1;
    }
}
