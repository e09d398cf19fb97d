using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>What dials leave from: sources taken in turn by whoever dials, on all event loops.</summary>
internal sealed class DialSources
{
    /// <summary>How many addresses and ports one dial tries. The next dial begins behind, so that a whole range is gone through.</summary>
    public const int MostTries = 64;

    private readonly DialSource[] ipv4, ipv6;
    private readonly string text;
    private uint dials;

    private DialSources(IReadOnlyList<DialSource> sources)
    {
        var all = sources.Select(source => source.Address.IsIPv4MappedToIPv6 ? source with { Address = source.Address.MapToIPv4() } : source).ToList();
        ipv4 = [.. all.Where(source => source.Address.AddressFamily == AddressFamily.InterNetwork)];
        ipv6 = [.. all.Where(source => source.Address.AddressFamily == AddressFamily.InterNetworkV6)];
        text = string.Join(", ", all.Take(4)) + (all.Count > 4 ? ", …" : "");
    }

    /// <summary>The sources of a dialer; null for none, which leaves the choice to the system.</summary>
    public static DialSources? Of(IReadOnlyList<DialSource>? sources) => sources is { Count: > 0 } ? new DialSources(sources) : null;

    /// <summary>What a dial to a target of this family may leave from, one after the other.</summary>
    public Tries For(AddressFamily family)
    {
        var own = family == AddressFamily.InterNetwork ? ipv4 : ipv6;
        return new Tries(own, Interlocked.Increment(ref dials) - 1);
    }

    /// <summary>What to say when none of them is of the target's family.</summary>
    public DialResult NoneFor(AddressFamily family)
    {
        var name = family == AddressFamily.InterNetwork ? "an IPv4" : "an IPv6";
        return new DialResult(DialOutcome.NoLocalAddress, null, $"the target has {name} address, and none of the sources has: {text}");
    }

    /// <summary>What to say when the last of them could not be left from.</summary>
    /// <param name="last">That source.</param>
    /// <param name="reason">The system's words.</param>
    public static DialResult Unusable(DialSource last, string reason) =>
        new(DialOutcome.NoLocalAddress, null, $"cannot leave from {last}: {reason}");

    /// <summary>The sources of one dial, in their turn; those with several ports port by port.</summary>
    public struct Tries(DialSource[] sources, uint turn)
    {
        private int tries, source, port;

        /// <summary>The source that is tried; after <see cref="MoveNext"/>.</summary>
        public readonly DialSource Source => sources[(turn + (uint)source - 1) % (uint)sources.Length];

        /// <summary>The address and port to bind to. Port 0: the system chooses.</summary>
        public readonly IPEndPoint EndPoint
        {
            get
            {
                // Each round of the sources begins one try later in the range.
                var first = turn / (uint)sources.Length;
                return new IPEndPoint(Source.Address, Source.FirstPort + (int)((first + (uint)port - 1) % (uint)(Source.LastPort - Source.FirstPort + 1)));
            }
        }

        /// <summary>The next port of the source, else the next source; false when there is none left, or it was tried often enough.</summary>
        public bool MoveNext()
        {
            if (source > 0 && port < Source.LastPort - Source.FirstPort + 1)
                port++;
            else if (source < sources.Length)
                (source, port) = (source + 1, 1);
            else
                return false;
            return ++tries <= MostTries;
        }

        /// <summary>The source is no address of this machine: its other ports need not be tried.</summary>
        public void LeaveSource() => port = int.MaxValue;
    }
}
