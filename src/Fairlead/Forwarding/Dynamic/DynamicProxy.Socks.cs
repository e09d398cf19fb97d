using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>SOCKS4, SOCKS4A, and SOCKS5 (RFC 1928, RFC 1929).</summary>
internal sealed partial class DynamicProxy
{
    private async ValueTask<SessionOutcome> RunSocks4Async(StreamSession session, FirstWords words)
    {
        var request = await words.ReadAsync(Socks4.ReadRequest);
        if (request.NeedsMore)
            return words.Outcome;
        if (request.Value is not { } wish)
            return await RefuseAsync(session, words, Socks4.Reply(SocksReplies.Rejected), SessionOutcome.BadRequest($"SOCKS4: {request.Fault}"));
        // Its user is a mere claim.
        if (logins is not null)
            return await RefuseAsync(session, words, Socks4.Reply(SocksReplies.OtherUser), SessionOutcome.BadLogin with { Detail = "SOCKS4 knows no password, and users are asked for" });
        return wish.Command switch
        {
            SocksCommand.Connect => await ConnectAsync(session, words, wish.Target, static dial => Socks4.Reply(SocksReplies.To4(dial.Outcome), dial.Connection?.LocalEndPoint as IPEndPoint)),
            SocksCommand.Bind => await BindAsync(session, words, wish.Target, static (outcome, address) => Socks4.Reply(SocksReplies.To4(outcome), address)),
            _ => await RefuseAsync(session, words, Socks4.Reply(SocksReplies.Rejected), SessionOutcome.BadRequest($"SOCKS4: command {wish.Command} is unknown")),
        };
    }

    private async ValueTask<SessionOutcome> RunSocks5Async(StreamSession session, FirstWords words)
    {
        if (await LogInAsync(session, words) is { } failure)
            return failure;
        var request = await words.ReadAsync(Socks5Request.Read);
        if (request.NeedsMore)
            return words.Outcome;
        if (!request.IsWhole)
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.GeneralFailure), SessionOutcome.BadRequest($"SOCKS5: {request.Fault}"));
        if (request.Value.Target is not { } target)
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.AddressTypeNotSupported), SessionOutcome.BadRequest("SOCKS5: the address type is unknown"));
        return request.Value.Command switch
        {
            SocksCommand.Connect => await ConnectAsync(session, words, target, static dial => Socks5Reply.Write(SocksReplies.To5(dial.Outcome), dial.Connection?.LocalEndPoint as IPEndPoint)),
            SocksCommand.Bind => await BindAsync(session, words, target, static (outcome, address) => Socks5Reply.Write(SocksReplies.To5(outcome), address)),
            SocksCommand.UdpAssociate => await AssociateAsync(session, words),
            _ => await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.CommandNotSupported), SessionOutcome.BadRequest($"SOCKS5: command {request.Value.Command} is unknown")),
        };
    }

    // Null: the client is who it has to be.
    private async ValueTask<SessionOutcome?> LogInAsync(StreamSession session, FirstWords words)
    {
        var greeting = await words.ReadAsync(Socks5Login.ReadGreeting);
        if (greeting.NeedsMore)
            return words.Outcome;
        if (!greeting.IsWhole)
            return SessionOutcome.BadRequest($"SOCKS5: {greeting.Fault}");
        var method = logins is null ? Socks5Methods.Open : Socks5Methods.UserPassword;
        if (!greeting.Value.HasFlag(method))
        {
            var outcome = logins is null ? SessionOutcome.BadRequest("SOCKS5: the client offers no method without a password") : SessionOutcome.BadLogin with { Detail = "the client offers no user and password" };
            return await RefuseAsync(session, words, Socks5Login.Method(Socks5Login.NoAcceptableMethods), outcome);
        }
        await session.Peer.WriteAsync(Socks5Login.Method(logins is null ? Socks5Login.Open : Socks5Login.UserPassword));
        if (logins is null)
            return null;
        var credentials = await words.ReadAsync(Socks5Login.ReadCredentials);
        if (credentials.NeedsMore)
            return words.Outcome;
        if (credentials.Value is not { } given)
            return SessionOutcome.BadRequest($"SOCKS5: {credentials.Fault}");
        if (!logins.Knows(given.User, given.Password))
            return await RefuseAsync(session, words, Socks5Login.Status(false), SessionOutcome.BadLogin with { Detail = $"user {Printable.Escape(given.User)}" });
        await session.Peer.WriteAsync(Socks5Login.Status(true));
        return null;
    }

    /// <summary>Listens for the one connection that the client expects from somewhere, on the address that it has reached.</summary>
    private async ValueTask<SessionOutcome> BindAsync(StreamSession session, FirstWords words, EndPoint expected, Func<DialOutcome, IPEndPoint?, ReadOnlyMemory<byte>> answer)
    {
        words.Dispose();
        session.Talk.Target = $"bind:{Destination.ToText(expected)}";
        if (config.Via.Count > 0 || way.IsFar)
            return await RefuseAsync(session, words, answer(DialOutcome.Failed, null), SessionOutcome.BadRequest("BIND cannot be had through another proxy or a tunnel"));
        if (session.Peer.LocalEndPoint is not IPEndPoint { Address: var reached })
            return await RefuseAsync(session, words, answer(DialOutcome.Failed, null), SessionOutcome.BadRequest("BIND needs an address to listen on, and a Unix socket has none"));
        var isLocal = IsLocal(session);
        IPAddress[]? peers = null;
        if (!IsAnybody(expected))
        {
            DialResult failure;
            (peers, _, failure) = await session.ResolveAsync(cancel => destinations.ResolveAsync(expected, isLocal, destinations.Connect, cancel));
            if (peers.Length == 0)
                return await RefuseAsync(session, words, answer(failure.Outcome, null), OutcomeOf(failure));
        }
        using var listen = ListenOnce.At(network, reached, null, config.Timeouts.Tuning, out var fault);
        if (listen is null)
            return await RefuseAsync(session, words, answer(DialOutcome.NoResources, null), SessionOutcome.Of(new DialResult(DialOutcome.NoResources, null, fault)));
        await session.Peer.WriteAsync(answer(DialOutcome.Connected, new IPEndPoint(config.Advertise ?? reached, listen.LocalEndPoint.Port)));
        var node = session.OnStop(listen.Dispose);
        var port = expected is DnsEndPoint named ? named.Port : ((IPEndPoint)expected).Port;
        var watched = session.Watch();
        _ = EndWithAsync(watched, listen);
        var connection = await listen.AcceptAsync(
            peer => peers is not null ? Array.Exists(peers, known => AddressKey.Of(known) == AddressKey.Of(peer.Address)) : destinations.AllowsUnresolved(new IPEndPoint(peer.Address, port), isLocal), bindLimit, session.Time);
        session.Talk.Forget(node);
        if (connection is null && (session.IsStopping || watched.HasGone))
            return session.IsStopping ? SessionOutcome.Stopped with { Cause = SessionCause.Stopped } : SessionOutcome.Silent;
        if (connection is null)
            return await RefuseAsync(session, words, answer(DialOutcome.TimedOut, null), SessionOutcome.Of(new DialResult(DialOutcome.TimedOut, null, "nobody came to the port of BIND")));
        session.Talk.Target = $"bind:{connection.RemoteEndPoint}";
        try
        {
            await session.Peer.WriteAsync(answer(DialOutcome.Connected, connection.RemoteEndPoint as IPEndPoint));
        }
        catch (ConnectionException)
        {
            connection.Dispose();
            throw;
        }
        return await RelayAsync(session, connection);
    }

    // Whoever is not there any more needs no port.
    private static async Task EndWithAsync(WatchedConnection client, ListenOnce listen)
    {
        if (!await client.SpeaksAsync())
            listen.Dispose();
    }

    private static bool IsAnybody(EndPoint expected) => expected is IPEndPoint ip && (ip.Address.Equals(IPAddress.Any) || ip.Address.Equals(IPAddress.IPv6Any));

    /// <summary>Passes the client's datagrams on, until its connection ends.</summary>
    private async ValueTask<SessionOutcome> AssociateAsync(StreamSession session, FirstWords words)
    {
        words.Dispose();
        session.Talk.Target = "udp";
        if (session.Peer is not { LocalEndPoint: IPEndPoint { Address: var reached } } || session.Source is null)
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.GeneralFailure), SessionOutcome.BadRequest("UDP ASSOCIATE needs addresses, and a Unix socket has none"));
        // Two sockets beside the client's, or three.
        if (!session.TryTakePlace())
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.GeneralFailure), SessionOutcome.Of(new DialResult(DialOutcome.NoResources, null, "no place is left for an association")));
        try
        {
            return await AssociateAsync(session, words, reached);
        }
        finally
        {
            session.LeavePlace();
        }
    }

    private async ValueTask<SessionOutcome> AssociateAsync(StreamSession session, FirstWords words, IPAddress reached)
    {
        UdpAssociation? association = null;
        var drops = session.Binding.Forward.Drops;
        var (outward, failure) = await OpenOutwardAsync(new OutwardSink((from, in batch) => association?.OnAnswer(from, batch), (loss, count) => drops.Add(loss == DatagramLoss.Truncated ? Drop.Truncated : Drop.ReceiveBufferFull, count), session.Peer.Abort));
        if (outward is null)
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.To5(failure.Outcome)), OutcomeOf(failure));
        DatagramListener near;
        try
        {
            near = network.ListenDatagramsHere(new IPEndPoint(reached, 0), new DatagramListenOptions { Shared = true });
        }
        catch (ListenException refusal)
        {
            outward.Dispose();
            return await RefuseAsync(session, words, Socks5Reply.Write(SocksReplies.GeneralFailure), SessionOutcome.Of(new DialResult(DialOutcome.NoResources, null, refusal.Message)));
        }
        association = new UdpAssociation(session, session.Source!.Value, near, outward, destinations, IsLocal(session));
        using (association)
        {
            await session.Peer.WriteAsync(Socks5Reply.Write(SocksReplies.Succeeded, new IPEndPoint(config.Advertise ?? reached, near.LocalEndPoint.Port)));
            near.Start(association);
            session.Talk.IsConnected = true;
            return await WaitForEndAsync(session, association);
        }
    }

    /// <summary>Opens what carries a client's datagrams on: a port of this machine, or an association with the last proxy.</summary>
    private async ValueTask<(IOutwardPort? Port, DialResult Failure)> OpenOutwardAsync(OutwardSink sink)
    {
        if (config.Via.Count > 0 || way.IsFar)
            return await ProxyPort.OpenAsync(way, sink, config.Timeouts.Connect);
        try
        {
            return (LocalPort.Open(network, config.Source, sink), default);
        }
        catch (ListenException refusal)
        {
            return (null, new DialResult(DialOutcome.NoResources, null, refusal.Message));
        }
    }

    // The client's end ends the association (RFC 1928 section 7), and so does a silence of `idle`. What it says until then means nothing.
    private async ValueTask<SessionOutcome> WaitForEndAsync(StreamSession session, UdpAssociation association)
    {
        var isIdle = false;
        var limit = config.Timeouts.StreamIdle;
        ITimer? timer = null;
        if (limit != Timeout.InfiniteTimeSpan)
            timer = session.Time.CreateTimer(_ => session.Context.Run(Look), null, limit, Timeout.InfiniteTimeSpan);
        using (timer)
        {
            try
            {
                var ignored = new byte[512];
                await session.Peer.ReadAsync(Memory<byte>.Empty);
                while (await session.Peer.ReadAsync(ignored) > 0)
                {
                }
                return SessionOutcome.Silent;
            }
            catch (ConnectionException) when (isIdle)
            {
                return SessionOutcome.Idle;
            }
        }

        void Look()
        {
            var left = limit - session.Time.GetElapsedTime(association.LastTouched);
            isIdle = association.LastTouched == 0 || left <= TimeSpan.Zero;
            if (isIdle)
                session.Peer.Abort();
            else
                timer!.Change(left, Timeout.InfiniteTimeSpan);
        }
    }
}
