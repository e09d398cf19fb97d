using Fairlead.Net;

namespace Fairlead;

/// <summary>Which of several members of a pool a client gets, as often as their weights say; see <see cref="BalanceKind"/>. May be asked on several event loops at once.</summary>
internal sealed class Balance
{
    private readonly BalanceKind kind;
    private readonly PoolMember[] members;
    private readonly Random random;
    private readonly ulong[] seeds;
    private readonly long[] credits;
    private readonly Lock gate = new();
    private int last = -1;

    /// <param name="kind">The policy.</param>
    /// <param name="members">Among whom.</param>
    /// <param name="random">Asked on any thread, and not under a lock.</param>
    public Balance(BalanceKind kind, PoolMember[] members, Random random)
    {
        this.kind = kind;
        this.members = members;
        this.random = random;
        credits = new long[members.Length];
        seeds = [.. members.Select((member, i) => Seed(member.Upstream.Text, members.Take(i).Count(other => other.Upstream.Text == member.Upstream.Text)))];
    }

    /// <summary>Picks a member, and lets a session enter its upstream.</summary>
    /// <param name="candidates">Indices of members, which ascend; at least one.</param>
    /// <param name="client">The client's address; null for one of a Unix socket.</param>
    public int Pick(ReadOnlySpan<int> candidates, AddressKey? client)
    {
        int picked;
        if (kind is BalanceKind.First)
            picked = candidates[0];
        else if (kind is BalanceKind.Random)
            picked = AtRandom(candidates);
        else if (kind is BalanceKind.SourceHash && client is { } source)
            picked = Nearest(candidates, source);
        else
        {
            // Entered under the lock, so that the next to look sees it.
            lock (gate)
            {
                picked = kind is BalanceKind.LeastConnections ? Idlest(candidates) : Next(candidates);
                members[picked].Upstream.Enter();
            }
            return picked;
        }
        members[picked].Upstream.Enter();
        return picked;
    }

    // One of weight 0 is only asked where all are.
    private int WeightOf(int member) => Math.Max(members[member].Weight, 1);

    // Smooth weighted round-robin, as nginx has it: each is credited its weight, the richest is picked and pays for all, so that the turns of a heavy
    // one lie among those of the others.
    private int Next(ReadOnlySpan<int> candidates)
    {
        var (picked, total) = (candidates[0], 0L);
        foreach (var candidate in candidates)
        {
            total += WeightOf(candidate);
            credits[candidate] += WeightOf(candidate);
            if (credits[candidate] > credits[picked])
                picked = candidate;
        }
        credits[picked] -= total;
        return picked;
    }

    // The fewest sessions for the weight; of equals the one after the last that was picked.
    private int Idlest(ReadOnlySpan<int> candidates)
    {
        var picked = candidates[0];
        foreach (var candidate in candidates[1..])
        {
            var compared = ((long)members[candidate].Upstream.Active * WeightOf(picked)).CompareTo((long)members[picked].Upstream.Active * WeightOf(candidate));
            if (compared < 0 || (compared == 0 && picked <= last && candidate > last))
                picked = candidate;
        }
        return last = picked;
    }

    private int AtRandom(ReadOnlySpan<int> candidates)
    {
        var total = 0L;
        foreach (var candidate in candidates)
            total += WeightOf(candidate);
        var left = random.NextInt64(total);
        foreach (var candidate in candidates)
        {
            left -= WeightOf(candidate);
            if (left < 0)
                return candidate;
        }
        return candidates[^1];
    }

    // Rendezvous hashing (Thaler and Ravishankar 1998) with weights: each candidate draws an exponential variate whose rate is its weight, always the
    // same for the same client, and the smallest wins. One that goes away thereby moves nobody but its own clients.
    private int Nearest(ReadOnlySpan<int> candidates, AddressKey client)
    {
        var source = Mix(Mix((ulong)(client.Bits >> 64) ^ (client.IsV4 ? 4UL : 6UL)) ^ (ulong)client.Bits);
        var (picked, nearest) = (candidates[0], double.PositiveInfinity);
        foreach (var candidate in candidates)
        {
            // Of (0, 1), with the 53 bits of a double.
            var uniform = ((Mix(source ^ seeds[candidate]) >> 11) + 0.5) / (1L << 53);
            var distance = -Math.Log(uniform) / WeightOf(candidate);
            if (distance < nearest)
                (picked, nearest) = (candidate, distance);
        }
        return picked;
    }

    // FNV-1a: the same in each process, so that a restart and a neighbour decide alike. A second upstream of one text counts on.
    private static ulong Seed(string text, int sameBefore)
    {
        var hash = 14695981039346656037UL;
        foreach (var character in text)
            hash = (hash ^ character) * 1099511628211UL;
        return Mix(hash + (ulong)sameBefore);
    }

    // The finaliser of SplitMix64.
    private static ulong Mix(ulong value)
    {
        value += 0x9E3779B97F4A7C15UL;
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9UL;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EBUL;
        return value ^ (value >> 31);
    }
}
