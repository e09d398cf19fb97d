using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Dials names through a dialer of addresses: looks them up on this machine, and races what is found as RFC 8305 says.</summary>
/// <param name="inner">Who dials addresses.</param>
/// <param name="kept">The names that stand in the configuration, whose addresses are kept up to date; null for any other.</param>
/// <param name="ask">Looks up any other name once: at least one address. Faults as the resolver does.</param>
/// <param name="time">Measures it.</param>
internal sealed class NameDialer(IDialer inner, Func<string, ResolvedName?> kept, Func<string, Task<IPAddress[]>> ask, TimeProvider time) : IDialer
{
    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default) =>
        target is not DnsEndPoint name ? inner.DialAsync(target, timeout, cancel)
        : kept(name.Host) is { } known ? DialKeptAsync(known, name.Port, timeout, cancel)
        : DialOtherAsync(name, timeout, cancel);

    private async ValueTask<DialResult> DialKeptAsync(ResolvedName name, int port, TimeSpan timeout, CancellationToken cancel)
    {
        var deadline = new Deadline(time, timeout);
        await name.WaitForFirstAsync(deadline.Left, cancel);
        var addresses = name.Addresses;
        var result = await DialAsync(addresses, name.Name, port, deadline, cancel);
        if (addresses.Length > 1 && result.Connection?.RemoteEndPoint is IPEndPoint winner)
            name.Prefer(winner.Address);

        // For the next dial; what failed on this machine says nothing about the name.
        if (result.Outcome is not (DialOutcome.Connected or DialOutcome.Cancelled or DialOutcome.NoLocalAddress or DialOutcome.NoResources))
            _ = name.RefreshAsync();
        return result;
    }

    private async ValueTask<DialResult> DialOtherAsync(DnsEndPoint name, TimeSpan timeout, CancellationToken cancel)
    {
        var deadline = new Deadline(time, timeout);
        try
        {
            var addresses = await ask(name.Host).WaitAsync(deadline.Left, time, cancel);
            return await DialAsync(addresses, name.Host, name.Port, deadline, cancel);
        }
        catch (OperationCanceledException)
        {
            return new DialResult(DialOutcome.Cancelled);
        }
        catch (TimeoutException)
        {
            return new DialResult(DialOutcome.NameUnknown, null, $"the look-up of {Printable.Escape(name.Host)} takes too long");
        }
        catch (System.Net.Sockets.SocketException e)
        {
            return new DialResult(DialOutcome.NameUnknown, null, $"{Printable.Escape(name.Host)} cannot be looked up: {Printable.Escape(e.Message)}");
        }
    }

    private ValueTask<DialResult> DialAsync(IPAddress[] addresses, string name, int port, Deadline deadline, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
            return new(new DialResult(DialOutcome.Cancelled));
        return addresses.Length == 0
            ? new(new DialResult(DialOutcome.NameUnknown, null, $"no address is known for {Printable.Escape(name)}"))
            : HappyEyeballs.DialAsync(inner, addresses, port, deadline.Left, time, cancel);
    }
}
