using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>One place where connections are sent: an address, a name's addresses, or a Unix socket.</summary>
internal sealed class Upstream
{
    private const int MostDials = 3;
    private static readonly TimeSpan pauseAfterShortage = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan mostWaitForNewAddresses = TimeSpan.FromSeconds(1);

    private readonly string text;
    private readonly EndPoint? address;
    private readonly ResolvedName? name;
    private readonly int port;

    /// <summary>An upstream at an address: an <see cref="IPEndPoint"/> or a <see cref="UnixDomainSocketEndPoint"/>.</summary>
    public Upstream(EndPoint address, string text)
    {
        this.address = address;
        this.text = text;
    }

    /// <summary>An upstream whose addresses are looked up. The name is shared by the ports of a host, and somebody else's to dispose.</summary>
    public Upstream(ResolvedName name, int port, string text)
    {
        this.name = name;
        this.port = port;
        this.text = text;
    }

    /// <summary>
    /// Dials until there is a connection, for <paramref name="connect"/> at the most. Up to three times, where another dial may end
    /// differently: the name has other addresses now, or a shortage on this machine has passed. Nothing has been sent yet.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<DialResult> DialAsync(INetwork network, TimeSpan connect, CancellationToken cancel)
    {
        var time = network.Time;
        var start = time.GetTimestamp();
        var left = connect;
        for (var dials = 1; ; dials++)
        {
            var result = address is not null ? await network.Dialer.DialAsync(address, left, cancel) : await DialNameAsync(network, left, cancel);
            if (result.Connection is not null || dials == MostDials || cancel.IsCancellationRequested)
                return result;
            if (connect != Timeout.InfiniteTimeSpan)
                left = connect - time.GetElapsedTime(start);
            if ((left <= TimeSpan.Zero && left != Timeout.InfiniteTimeSpan) || !await IsWorthAnotherAsync(result.Outcome, left, time))
                return result;
        }
    }

    /// <summary>The upstream as it was written, with the port.</summary>
    public override string ToString() => text;

    private async ValueTask<DialResult> DialNameAsync(INetwork network, TimeSpan left, CancellationToken cancel)
    {
        await name!.WaitForFirstAsync(left);
        var addresses = name.Addresses;
        if (addresses.Length == 0)
            return new DialResult(DialOutcome.NameUnknown, null, $"no address is known for {Printable.Escape(name.Name)}");
        var result = await HappyEyeballs.DialAsync(network.Dialer, addresses, port, left, network.Time, cancel);
        if (addresses.Length > 1 && result.Connection?.RemoteEndPoint is IPEndPoint winner)
            name.Prefer(winner.Address);
        return result;
    }

    private async ValueTask<bool> IsWorthAnotherAsync(DialOutcome outcome, TimeSpan left, TimeProvider time)
    {
        if (outcome is DialOutcome.Busy or DialOutcome.NoResources or DialOutcome.NoLocalAddress)
        {
            await Task.Delay(pauseAfterShortage, time);
            return true;
        }
        if (name is null)
            return false;
        var patience = left == Timeout.InfiniteTimeSpan || left > mostWaitForNewAddresses ? mostWaitForNewAddresses : left;
        var refresh = name.RefreshAsync();
        await Task.WhenAny(refresh, Task.Delay(patience, time));
        return refresh.IsCompleted && await refresh;
    }
}
