using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// One place where connections are sent, an address, a name's addresses, or a Unix socket, and what is known about it. It may be used on several event
/// loops at once.
/// </summary>
internal sealed class Upstream
{
    /// <summary>How many dials a client is worth.</summary>
    public const int MostDials = 3;

    /// <summary>How long a shortage on this machine is waited out before the next dial.</summary>
    public static readonly TimeSpan PauseAfterShortage = TimeSpan.FromMilliseconds(50);

    private static readonly TimeSpan mostWaitForNewAddresses = TimeSpan.FromSeconds(1);

    private readonly EndPoint? address;
    private readonly ResolvedName? name;
    private readonly int port;
    private readonly Action<Upstream, bool, string?>? onHealth;
    private readonly Lock gate = new();
    private volatile UpstreamHealth health;
    private int active;
    private long dialled, failed;

    /// <summary>An upstream at an address.</summary>
    /// <param name="dialer">Who dials it.</param>
    /// <param name="address">An <see cref="IPEndPoint"/> or a <see cref="UnixDomainSocketEndPoint"/>.</param>
    /// <param name="text">The upstream as it was written, with the port.</param>
    /// <param name="rules">What makes it down and up; null: <see cref="HealthRules.Unchecked"/>.</param>
    /// <param name="onHealth">
    /// Told once each time that it goes down (with the reason, in the words of the last failure) or up. Called on event loops and under a lock: it must
    /// neither block nor throw.
    /// </param>
    public Upstream(IDialer dialer, EndPoint address, string text, HealthRules? rules = null, Action<Upstream, bool, string?>? onHealth = null)
        : this(dialer, text, rules, onHealth)
    {
        this.address = address;
    }

    /// <summary>An upstream whose addresses are looked up. The name is shared by the ports of a host, and somebody else's to dispose.</summary>
    /// <inheritdoc cref="Upstream(IDialer, EndPoint, string, HealthRules?, Action{Upstream, bool, string?}?)"/>
    public Upstream(IDialer dialer, ResolvedName name, int port, string text, HealthRules? rules = null, Action<Upstream, bool, string?>? onHealth = null)
        : this(dialer, text, rules, onHealth)
    {
        this.name = name;
        this.port = port;
    }

    private Upstream(IDialer dialer, string text, HealthRules? rules, Action<Upstream, bool, string?>? onHealth)
    {
        Dialer = dialer;
        Text = Printable.Escape(text);
        health = new UpstreamHealth(rules ?? HealthRules.Unchecked);
        this.onHealth = onHealth;
    }

    /// <summary>Who dials it, and from which address.</summary>
    public IDialer Dialer { get; }

    /// <summary>Who opens flows to it; null where it is one of connections.</summary>
    public IDatagramDialer? Datagrams { get; init; }

    /// <summary>By which header it is told who the client is.</summary>
    public ProxyHeader Header { get; init; }

    /// <summary>How it is spoken to inside TLS; null: in the clear.</summary>
    public TlsClient? Tls { get; init; }

    /// <summary>The upstream as it was written, with the port; escaped.</summary>
    public string Text { get; }

    /// <summary>Sessions now, those included that are dialling it.</summary>
    public int Active => Volatile.Read(ref active);

    /// <summary>Clients' dials that stood, since it was made.</summary>
    public long Dialled => Interlocked.Read(ref dialled);

    /// <summary>Clients' dials that did not, except those that were given up.</summary>
    public long Failed => Interlocked.Read(ref failed);

    /// <summary>What is believed of it at this moment.</summary>
    public UpstreamHealth Health => health;

    /// <summary>
    /// Dials until there is a connection, for <paramref name="connect"/> at the most. Up to three times, where another dial may end
    /// differently: the name has other addresses now, or a shortage on this machine has passed. Nothing has been sent yet.
    /// </summary>
    /// <returns>If it connected, the session counts here until <see cref="Leave"/>.</returns>
    public ValueTask<PoolResult> DialAsync(TimeProvider time, TimeSpan connect, ProxiedClient? told, CancellationToken cancel)
    {
        Enter();
        return DialEnteredAsync(time, connect, MostDials, told, cancel);
    }

    /// <summary>The same with so many dials at most, for a session that counts here already; it leaves if there is no connection.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<PoolResult> DialEnteredAsync(TimeProvider time, TimeSpan connect, int mostDials, ProxiedClient? told, CancellationToken cancel)
    {
        var isConnected = false;
        try
        {
            var deadline = new Deadline(time, connect);
            for (var dials = 1; ; dials++)
            {
                IPAddress[] addresses = [];
                if (name is not null)
                {
                    await name.WaitForFirstAsync(deadline.Left, cancel);
                    addresses = name.Addresses;
                }
                var result = address is not null ? await Dialer.DialAsync(address, deadline.Left, cancel) : await DialNameAsync(addresses, time, deadline, cancel);
                if (Header != ProxyHeader.Off && result.Connection is { } bare)
                    result = await TellAsync(bare, told);
                if (Tls is not null && result.Connection is { } plain)
                    result = await Tls.SecureAsync(plain, Text, time, deadline.Left, cancel);
                Count(result);
                Report(result, time);
                isConnected = result.Connection is not null;
                if (isConnected || cancel.IsCancellationRequested)
                    return new PoolResult(result, this, dials);
                var isShortage = result.Outcome is DialOutcome.Busy or DialOutcome.NoResources or DialOutcome.NoLocalAddress;

                // Looked up in any case: for the next client, if it is too late for this one.
                var refresh = isShortage ? null : name?.RefreshAsync();
                if (dials == mostDials || deadline.HasPassed)
                    return new PoolResult(result, this, dials);
                if (isShortage)
                    await Task.Delay(PauseAfterShortage, time, CancellationToken.None);
                else if (refresh is null || !await HasNewAddressesAsync(refresh, addresses, deadline.Left, time, cancel))
                    return new PoolResult(result, this, dials);
                if (deadline.HasPassed)
                    return new PoolResult(result, this, dials);
            }
        }
        finally
        {
            if (!isConnected)
                Leave();
        }
    }

    /// <summary>
    /// Opens a flow of datagrams: to the address, or to the first of the name's that there is a way to. The session counts here already.
    /// </summary>
    /// <param name="sink">Who gets what the upstream sends.</param>
    /// <param name="refused">An address of the name that is to be tried last, since nobody listens there; null: none.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="connect">How long a name may be waited for, and a flow where there is something to wait for.</param>
    /// <param name="cancel">Gives it up.</param>
    public async ValueTask<DatagramDialResult> OpenAsync(IDatagramSink sink, IPAddress? refused, TimeProvider time, TimeSpan connect, CancellationToken cancel)
    {
        var deadline = new Deadline(time, connect);
        EndPoint[] targets = address is null ? [] : [address];
        if (name is not null)
        {
            await name.WaitForFirstAsync(deadline.Left, cancel);
            targets = [.. name.Addresses.OrderBy(known => known.Equals(refused)).Select(known => new IPEndPoint(known, port))];
        }
        var result = new DatagramDialResult(DialOutcome.NameUnknown, null, $"no address is known for {Printable.Escape(name?.Name ?? "")}");
        foreach (var target in targets)
        {
            result = cancel.IsCancellationRequested ? new DatagramDialResult(DialOutcome.Cancelled) : await Datagrams!.OpenAsync(target, sink, deadline.Left, cancel);
            if (result.Flow is not null || cancel.IsCancellationRequested)
                break;
        }
        if (result.Flow is not null)
            Interlocked.Increment(ref dialled);
        else if (result.Outcome != DialOutcome.Cancelled)
            Interlocked.Increment(ref failed);
        return result;
    }

    /// <summary>How often its addresses have changed, for <see cref="Has"/> to be asked no more often than that.</summary>
    public int AddressVersion => name?.Version ?? 0;

    /// <summary>Whether this is still one of its addresses.</summary>
    public bool Has(EndPoint? target) => name is null || (target is IPEndPoint ip && name.Addresses.Contains(ip.Address));

    /// <summary>Whether there is another address than this one.</summary>
    public bool HasOtherThan(EndPoint? target) => name is not null && target is IPEndPoint ip && name.Addresses.Any(known => !known.Equals(ip.Address));

    /// <summary>It has answered a session's datagrams: it is well.</summary>
    public void Answered(TimeProvider time) => Report(isWell: true, null, time);

    /// <summary>The network says that nobody listens there, or that there is no way to it; a name is looked up again.</summary>
    public void Refused(string reason, TimeProvider time)
    {
        Interlocked.Increment(ref failed);
        Report(isWell: false, reason, time);
        _ = name?.RefreshAsync();
    }

    /// <summary>
    /// Dials once to see whether a connection stands, and closes it at once with a FIN: for <see cref="Health"/>. It counts neither as a session nor as a
    /// client's dial.
    /// </summary>
    public async ValueTask<DialOutcome> ProbeAsync(TimeProvider time, TimeSpan timeout, CancellationToken cancel)
    {
        var deadline = new Deadline(time, timeout);
        if (name is not null)
            await name.WaitForFirstAsync(deadline.Left, cancel);
        var result = address is not null ? await Dialer.DialAsync(address, deadline.Left, cancel) : await DialNameAsync(name!.Addresses, time, deadline, cancel);
        // All that a client's dial would have to go through: an upstream that cannot be believed is not well.
        if (Header != ProxyHeader.Off && result.Connection is { } bare)
            result = await TellAsync(bare, null);
        if (Tls is not null && result.Connection is { } plain)
            result = await Tls.SecureAsync(plain, Text, time, deadline.Left, cancel);
        result.Connection?.Dispose();
        Report(result, time);
        if (Blames(result.Outcome))
            _ = name?.RefreshAsync();
        return result.Outcome;
    }

    /// <summary>A session is sent here.</summary>
    public void Enter() => Interlocked.Increment(ref active);

    /// <summary>That session has ended.</summary>
    public void Leave() => Interlocked.Decrement(ref active);

    /// <summary>Lets a client try it although it is down; false if it is not time yet, or another is at it. Otherwise <see cref="EndTrial"/> is owed.</summary>
    public bool TryBeginTrial(TimeProvider time)
    {
        lock (gate)
        {
            if (!health.IsTrialDue(Now(time)))
                return false;
            health = health.TrialBegun();
            return true;
        }
    }

    /// <summary>That client's dial has ended, however it did.</summary>
    public void EndTrial()
    {
        lock (gate)
            health = health.TrialEnded();
    }

    /// <summary>The time as <see cref="Health"/> counts it.</summary>
    public static TimeSpan Now(TimeProvider time) => time.GetElapsedTime(0);

    /// <summary>The upstream as it was written, with the port; escaped.</summary>
    public override string ToString() => Text;

    // Before anything else is said, TLS included. It is short, and finds room in the socket's buffer.
    private async ValueTask<DialResult> TellAsync(Connection connection, ProxiedClient? client)
    {
        try
        {
            await connection.WriteAsync(Header == ProxyHeader.V1
                ? ProxyProtocolHeader.WriteV1(client?.Source, client?.Destination)
                : client is { } known ? ProxyProtocolHeader.WriteV2(known.Source, known.Destination, isDatagram: false) : ProxyProtocolHeader.WriteV2Local());
            return DialResult.To(connection);
        }
        catch (ConnectionException broken)
        {
            connection.Dispose();
            return new DialResult(DialOutcome.Failed, null, broken.Message);
        }
    }

    private void Count(DialResult result)
    {
        if (result.Connection is not null)
            Interlocked.Increment(ref dialled);
        else if (result.Outcome != DialOutcome.Cancelled)
            Interlocked.Increment(ref failed);
    }

    // What went wrong on this machine is not the upstream's doing.
    private static bool Blames(DialOutcome outcome)
    {
        return outcome is not (DialOutcome.Connected or DialOutcome.NoLocalAddress or DialOutcome.NoResources or DialOutcome.Cancelled);
    }

    private void Report(DialResult result, TimeProvider time)
    {
        if (result.Connection is not null)
            Report(isWell: true, null, time);
        else if (Blames(result.Outcome))
            Report(isWell: false, result.Detail ?? SessionOutcome.Of(result).Word.Replace('_', ' '), time);
    }

    private void Report(bool isWell, string? reason, TimeProvider time)
    {
        var present = health;
        if (ReferenceEquals(After(present), present))
            return;
        lock (gate)
        {
            var before = health;
            health = After(before);
            if (health.IsUp != before.IsUp)
                onHealth?.Invoke(this, health.IsUp, health.IsUp ? null : reason);
        }

        UpstreamHealth After(UpstreamHealth health) => isWell ? health.Succeeded() : health.Failed(Now(time));
    }

    private async ValueTask<DialResult> DialNameAsync(IPAddress[] addresses, TimeProvider time, Deadline deadline, CancellationToken cancel)
    {
        if (cancel.IsCancellationRequested)
            return new DialResult(DialOutcome.Cancelled);
        if (addresses.Length == 0)
            return new DialResult(DialOutcome.NameUnknown, null, $"no address is known for {Printable.Escape(name!.Name)}");
        var result = await HappyEyeballs.DialAsync(Dialer, addresses, port, deadline.Left, time, cancel);
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
}

/// <summary>Who a client is, as an upstream is told.</summary>
/// <param name="Source">The client.</param>
/// <param name="Destination">Where it wrote to.</param>
internal readonly record struct ProxiedClient(IPEndPoint Source, IPEndPoint Destination);
