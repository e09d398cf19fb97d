using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>
/// What an event loop watches, by slot. What epoll is given to tell is the slot and its generation, never the descriptor: an event that was
/// fetched before its descriptor was closed and the number used again finds nobody (traps of epoll(7)).
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class SlotTable
{
    // Slots come by the thousand, so that growing neither copies nor leaves arrays behind.
    private const int ChunkBits = 10;

    private readonly List<Slot[]> chunks = [];
    private int free = -1, used;

    /// <summary>Takes a slot for a target.</summary>
    public int Take(IPollable target)
    {
        var index = free;
        if (index >= 0)
        {
            free = At(index).NextFree;
        }
        else
        {
            index = used++;
            if (index >> ChunkBits == chunks.Count)
                chunks.Add(new Slot[1 << ChunkBits]);
        }
        At(index).Target = target;
        return index;
    }

    /// <summary>Gives a slot back; what was told of it before finds nobody from now on.</summary>
    public void Release(int index)
    {
        ref var slot = ref At(index);
        slot.Target = null;
        slot.Generation++;
        slot.NextFree = free;
        free = index;
    }

    /// <summary>What epoll is given: the generation above, the slot below.</summary>
    public ulong IdentityOf(int index) => ((ulong)At(index).Generation << 32) | (uint)index;

    /// <summary>Whom an event is for; null if he has left.</summary>
    public IPollable? Find(ulong identity)
    {
        ref var slot = ref At((int)(uint)identity);
        return slot.Generation == (uint)(identity >> 32) ? slot.Target : null;
    }

    private ref Slot At(int index) => ref chunks[index >> ChunkBits][index & ((1 << ChunkBits) - 1)];

    private struct Slot
    {
        public IPollable? Target;
        public uint Generation;
        public int NextFree;
    }
}
