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

    private readonly EndPoint? address;
    private readonly ResolvedName? name;
    private readonly int port;

    /// <summary>An upstream at an address: an <see cref="IPEndPoint"/> or a <see cref="UnixDomainSocketEndPoint"/>.</summary>
    public Upstream(EndPoint address, string text)
    {
        this.address = address;
        Text = Printable.Escape(text);
    }

    /// <summary>An upstream whose addresses are looked up. The name is shared by the ports of a host, and somebody else's to dispose.</summary>
    public Upstream(ResolvedName name, int port, string text)
    {
        this.name = name;
        this.port = port;
        Text = Printable.Escape(text);
    }

    /// <summary>
    /// Dials until there is a connection, for <paramref name="connect"/> at the most. Up to three times, where another dial may end
    /// differently: the name has other addresses now, or a shortage on this machine has passed. Nothing has been sent yet.
    /// </summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<DialResult> DialAsync(IDialer dialer, TimeProvider time, TimeSpan connect, CancellationToken cancel)
    {
        var deadline = new Deadline(time, connect);
        for (var dials = 1; ; dials++)
        {
            IPAddress[] dialled = [];
            if (name is not null)
            {
                await name.WaitForFirstAsync(deadline.Left, cancel);
                dialled = name.Addresses;
            }
            var result = address is not null ? await dialer.DialAsync(address, deadline.Left, cancel) : await DialNameAsync(dialer, dialled, time, deadline, cancel);
            if (result.Connection is not null || cancel.IsCancellationRequested)
                return result;
            var isShortage = result.Outcome is DialOutcome.Busy or DialOutcome.NoResources or DialOutcome.NoLocalAddress;

            // Looked up in any case: for the next client, if it is too late for this one.
            var refresh = isShortage ? null : name?.RefreshAsync();
            if (dials == MostDials || deadline.HasPassed)
                return result;
            if (isShortage)
                await Task.Delay(pauseAfterShortage, time, CancellationToken.None);
            else if (refresh is null || !await HasNewAddressesAsync(refresh, dialled, deadline.Left, time, cancel))
                return result;
            if (deadline.HasPassed)
                return result;
        }
    }

    /// <summary>The upstream as it was written, with the port; escaped.</summary>
    public string Text { get; }

    /// <summary>The upstream as it was written, with the port; escaped.</summary>
    public override string ToString() => Text;

    private async ValueTask<DialResult> DialNameAsync(IDialer dialer, IPAddress[] addresses, TimeProvider time, Deadline deadline, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
            return new DialResult(DialOutcome.Cancelled);
        if (addresses.Length == 0)
            return new DialResult(DialOutcome.NameUnknown, null, $"no address is known for {Printable.Escape(name!.Name)}");
        var result = await HappyEyeballs.DialAsync(dialer, addresses, port, deadline.Left, time, cancel);
        if (addresses.Length > 1 && result.Connection?.RemoteEndPoint is IPEndPoint winner)
            name!.Prefer(winner.Address);
        return result;
    }

    // New is what was not dialled: whenever it was found, and whoever asked.
    private async Task<bool> HasNewAddressesAsync(Task refresh, IPAddress[] dialled, TimeSpan left, TimeProvider time, CancellationToken cancel)
    {
        var patience = left == Timeout.InfiniteTimeSpan || left > mostWaitForNewAddresses ? mostWaitForNewAddresses : left;
        if (!HasOthers(dialled))
            await Task.WhenAny(refresh, Task.Delay(patience, time, cancel));
        return !cancel.IsCancellationRequested && HasOthers(dialled);
    }

    private bool HasOthers(IPAddress[] dialled) => name!.Addresses.Except(dialled).Any();

    /// <summary>The end of all dials together.</summary>
    private readonly struct Deadline(TimeProvider time, TimeSpan limit)
    {
        private readonly long start = time.GetTimestamp();

        /// <summary>What is left: zero when it has passed, infinite when there is none.</summary>
        public TimeSpan Left
        {
            get
            {
                if (limit == Timeout.InfiniteTimeSpan)
                    return limit;
                var left = limit - time.GetElapsedTime(start);
                return left > TimeSpan.Zero ? left : TimeSpan.Zero;
            }
        }

        public bool HasPassed => Left == TimeSpan.Zero;
    }
}
