using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Dials where clients want to go who name it themselves, if they may. The address that was checked is the address that is dialled.</summary>
/// <param name="rules">Where they may go.</param>
/// <param name="names">Who looks names up.</param>
/// <param name="dialer">Who dials.</param>
/// <param name="takesNames">Whether names are for the far end of the dialer to look up.</param>
/// <param name="connect">How long it may take, the looking up included.</param>
/// <param name="time">Measures it.</param>
internal sealed class Destinations(DestinationRules rules, DestinationNames names, IDialer dialer, bool takesNames, TimeSpan connect, TimeProvider time)
{
    /// <summary>How long a dial may take.</summary>
    public TimeSpan Connect => connect;

    /// <summary>Whether a client may go to an address, or to a name that the far end looks up.</summary>
    public bool AllowsUnresolved(EndPoint destination, bool isLocal) => destination is DnsEndPoint named
        ? rules.AllowsFar(NameOf(named), named.Port, isLocal)
        : rules.Allows(((IPEndPoint)destination).Address, ((IPEndPoint)destination).Port, null, isLocal);

    /// <summary>Dials a destination.</summary>
    /// <param name="destination">An <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/>.</param>
    /// <param name="isLocal">Whether the client is of this machine.</param>
    /// <param name="cancel">Gives it up.</param>
    public async ValueTask<DialResult> DialAsync(EndPoint destination, bool isLocal, CancellationToken cancel)
    {
        if (destination is DnsEndPoint far && takesNames)
            return AllowsUnresolved(far, isLocal) ? await dialer.DialAsync(far, connect, cancel) : Forbidden;
        var deadline = new Deadline(time, connect);
        var (addresses, port, failure) = await ResolveAsync(destination, isLocal, deadline.Left, cancel);
        return addresses.Length == 0 ? failure : await HappyEyeballs.DialAsync(dialer, addresses, port, deadline.Left, time, cancel);
    }

    /// <summary>The addresses of a destination to which the client may go, in the order in which to try them; none: why.</summary>
    public async ValueTask<(IPAddress[] Addresses, int Port, DialResult Failure)> ResolveAsync(EndPoint destination, bool isLocal, TimeSpan timeout, CancellationToken cancel)
    {
        if (destination is IPEndPoint literal)
            return (AllowsUnresolved(literal, isLocal) ? [literal.Address] : [], literal.Port, Forbidden);
        var named = (DnsEndPoint)destination;
        var name = NameOf(named);
        if (!rules.MayAsk(name, named.Port))
            return ([], named.Port, Forbidden);
        IPAddress[] found;
        try
        {
            // A dot at the end keeps the resolver's search domains out.
            found = await names.AskAsync(named.Host.ToLowerInvariant(), timeout, time, cancel);
        }
        catch (Exception e) when (e is SocketException or TimeoutException or OperationCanceledException or ArgumentException)
        {
            var outcome = cancel.IsCancellationRequested ? DialOutcome.Cancelled
                : e is TimeoutException ? DialOutcome.TimedOut
                : e is SocketException { SocketErrorCode: SocketError.NoBufferSpaceAvailable } ? DialOutcome.NoResources
                : DialOutcome.NameUnknown;
            return ([], named.Port, new DialResult(outcome, null, $"{Printable.Escape(named.Host)} cannot be resolved: {e.Message}"));
        }
        var allowed = found.Where(address => rules.Allows(address, named.Port, name, isLocal)).ToList();
        return allowed.Count == 0 ? ([], named.Port, found.Length == 0 ? new DialResult(DialOutcome.NameUnknown) : Forbidden) : (HappyEyeballs.Interleave(allowed, allowed[0]), named.Port, default);
    }

    // As rules have names.
    private static string NameOf(DnsEndPoint destination) => destination.Host.TrimEnd('.').ToLowerInvariant();

    /// <summary>What is said where a rule of ours forbids it, and not a proxy.</summary>
    public const string ForbiddenHere = "the destination is not allowed here";

    private static DialResult Forbidden => new(DialOutcome.NotAllowed, null, "the destination is not allowed here");
}
