using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests.Ssh;

/// <summary>
/// A connection that says what a recorded peer said, byte for byte, as soon as this end has sent what it had sent before that; and holds what this end sends to the record.
/// </summary>
internal sealed class ReplayedConnection(Transcript transcript) : Connection
{
    private readonly byte[] expected = [.. transcript.Turns.Where(turn => turn.IsSent).SelectMany(turn => turn.Bytes)];
    private readonly Queue<(int After, byte[] Bytes)> coming = Coming(transcript);
    private TaskCompletionSource sending = new();
    private byte[] turn = [];
    private int sent, taken;
    private bool isAborted;

    /// <summary>Where it went otherwise than it was recorded; null: nowhere.</summary>
    public string? Difference { get; private set; }

    public override EndPoint? LocalEndPoint => null;

    public override EndPoint? RemoteEndPoint => null;

    /// <summary>Everything was sent and taken that was recorded, and nothing else.</summary>
    public void AssertOver()
    {
        Assert.True(Difference is null, Difference);
        Assert.Equal(expected.Length, sent);
        Assert.Empty(coming);
        Assert.Equal(turn.Length, taken);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        var rest = expected.AsSpan(sent);
        var same = rest.CommonPrefixLength(bytes.Span);
        if (same < bytes.Length)
        {
            Difference ??= $"Byte {sent + same} of what this end sends is {bytes.Span[same]:x2}, and was {(same < rest.Length ? $"{rest[same]:x2}" : "not sent")}. If it may be another, record the sessions anew (CONTRIBUTING.md).";
            Abort();
        }
        ThrowIfAborted();
        sent += bytes.Length;
        Wake();
        return default;
    }

    public override ValueTask CompleteWritesAsync() => default;

    public override void Abort()
    {
        isAborted = true;
        Wake();
    }

    public override void Dispose() => Abort();

    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        while (taken == turn.Length)
        {
            ThrowIfAborted();
            if (sent >= (coming.TryPeek(out var next) ? next.After : expected.Length))
            {
                if (!coming.TryDequeue(out next))
                    return 0;
                (turn, taken) = (next.Bytes, 0);
                break;
            }
            await sending.Task;
        }
        var count = Math.Min(buffer.Length, turn.Length - taken);
        turn.AsSpan(taken, count).CopyTo(buffer.Span);
        taken += count;
        return count;
    }

    private static Queue<(int After, byte[] Bytes)> Coming(Transcript transcript)
    {
        var coming = new Queue<(int, byte[])>();
        var after = 0;
        foreach (var (isSent, bytes) in transcript.Turns)
        {
            if (isSent)
                after += bytes.Length;
            else
                coming.Enqueue((after, bytes));
        }
        return coming;
    }

    private void Wake()
    {
        var woken = sending;
        sending = new TaskCompletionSource();
        woken.SetResult();
    }

    private void ThrowIfAborted()
    {
        if (isAborted)
            throw new ConnectionException(ConnectionError.Aborted, Difference ?? "The connection was closed at this end.");
    }
}
