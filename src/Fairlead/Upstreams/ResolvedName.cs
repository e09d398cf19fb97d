using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>
/// A name and its present addresses: looked up on an interval, and at once when somebody could not reach them. While the resolver
/// is down the last answer holds.
/// </summary>
internal sealed class ResolvedName : IDisposable
{
    // A refused dial asks again at once; a thousand of them a second must not.
    private static readonly TimeSpan leastGap = TimeSpan.FromSeconds(1);

    // How long a winner goes first before the resolver's order gets another chance (RFC 8305 section 4 asks for such a memory).
    private static readonly TimeSpan preferenceLife = TimeSpan.FromMinutes(10);

    private readonly LookUps lookUps;
    private readonly TimeProvider time;
    private readonly Action<LogEntry> log;
    private readonly Lock gate = new();
    private readonly ITimer timer;
    private volatile IPAddress[] addresses = [];
    private Task? underWay;
    private long? lastAsked;
    private bool isFailing;
    private int version;
    private volatile Winner? winner;

    public ResolvedName(string name, LookUps lookUps, TimeSpan interval, TimeProvider time, Action<LogEntry> log)
    {
        Name = name;
        this.lookUps = lookUps;
        this.time = time;
        this.log = log;
        timer = time.CreateTimer(static self => _ = ((ResolvedName)self!).RefreshAsync(), this, interval, interval);
        _ = RefreshAsync();
    }

    public string Name { get; }

    /// <summary>
    /// The addresses to try, in this order: who won last time, then the two families in turn (RFC 8305 section 4). Empty while none is
    /// known.
    /// </summary>
    public IPAddress[] Addresses => Order(addresses);

    /// <summary>Counts how often the addresses have changed: for those who would rather not ask for them each time.</summary>
    public int Version => Volatile.Read(ref version);

    /// <summary>Waits for the look-up that is under way, if no address is known yet.</summary>
    public async Task WaitForFirstAsync(TimeSpan atMost, CancellationToken cancel)
    {
        if (addresses.Length == 0)
            await RefreshAsync().WaitAsync(atMost, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    /// <summary>Looks the name up again, unless that happened within the last second. Never faults.</summary>
    public Task RefreshAsync()
    {
        lock (gate)
        {
            if (underWay is { IsCompleted: false })
                return underWay;
            if (lastAsked is { } last && time.GetElapsedTime(last) < leastGap)
                return Task.CompletedTask;
            lastAsked = time.GetTimestamp();
            return underWay = LookUpAsync();
        }
    }

    /// <summary>Says which address connected first, so that it goes first for a while. Winning again does not make that longer.</summary>
    public void Prefer(IPAddress address)
    {
        var present = winner;
        if (!GoesFirst(present) || !address.Equals(present!.Address))
            winner = new Winner(address, time.GetTimestamp());
    }

    public void Dispose() => timer.Dispose();

    private async Task LookUpAsync()
    {
        IPAddress[] found;
        try
        {
            found = await lookUps.AskAsync(Name).ConfigureAwait(false);
            if (found.Length == 0)
                throw new SocketException((int)SocketError.NoData);
        }
        catch (Exception e)
        {
            if (!isFailing)
                log(Notice.NameUnresolved(Name, e.Message, addresses.Length));
            isFailing = true;
            return;
        }
        var before = addresses;
        var changed = !before.ToHashSet().SetEquals(found);
        addresses = found;
        if (changed)
            Interlocked.Increment(ref version);
        if (isFailing || (before.Length > 0 && changed))
            log(Notice.NameResolved(Name, found));
        isFailing = false;
    }

    private IPAddress[] Order(IPAddress[] found)
    {
        if (found.Length < 2)
            return found;
        var first = found[0];
        if (winner is { } won && GoesFirst(won) && found.Contains(won.Address))
            first = won.Address;
        return HappyEyeballs.Interleave(found, first);
    }

    private bool GoesFirst(Winner? won) => won is not null && time.GetElapsedTime(won.Since) < preferenceLife;

    // Immutable, since sessions of several loops read and write it.
    private sealed record Winner(IPAddress Address, long Since);
}
