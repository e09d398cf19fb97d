using System.Numerics;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// Deadlines of one event loop: adding, moving and removing cost the same whatever their number. A hashed hierarchical wheel
/// (Varghese and Lauck, 1987): a timer lies in the level of the highest bit group in which its tick differs from now, and
/// moves down a level when that group is reached. Not thread-safe: it belongs to its loop.
/// </summary>
/// <param name="tick">The present tick.</param>
[SupportedOSPlatform("linux")]
internal sealed class TimerWheel(long tick)
{
    /// <summary>How exact a deadline is: it fires up to this long after it is due, never before.</summary>
    public const int TickMilliseconds = 10;

    private const int Bits = 6;
    private const int Slots = 1 << Bits;

    // 64^4 ticks are 46 hours; a later deadline waits in the last level and goes round again.
    private const int Levels = 4;
    private const long Horizon = 1L << (Bits * Levels);

    private readonly LoopTimer?[] heads = new LoopTimer?[Levels * Slots];
    private readonly ulong[] occupied = new ulong[Levels];
    private long now = tick;

    /// <summary>The tick up to which timers have fired.</summary>
    public long Now => now;

    /// <summary>Adds a timer that is in no wheel, to fire at its <see cref="LoopTimer.DueTick"/>, at the next tick if that has passed.</summary>
    public void Add(LoopTimer timer)
    {
        var tick = Math.Clamp(timer.DueTick, now + 1, now + Horizon - 1);
        var level = Math.Min((63 - BitOperations.LeadingZeroCount((ulong)(now ^ tick) | (Slots - 1))) / Bits, Levels - 1);
        var slot = (int)(tick >> (level * Bits)) & (Slots - 1);
        timer.Slot = level * Slots + slot;
        timer.Previous = null;
        timer.Next = heads[timer.Slot];
        if (timer.Next is not null)
            timer.Next.Previous = timer;
        heads[timer.Slot] = timer;
        occupied[level] |= 1UL << slot;
    }

    /// <summary>Takes a timer out; does nothing if it is in no wheel.</summary>
    public void Remove(LoopTimer timer)
    {
        if (timer.Slot < 0)
            return;
        if (timer.Previous is not null)
            timer.Previous.Next = timer.Next;
        else
            heads[timer.Slot] = timer.Next;
        if (timer.Next is not null)
            timer.Next.Previous = timer.Previous;
        if (heads[timer.Slot] is null)
            occupied[timer.Slot / Slots] &= ~(1UL << (timer.Slot % Slots));
        timer.Slot = -1;
        timer.Previous = timer.Next = null;
    }

    /// <summary>The tick at which <see cref="Advance"/> next has something to do; -1 when there is no timer.</summary>
    public long NextTick() => TryNext(out _, out var tick) ? tick : -1;

    /// <summary>Fires every timer that is due at <paramref name="tick"/>, in the order of their ticks.</summary>
    public void Advance(long tick)
    {
        while (TryNext(out var slot, out var at) && at <= tick)
        {
            now = Math.Max(now, at);
            while (heads[slot] is { } timer)
            {
                Remove(timer);
                if (timer.DueTick <= now)
                    timer.Fire();
                else
                    Add(timer);
            }
        }
        now = Math.Max(now, tick);
    }

    // A timer in a higher level differs from now in a higher bit group, so it is later than all those of lower levels. In the last level, the
    // present slot comes last: what lies there is nearly a whole round away.
    private bool TryNext(out int slot, out long tick)
    {
        for (var level = 0; level < Levels; level++)
        {
            if (occupied[level] == 0)
                continue;
            var shift = level * Bits;
            var current = (int)(now >> shift) & (Slots - 1);
            var first = level == Levels - 1 ? current + 1 : current;
            var index = (BitOperations.TrailingZeroCount(BitOperations.RotateRight(occupied[level], first)) + first) & (Slots - 1);
            var range = 1L << (shift + Bits);
            tick = (now & ~(range - 1)) + ((long)index << shift);
            if (index < first)
                tick += range;
            slot = level * Slots + index;
            return true;
        }
        (slot, tick) = (-1, -1);
        return false;
    }
}
