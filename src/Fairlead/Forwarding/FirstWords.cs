using System.Buffers;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What a client says before it is known where it goes: bytes gathered until somebody understands them, within a time and up to a length
/// (<c>timeouts.first_bytes</c>). Whatever is not consumed stays the connection's, and is relayed first.
/// </summary>
/// <remarks>Used where the connection belongs. Disposing it gives back what is left.</remarks>
internal sealed class FirstWords : IDisposable
{
    /// <summary>How many bytes are read before somebody has to have understood them.</summary>
    public const int Most = 16 << 10;

    private const int AtFirst = 1 << 10;

    // The deadline may fire on another thread, and only one of both happens: it passes, or they are understood.
    private const int Open = 0, Over = 1, Late = 2;

    private readonly Connection client;
    private readonly ITimer? deadline;
    private byte[] buffer = [];
    private int start, end;
    private int state;

    /// <param name="client">Who speaks; aborted when the time is up.</param>
    /// <param name="limit">The time for all of it; infinite: none.</param>
    /// <param name="time">Measures it.</param>
    public FirstWords(Connection client, TimeSpan limit, TimeProvider time)
    {
        this.client = client;
        if (limit != Timeout.InfiniteTimeSpan)
            deadline = time.CreateTimer(static words => ((FirstWords)words!).OnDeadline(), this, limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>What was read and not consumed; lent until the next call.</summary>
    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(start, end - start);

    /// <summary>Whether the time was up, so that the connection is aborted.</summary>
    public bool IsLate => Volatile.Read(ref state) == Late;

    /// <summary>Whether so much was read that was not understood that no more is.</summary>
    public bool IsFull => end - start >= Most;

    /// <summary>Waits for more bytes.</summary>
    /// <returns>False if none come: the client said its last, it is too late, or too much was said already.</returns>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public async ValueTask<bool> MoreAsync()
    {
        if (IsFull)
            return false;
        try
        {
            // Strangers who say nothing hold no memory.
            if (start == end)
                await client.ReadAsync(Memory<byte>.Empty);
            MakeRoom();
            var count = await client.ReadAsync(buffer.AsMemory(end, Math.Min(buffer.Length - end, Most - (end - start))));
            end += count;
            return count > 0;
        }
        catch (ConnectionException) when (IsLate)
        {
            return false;
        }
    }

    /// <summary>Reads until a parser understands it, or knows that it is wrong. What it understood is consumed.</summary>
    /// <returns>If it still needs more, none comes: <see cref="Outcome"/> says why.</returns>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public async ValueTask<Parsed<T>> ReadAsync<T>(Parse<T> parse)
    {
        while (true)
        {
            var parsed = parse(Bytes);
            if (!parsed.NeedsMore)
            {
                Consume(parsed.Length);
                return parsed;
            }
            if (!await MoreAsync())
                return default;
        }
    }

    /// <summary>Reads until it is known what a client of TLS asks for, or that it is none. Nothing is consumed.</summary>
    /// <returns>If more is still needed, none comes: <see cref="Outcome"/> says why.</returns>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public async ValueTask<ClientHello> PeekClientHelloAsync()
    {
        var hello = new ClientHello(ClientHelloState.NeedMore, 1);
        while (hello.State == ClientHelloState.NeedMore && await MoreAsync())
        {
            if (end - start >= hello.Needed)
                hello = ClientHello.Read(Bytes);
        }
        return hello;
    }

    /// <summary>How a session ends whose client says no more although more is needed.</summary>
    public SessionOutcome Outcome => IsLate ? SessionOutcome.Late : IsFull ? SessionOutcome.BadRequest($"more than {Most} bytes and nothing that is understood") : SessionOutcome.Silent;

    /// <summary>So many bytes were understood.</summary>
    public void Consume(int count)
    {
        start += count;
        if (start < end)
            return;
        start = end = 0;
    }

    /// <summary>Gives the rest back to the connection; no time runs any more.</summary>
    public void Dispose()
    {
        Interlocked.CompareExchange(ref state, Over, Open);
        deadline?.Dispose();
        if (end > start)
            client.Unread(Bytes);
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
        start = end = 0;
    }

    private void MakeRoom()
    {
        if (end < buffer.Length)
            return;
        var held = end - start;
        var larger = start > 0 && held < buffer.Length / 2 ? buffer : ArrayPool<byte>.Shared.Rent(Math.Max(AtFirst, Math.Min(2 * buffer.Length, Most)));
        Buffer.BlockCopy(buffer, start, larger, 0, held);
        if (buffer.Length > 0 && larger != buffer)
            ArrayPool<byte>.Shared.Return(buffer);
        (buffer, start, end) = (larger, 0, held);
    }

    private void OnDeadline()
    {
        if (Interlocked.CompareExchange(ref state, Late, Open) == Open)
            client.Context.RunThere(client.Abort);
    }
}
