using System.Net;
using System.Runtime.CompilerServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One of the places where a pool sends connections.</summary>
/// <param name="Upstream">The place; it may be in other pools too.</param>
/// <param name="Weight">How many clients it gets for each of one whose weight is 1; 0: none, as long as there is anybody else.</param>
/// <param name="IsBackup">Whether it is for when all others are down.</param>
internal sealed record PoolMember(Upstream Upstream, int Weight = 1, bool IsBackup = false);

/// <summary>Upstreams among which clients are balanced. A client whom one fails gets the next, at once. May be used on several event loops at once.</summary>
internal sealed class Pool
{
    // Enough for any pool that was written by hand; its stack's worth is 1 KiB.
    private const int MostOnStack = 256;

    private readonly PoolMember[] members;
    private readonly Balance balance;

    /// <param name="members">At least one.</param>
    /// <param name="balance">Which of them a client gets.</param>
    /// <param name="random">For <see cref="BalanceKind.Random"/>; null: the system's.</param>
    public Pool(IReadOnlyList<PoolMember> members, BalanceKind balance, Random? random = null)
    {
        ArgumentOutOfRangeException.ThrowIfZero(members.Count, nameof(members));
        this.members = [.. members];
        this.balance = new Balance(balance, this.members, random ?? Random.Shared);
    }

    /// <summary>Its members, as they were given.</summary>
    public IReadOnlyList<PoolMember> Members => members;

    /// <summary>
    /// Dials until there is a connection: the member whose turn it is, then others that this client has not tried yet, with three dials in all and for
    /// <paramref name="connect"/> at the most. Nothing has been sent yet.
    /// </summary>
    /// <remarks>
    /// <para>
    /// Members that are up come first, backups after all others, and those of weight 0 after the backups. Where none is left that is up, those that are
    /// down are tried all the same.
    /// </para>
    /// <para>
    /// A dial takes at most its even part of the time that is left, while there are members left that are as likely to answer: of 5 s a first of three that
    /// never answers takes 1.67 s. The last one has all that is left, and may be dialled again, see <see cref="Upstream.DialAsync"/>.
    /// </para>
    /// </remarks>
    /// <param name="client">The client's address; null for one of a Unix socket.</param>
    /// <param name="time">Measures it all.</param>
    /// <param name="connect">For all dials together; <see cref="Timeout.InfiniteTimeSpan"/> leaves each to the system.</param>
    /// <param name="told">Who the client is, for upstreams that are told; null where it has no addresses.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <returns>If it connected, the session counts at its upstream: the caller owes it <see cref="Upstream.Leave"/>.</returns>
    public ValueTask<PoolResult> DialAsync(AddressKey? client, TimeProvider time, TimeSpan connect, ProxiedClient? told, CancellationToken cancel)
    {
        return members.Length == 1 ? members[0].Upstream.DialAsync(time, connect, told, cancel) : DialOneOfAsync(client, time, connect, told, cancel);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<PoolResult> DialOneOfAsync(AddressKey? client, TimeProvider time, TimeSpan connect, ProxiedClient? told, CancellationToken cancel)
    {
        var deadline = new Deadline(time, connect);
        var (tried, dials) = (default(Tried), 0);
        while (true)
        {
            var pick = Pick(client, tried, time);
            var upstream = members[pick.Member].Upstream;
            var dialsLeft = Upstream.MostDials - dials;
            PoolResult result;
            try
            {
                result = await upstream.DialEnteredAsync(
                    time, deadline.Share(Math.Min(dialsLeft, pick.Likely)), pick.Likely > 1 ? 1 : dialsLeft, told, cancel);
            }
            finally
            {
                if (pick.IsTrial)
                    upstream.EndTrial();
            }
            dials += result.Dials;
            if (result.Dial.Connection is not null || cancel.IsCancellationRequested || dials == Upstream.MostDials || pick.Left == 1 || deadline.HasPassed)
                return result with { Dials = dials };

            // Another upstream needs a descriptor too.
            if (result.Dial.Outcome == DialOutcome.NoResources)
                await Task.Delay(Upstream.PauseAfterShortage, time, CancellationToken.None);
            tried = tried.And(pick.Member);
        }
    }

    /// <summary>
    /// Opens a flow of datagrams to the member whose turn it is, else to others, three in all at the most. Nothing has been sent yet, so that it shows
    /// only later whether anybody is there.
    /// </summary>
    /// <param name="client">The client's address.</param>
    /// <param name="preferred">Who gets the client if it is a member that is up; null: whose turn it is.</param>
    /// <param name="avoided">Who gets the client only if there is nobody else; null: all are alike.</param>
    /// <param name="sink">Who gets what the upstream sends.</param>
    /// <param name="refused">See <see cref="Upstream.OpenAsync"/>.</param>
    /// <param name="time">Measures it all.</param>
    /// <param name="connect">For all together.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <returns>
    /// The flow, or the last failure; and to whom. If there is a flow, the caller owes that <see cref="Upstream.Leave"/>, and <see cref="Upstream.EndTrial"/> once it
    /// has shown whether it is well, if it is down and this client alone tries it.
    /// </returns>
    public async ValueTask<(DatagramDialResult Dial, Upstream Upstream, bool IsTrial)> OpenAsync(
        AddressKey client, Upstream? preferred, Upstream? avoided, IDatagramSink sink, IPAddress? refused, TimeProvider time, TimeSpan connect, CancellationToken cancel)
    {
        var deadline = new Deadline(time, connect);
        var tried = default(Tried);
        if (avoided is not null && HasOtherThan(avoided))
            tried = tried.And(Array.FindIndex(members, member => member.Upstream == avoided));
        for (var dials = 1; ; dials++)
        {
            var pick = dials == 1 && Enter(preferred) is { } known ? known : Pick(client, tried, time);
            var upstream = members[pick.Member].Upstream;
            var result = default(DatagramDialResult);
            try
            {
                result = await upstream.OpenAsync(sink, refused, time, deadline.Left, cancel);
            }
            finally
            {
                if (result.Flow is null)
                {
                    upstream.Leave();
                    if (pick.IsTrial)
                        upstream.EndTrial();
                }
            }
            if (result.Flow is not null || cancel.IsCancellationRequested || dials == Upstream.MostDials || tried.IsFull || pick.Left == 1 || deadline.HasPassed)
                return (result, upstream, result.Flow is not null && pick.IsTrial);
            tried = tried.And(pick.Member);
        }
    }

    /// <summary>Whether somebody else of the pool is up.</summary>
    public bool HasOtherThan(Upstream upstream)
    {
        foreach (var member in members)
        {
            if (member.Upstream != upstream && member.Upstream.Health.IsUp)
                return true;
        }
        return false;
    }

    private Choice? Enter(Upstream? preferred)
    {
        var member = preferred is { Health.IsUp: true } ? Array.FindIndex(members, member => member.Upstream == preferred) : -1;
        if (member < 0)
            return null;
        preferred!.Enter();
        return new Choice(member, false, members.Length, members.Length);
    }

    private Choice Pick(AddressKey? client, Tried tried, TimeProvider time)
    {
        var now = Upstream.Now(time);
        var best = members.Length <= MostOnStack ? stackalloc int[members.Length] : new int[members.Length];
        while (true)
        {
            var (count, rank, left, up) = (0, Rank.None, 0, 0);
            for (var i = 0; i < members.Length; i++)
            {
                if (tried.Contains(i))
                    continue;
                left++;
                var its = RankOf(members[i], now);
                if (its < Rank.Down)
                    up++;
                if (its < rank)
                    (rank, count) = (its, 0);
                if (its == rank)
                    best[count++] = i;
            }
            var picked = balance.Pick(best[..count], client);
            var upstream = members[picked].Upstream;
            var isTrial = rank < Rank.Down && !upstream.Health.IsUp;
            if (!isTrial || upstream.TryBeginTrial(time))
                return new Choice(picked, isTrial, left, rank < Rank.Down ? up : left);

            // Another client is at it, or it has just gone down: it is as the others that are down.
            upstream.Leave();
        }
    }

    private static Rank RankOf(PoolMember member, TimeSpan now)
    {
        var rank = member switch
        {
            { Weight: 0 } => Rank.Unweighted,
            { IsBackup: true } => Rank.Backup,
            _ => Rank.First,
        };
        var health = member.Upstream.Health;
        return health.IsUp || health.IsTrialDue(now) ? rank : rank + (int)Rank.Down;
    }

    /// <summary>Who comes before whom.</summary>
    private enum Rank
    {
        First,
        Backup,
        Unweighted,

        /// <summary>From here on the same again, of those that are down.</summary>
        Down,

        None = 2 * Down,
    }

    /// <summary>A member whom a session has entered.</summary>
    /// <param name="Member">Its index.</param>
    /// <param name="IsTrial">Whether it is down and this client alone tries it.</param>
    /// <param name="Left">How many the client has not tried, this one included.</param>
    /// <param name="Likely">How many of them are up, or all of them where none is.</param>
    private readonly record struct Choice(int Member, bool IsTrial, int Left, int Likely);

    /// <summary>The members that a client has tried: at most two, since the third dial is the last.</summary>
    private readonly struct Tried
    {
        private readonly int first, second;

        private Tried(int first, int second)
        {
            this.first = first;
            this.second = second;
        }

        public bool IsFull => second > 0;

        // One more than the index, so that nothing is zero.
        public Tried And(int member) => first == 0 ? new Tried(member + 1, 0) : new Tried(first, member + 1);

        public bool Contains(int member) => first == member + 1 || second == member + 1;
    }
}
