using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>The data connections of a conversation: at most one that was promised to somebody who has not come, one that is being asked for, and four under way.</summary>
internal sealed class FtpChannels(IFtpMeans means, RelayOptions options)
{
    /// <summary>How many may be under way: one, by RFC 959, and some that are about to end.</summary>
    public const int Most = 4;

    /// <summary>How long somebody is waited for.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // Replaced as a whole, since other threads count bytes.
    private volatile FtpChannel[] channels = [];
    private readonly List<Task> running = [];
    private FtpChannel? promised;
    private long bytesFromClient, bytesFromUpstream;

    /// <summary>Whether the client's legs are to be TLS: PROT P (RFC 4217).</summary>
    public bool IsPrivate { get; set; }

    /// <summary>Whether bytes may be under way.</summary>
    public bool IsBusy => channels.Any(static channel => channel.IsUsed);

    /// <summary>Whether there are so many under way that there can be no other.</summary>
    public bool IsFull => channels.Count(static channel => channel.IsUsed) >= Most;

    public long BytesFromClient => Interlocked.Read(ref bytesFromClient) + channels.Sum(static channel => channel.BytesFromClient);

    public long BytesFromUpstream => Interlocked.Read(ref bytesFromUpstream) + channels.Sum(static channel => channel.BytesFromUpstream);

    /// <summary>Listens for one connection of the client.</summary>
    /// <param name="reached">Where: what it has reached.</param>
    /// <param name="ports">On which port.</param>
    /// <param name="from">Its address.</param>
    /// <param name="dial">Dials the server.</param>
    /// <returns>Null where no port or no descriptor is left.</returns>
    public async ValueTask<FtpChannel?> OpenForClientAsync(IPAddress reached, PortRange ports, IPAddress from, Func<ValueTask<DialResult>> dial)
    {
        return means.TryTakePlaces() ? Begin(await means.ListenForClientAsync(reached, ports, from), Side.Client, dial) : null;
    }

    /// <summary>Listens for one connection of the server.</summary>
    /// <param name="at">Where: what it can reach.</param>
    /// <param name="from">Its address.</param>
    /// <param name="dial">Dials the client.</param>
    /// <returns>Null where no port or no descriptor is left.</returns>
    public FtpChannel? OpenForUpstream(IPAddress at, IPAddress from, Func<ValueTask<DialResult>> dial)
    {
        return means.TryTakePlaces() ? Begin(means.ListenOnce(at, new PortRange(0), from), Side.Upstream, dial) : null;
    }

    private FtpChannel? Begin(IFtpDoor? door, Side comesFrom, Func<ValueTask<DialResult>> dial)
    {
        if (door is null)
        {
            means.LeavePlaces();
            return null;
        }
        var channel = new FtpChannel(door, comesFrom, dial);
        channels = [.. channels, channel];
        running.RemoveAll(static task => task.IsCompletedSuccessfully);
        running.Add(RunAsync(channel));
        return channel;
    }

    /// <summary>Somebody was told of it. Whoever was told of another before, and has not come, is not waited for any more.</summary>
    public void Promise(FtpChannel? channel)
    {
        if (promised is { IsUsed: false })
            promised.Close();
        promised = channel;
    }

    /// <summary>Nobody is waited for any more; whoever has come goes on.</summary>
    public void Close()
    {
        foreach (var channel in channels.Where(static channel => !channel.IsUsed))
            channel.Close();
    }

    /// <summary>Ends all at once, with resets.</summary>
    public void Abort()
    {
        foreach (var channel in channels)
            channel.Abort();
    }

    /// <summary>Waits until all have ended.</summary>
    public Task WhenOverAsync() => Task.WhenAll(running);

    private async Task RunAsync(FtpChannel channel)
    {
        var context = SynchronizationContext.Current;
        var expiry = options.Time.CreateTimer(
            _ => context.Run(() =>
            {
                if (!channel.IsUsed)
                    channel.Close();
            }),
            null, Patience, Timeout.InfiniteTimeSpan);
        try
        {
            await channel.RunAsync(means, options, () => IsPrivate);
        }
        finally
        {
            await expiry.DisposeAsync();
            Interlocked.Add(ref bytesFromClient, channel.BytesFromClient);
            Interlocked.Add(ref bytesFromUpstream, channel.BytesFromUpstream);
            channels = [.. channels.Where(one => one != channel)];
            if (promised == channel)
                promised = null;
            means.LeavePlaces();
        }
    }
}
