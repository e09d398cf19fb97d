using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HandshakeReaderTests
{
    // A length, and so many bytes that are their sum; a length of 255 is wrong.
    private static readonly Parse<int> parse = static bytes =>
    {
        if (bytes.IsEmpty || bytes.Length <= bytes[0])
            return bytes is [255, ..] ? Parsed.Wrong<int>("255 is wrong") : default;
        var sum = 0;
        foreach (var one in bytes[1..(1 + bytes[0])])
            sum += one;
        return Parsed.Whole(sum, 1 + bytes[0]);
    };

    private readonly MemoryConnection near, far;
    private readonly HandshakeReader reader;

    public HandshakeReaderTests()
    {
        (near, far) = MemoryConnection.CreatePair();
        reader = new HandshakeReader(near, 8);
    }

    [Theory(Timeout = 30000), InlineData(1), InlineData(2), InlineData(3), InlineData(5), InlineData(100)]
    public async Task Messages_are_read_one_after_the_other_however_they_come(int piece)
    {
        byte[] all = [2, 10, 20, 0, 7, 1, 1, 1, 1, 1, 1, 1, 1, 5, 3, 4, 4, 4, 9, 9, 9];
        var writing = Task.Run(async () =>
        {
            for (var at = 0; at < all.Length; at += piece)
            {
                await far.WriteAsync(all.AsMemory(at, Math.Min(piece, all.Length - at)));
                await Task.Yield();
            }
        }, TestContext.Current.CancellationToken);
        foreach (var sum in new[] { 30, 0, 7, 5, 12 })
            Assert.Equal(sum, (await reader.ReadAsync(parse)).Value);
        reader.GiveBack();
        await writing;
        await Traffic.ExpectAsync(near, [9, 9, 9]);
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_wrong_and_what_is_too_long_is_told_and_an_end_within_a_message_is_wrong_too()
    {
        await far.WriteAsync(new byte[] { 255 });
        Assert.Equal("255 is wrong", (await reader.ReadAsync(parse)).Fault);
        await far.WriteAsync(new byte[20]);
        Assert.Equal("what it says is longer than 8 bytes", (await new HandshakeReader(near, 8).ReadAsync<int>(_ => default)).Fault);
        await far.WriteAsync(new byte[] { 3, 1 });
        far.Dispose();
        var last = new HandshakeReader(near, 64);
        while (await last.ReadAsync(parse) is { IsWhole: true })
        {
        }
        Assert.Equal("the connection was closed during the handshake", (await last.ReadAsync(parse)).Fault);
    }

    [Fact(Timeout = 30000)]
    public async Task A_broken_connection_is_an_exception()
    {
        far.Abort();
        await Assert.ThrowsAsync<ConnectionException>(() => reader.ReadAsync(parse).AsTask());
    }
}
