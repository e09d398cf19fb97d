using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Dials several addresses of one host, the next a quarter of a second after the one before or as soon as that failed, and takes
/// the first that answers (RFC 8305 section 5). The others are given up and closed, those included that connected in the same moment.
/// </summary>
internal static class HappyEyeballs
{
    /// <summary>RFC 8305 section 8, Connection Attempt Delay.</summary>
    private static readonly TimeSpan attemptDelay = TimeSpan.FromMilliseconds(250);

    // A name with more addresses is a load balancer's; these are enough to find a living one, and bound the descriptors.
    private const int MostAddresses = 8;

    /// <summary>Dials until one address connects, all have failed, or the time is up. The result is the connection's, or the last failure's.</summary>
    /// <param name="dialer">Who dials.</param>
    /// <param name="addresses">At least one, in the order in which to try them.</param>
    /// <param name="port">The port of each.</param>
    /// <param name="timeout">For all together.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="cancel">Gives all of it up.</param>
    public static async ValueTask<DialResult> DialAsync(
        IDialer dialer, IPAddress[] addresses, int port, TimeSpan timeout, TimeProvider time, CancellationToken cancel)
    {
        if (addresses.Length == 1)
            return await dialer.DialAsync(new IPEndPoint(addresses[0], port), timeout, cancel);

        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var start = time.GetTimestamp();
        var left = new Queue<IPAddress>(addresses.Take(MostAddresses));
        var attempts = new List<Task<DialResult>>();
        var result = new DialResult(DialOutcome.TimedOut);
        var turn = Task.CompletedTask;
        while (result.Connection is null && (left.Count > 0 || attempts.Count > 0))
        {
            if (left.Count > 0 && turn.IsCompleted)
            {
                var remaining = timeout - time.GetElapsedTime(start);
                if (timeout != Timeout.InfiniteTimeSpan && remaining <= TimeSpan.Zero)
                    break;
                attempts.Add(dialer.DialAsync(new IPEndPoint(left.Dequeue(), port), timeout == Timeout.InfiniteTimeSpan ? timeout : remaining, others.Token).AsTask());
                turn = left.Count > 0 ? Task.Delay(attemptDelay, time, others.Token) : Task.CompletedTask;
            }
            await Task.WhenAny(left.Count > 0 ? [turn, .. attempts] : (Task[])[.. attempts]);
            if (attempts.Find(attempt => attempt.IsCompleted) is not { } done)
                continue;
            attempts.Remove(done);
            result = await done;
            turn = Task.CompletedTask;
        }
        await others.CancelAsync();
        foreach (var late in attempts)
            (await late).Connection?.Dispose();
        return result;
    }

    /// <summary>Addresses in the order in which to try them: one goes first, and the two families take turns (RFC 8305 section 4).</summary>
    /// <param name="found">At least one, in the resolver's order.</param>
    /// <param name="first">The one of them that goes first.</param>
    public static IPAddress[] Interleave(IReadOnlyList<IPAddress> found, IPAddress first)
    {
        var same = found.Where(address => address.AddressFamily == first.AddressFamily && !address.Equals(first)).Prepend(first).ToArray();
        var other = found.Where(address => address.AddressFamily != first.AddressFamily).ToArray();
        var ordered = new List<IPAddress>(found.Count);
        for (var i = 0; i < Math.Max(same.Length, other.Length); i++)
        {
            ordered.AddRange(same.Skip(i).Take(1));
            ordered.AddRange(other.Skip(i).Take(1));
        }
        return [.. ordered];
    }
}
