using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// What a session of the hub does: serves SSH to its client, for forwarding alone. The key decides who comes in, and what each may do.
/// </summary>
/// <param name="config">The hub.</param>
/// <param name="network">Whose sockets it uses.</param>
/// <param name="channels">Whose sessions those are that go through its connections.</param>
/// <param name="hostKeys">Its keys: those of its configuration, whatever a change that was refused has read since.</param>
/// <param name="counts">Who is there.</param>
/// <param name="names">Who looks up what clients name.</param>
/// <param name="time">Measures connections; null: the network's time.</param>
internal sealed class Hub(HubConfig config, INetwork network, Binding channels, IReadOnlyList<SshPrivateKey> hostKeys, HubCounts counts, DestinationNames names, TimeProvider? time)
{
    private readonly AuthorizedKeysFile authorizedKeys = new(config.AuthorizedKeys, TimeZoneInfo.Local, TimeProvider.System);

    public HubConfig Config => config;

    public INetwork Network => network;

    /// <summary>Whose the sessions of channels are.</summary>
    public Binding Channels => channels;

    public HubCounts Counts => counts;

    /// <summary>Who dials for clients: anywhere but where clouds tell a machine its secrets.</summary>
    public Destinations Destinations { get; } = DestinationsOf(["169.254.169.254", "fd00:ec2::254"], channels, network, names);

    /// <summary>The same for keys whose line names the place: anywhere.</summary>
    public Destinations NamedDestinations { get; } = DestinationsOf([], channels, network, names);

    /// <summary>Lives what is left of a session, except closing its client.</summary>
    public async ValueTask<SessionOutcome> RunAsync(StreamSession session)
    {
        if (counts.TryStart(session.Source, config) is { } refusal)
            return SessionOutcome.Limited with { Detail = refusal };
        AuthorizedKey? admitted = null;
        SshAuthenticationRequest? refused = null;
        SshConnection connection;
        HubClient? client = null;
        var isCounted = false;
        try
        {
            var result = await SshConnection.AcceptAsync(session.Peer, new SshServerOptions
            {
                HostKeys = hostKeys,
                Time = time ?? session.Time,
                HandshakeTimeout = config.LoginGrace,
                MaxChannels = config.MaxChannels,
                MaxChannelWindow = config.Window,
                Authenticate = async request =>
                {
                    admitted = await FindAsync(session, request);
                    // A signature decides after this, and may be false. Who only asks what may be shown has tried nothing.
                    refused = request.Method != "none" && (admitted is null || request.IsSigned) ? request : refused;
                    return admitted is not null;
                },
                OnOpen = incoming => client?.OnOpen(incoming),
                OnListen = bind => client?.ListenAsync(bind) ?? default,
                OnCancel = bind => new ValueTask<bool>(client?.Cancel(bind) ?? false),
                OnReady = made =>
                {
                    isCounted = counts.TryConnect(admitted!.Key, config.MaxConnectionsPerKey);
                    if (!isCounted)
                    {
                        _ = made.DisconnectAsync(SshDisconnectReason.TooManyConnections, "this key has too many connections");
                        return;
                    }
                    client = new HubClient(this, session, made, admitted!);
                    session.Binding.Forward.Log(Notice.HubLogin(session.Client, made, admitted!));
                },
            });
            if (result.Connection is null)
            {
                var failure = FailureOf(result.End!, refused);
                Charge(session.Source, failure);
                return failure;
            }
            connection = result.Connection;
        }
        finally
        {
            counts.EndStart(session.Source);
        }
        try
        {
            return await ServeAsync(session, connection, admitted!, isCounted);
        }
        finally
        {
            client?.Dispose();
            connection.Dispose();
            if (isCounted)
                counts.Disconnect(admitted!.Key);
        }
    }

    private static async ValueTask<SessionOutcome> ServeAsync(StreamSession session, SshConnection connection, AuthorizedKey key, bool isCounted)
    {
        session.Talk.Target = $"{Printable.Escape(connection.User!.User)} {key.Key.Fingerprint}";
        if (!isCounted)
        {
            await connection.Ended;
            return SessionOutcome.Limited with { Detail = session.Talk.Target };
        }
        session.Talk.IsConnected = true;
        var node = session.OnStop(() => _ = connection.DisconnectAsync(SshDisconnectReason.ByApplication, "this server stops"));
        var end = await connection.Ended;
        session.Talk.Forget(node);
        return OutcomeOf(end);
    }

    // Names are asked for apart from those of upstreams; the address that was checked is the one that is dialled.
    private static Destinations DestinationsOf(string[] denied, Binding channels, INetwork network, DestinationNames names) =>
        new(new DestinationRules([.. denied.Select(DestinationPattern.Parse)], null, static _ => false), names, network.Dialer, false, channels.Plan.Config.Timeouts.Connect, network.Time);

    // Asked on a loop, and the file is read elsewhere.
    private async Task<AuthorizedKey?> FindAsync(StreamSession session, SshAuthenticationRequest request)
    {
        if (request.Key is not { } key)
            return null;
        var address = (session.Peer.RemoteEndPoint as IPEndPoint)?.Address;
        try
        {
            if (request.Certificate is not { } certificate)
                return await Task.Run(() => authorizedKeys.Read().Find(key, address, DateTimeOffset.UtcNow));
            var (admitted, fault) = await Task.Run(() => (authorizedKeys.Read().Find(certificate, request.User, address, DateTimeOffset.UtcNow, out var why), why));
            var leftOut = 0L;
            // As of other refusals, one a source a second.
            if (admitted is null && fault is not null && (session.Source is not { } source || session.Binding.Forward.Refusals.MayTell(source, out leftOut)))
                session.Binding.Forward.Log(Notice.HubCertificateRefused(session.Client, certificate, fault, leftOut));
            return admitted;
        }
        catch (SshKeyException e)
        {
            session.Binding.Forward.Log(Notice.HubKeysUnreadable(e.Message));
            return null;
        }
    }

    // Who merely came and went costs little, as those do who look whether the port is open.
    private void Charge(AddressKey? source, SessionOutcome failure)
    {
        if (source is not { } client || config.LoginPenalty == Timeout.InfiniteTimeSpan || failure.Cause == SessionCause.Stopped)
            return;
        counts.Penalties.Add(client, config.LoginPenalty, failure.Cause == SessionCause.Denied ? config.LoginPenalty : config.LoginPenalty / 5);
    }

    // Whoever asked in vain has not logged in, whatever became of the connection afterwards.
    private static SessionOutcome FailureOf(SshEnd end, SshAuthenticationRequest? refused)
    {
        if (refused is not null)
            return SessionOutcome.BadLogin with { Detail = $"{refused.User} {refused.Key?.Fingerprint ?? refused.Method}" };
        return end.Cause switch
        {
            SshEndCause.NoAnswer => SessionOutcome.Late with { Detail = end.Text },
            SshEndCause.ClosedByPeer or SshEndCause.Disconnected or SshEndCause.Lost => SessionOutcome.Silent with { Detail = end.Text },
            SshEndCause.Closed => SessionOutcome.Stopped with { Cause = SessionCause.Stopped },
            _ => SessionOutcome.BadRequest(end.Text),
        };
    }

    private static SessionOutcome OutcomeOf(SshEnd end) => end.Cause switch
    {
        SshEndCause.ClosedByPeer or SshEndCause.Disconnected => new SessionOutcome("closed", Side.Client),
        SshEndCause.Closed => SessionOutcome.Stopped,
        SshEndCause.NoAnswer => new SessionOutcome("lost", Side.Client, Detail: end.Text),
        SshEndCause.Lost => new SessionOutcome("reset", Side.Client, Detail: end.Text),
        _ => SessionOutcome.BadRequest(end.Text),
    };
}
