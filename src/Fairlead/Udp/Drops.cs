namespace Fairlead;

/// <summary>Why a datagram was not passed on.</summary>
internal enum Drop
{
    /// <summary>By <c>deny</c> or <c>allow</c>.</summary>
    Denied,

    /// <summary>No route takes the client, and there is no other target.</summary>
    NoRoute,

    /// <summary>Its source or prefix has as many sessions as it may have.</summary>
    Limited,

    /// <summary>More clients a second than <c>sessions_per_second</c>.</summary>
    TooFast,

    /// <summary>As many sessions as there may be, and each of them answered.</summary>
    TableFull,

    /// <summary>It is of a new client of a listen that is given up.</summary>
    NotListening,

    /// <summary>More bytes a second than <c>rate</c> or <c>rate_per_connection</c>.</summary>
    Rate,

    /// <summary>More wait for an upstream than are kept.</summary>
    Waiting,

    /// <summary>No upstream could be had.</summary>
    NoUpstream,

    /// <summary>An answer beyond <c>responses</c>, or to a session that has ended.</summary>
    Unwanted,

    /// <summary>It is longer than the way can carry.</summary>
    TooLong,

    /// <summary>The socket's buffer for sending, or the system's memory, was full.</summary>
    SendBufferFull,

    /// <summary>The system did not send it: no route, or a packet filter.</summary>
    NotSent,

    /// <summary>The socket's buffer for receiving was full: they come faster than they are passed on.</summary>
    ReceiveBufferFull,

    /// <summary>It was longer than the memory for it.</summary>
    Truncated,

    /// <summary>It has no header that is understood, or is a fragment (SOCKS).</summary>
    Malformed,
}

/// <summary>Datagrams of a forward that were not passed on, counted by their reason; from any thread.</summary>
internal sealed class Drops
{
    private readonly long[] counts = new long[Enum.GetValues<Drop>().Length];

    public void Add(Drop reason, int count)
    {
        if (count > 0)
            Interlocked.Add(ref counts[(int)reason], count);
    }

    /// <summary>Counts what a socket did not take.</summary>
    public void Add(Fairlead.Net.DatagramsSent sent)
    {
        Add(Drop.TooLong, sent.TooLong);
        Add(Drop.SendBufferFull, sent.NoRoom);
        Add(Drop.NotSent, sent.Failed);
    }

    /// <summary>The reasons for which there were any, in <c>snake_case</c>, with their counts.</summary>
    public IReadOnlyDictionary<string, long> ToDictionary()
    {
        var all = new SortedDictionary<string, long>(StringComparer.Ordinal);
        for (var reason = 0; reason < counts.Length; reason++)
        {
            if (Interlocked.Read(ref counts[reason]) is var count and > 0)
                all.Add(Word((Drop)reason), count);
        }
        return all;
    }

    /// <summary>The word of a reason, the same in logs and counters.</summary>
    public static string Word(Drop reason) => reason switch
    {
        Drop.Denied => "denied",
        Drop.NoRoute => "no_route",
        Drop.Limited => "limited",
        Drop.TooFast => "too_fast",
        Drop.TableFull => "table_full",
        Drop.NotListening => "not_listening",
        Drop.Rate => "rate",
        Drop.Waiting => "waiting",
        Drop.NoUpstream => "no_upstream",
        Drop.Unwanted => "unwanted",
        Drop.TooLong => "too_long",
        Drop.SendBufferFull => "send_buffer_full",
        Drop.NotSent => "not_sent",
        Drop.ReceiveBufferFull => "receive_buffer_full",
        Drop.Malformed => "malformed",
        _ => "truncated",
    };
}
