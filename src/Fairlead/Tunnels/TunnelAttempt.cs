using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>One attempt to have an SSH connection to a tunnel's server, through the servers on the way.</summary>
/// <param name="config">The tunnel.</param>
/// <param name="dialer">Who dials the first of them: names too.</param>
/// <param name="answers">Who is asked for what is not in the configuration.</param>
/// <param name="time">Measures it.</param>
/// <param name="log">Told of what servers say, and of keys that are written down.</param>
internal sealed class TunnelAttempt(TunnelConfig config, IDialer dialer, TunnelAnswers answers, TimeProvider time, Action<LogEntry> log)
{
    private static readonly TimeSpan usualConnectTimeout = TimeSpan.FromSeconds(15);

    // As long as sshd(8) waits for somebody to log in.
    private static readonly TimeSpan mostForTyping = TimeSpan.FromMinutes(2);

    /// <summary>Connects. The connections to servers on the way end with the last one.</summary>
    public async Task<SshConnectResult> RunAsync(CancellationToken cancel)
    {
        SshConnection? before = null;
        foreach (var server in config.Servers)
        {
            var reached = before is not null ? await OpenAsync(before, server, cancel) : server.Options.ProxyCommand is { } command ? await RunAsync(command) : await DialAsync(server, cancel);
            var result = reached.Connection is { } connection ? await LogInAsync(connection, server, cancel) : Failed(server, reached);
            if (before is { } jump)
                EndWith(result.Connection, jump);
            if (result.Connection is not { } next)
                return result;
            before = next;
        }
        return new SshConnectResult(before, null);
    }

    private ValueTask<DialResult> DialAsync(TunnelConfig server, CancellationToken cancel) => dialer.DialAsync(server.Ssh.EndPoint, ConnectTimeout(server), cancel);

    // A process takes its time to be made, and is made elsewhere.
    private Task<DialResult> RunAsync(string command)
    {
        var context = SynchronizationContext.Current;
        return Task.Run(() => CommandConnection.Start(command, context, text => log(Notice.ProxySays(config.Name, text)), status => log(Notice.ProxyEnded(config.Name, status))));
    }

    private async ValueTask<DialResult> OpenAsync(SshConnection through, TunnelConfig server, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var limit = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), either, ConnectTimeout(server), Timeout.InfiniteTimeSpan);
        var opened = await through.OpenAsync(new SshOpen.DirectTcp(server.Ssh.Host, server.Ssh.Port, "127.0.0.1", 0), cancel: either.Token);
        return opened.Channel is { } channel ? DialResult.To(channel)
            : new DialResult(opened.Failure is { } failure ? OpenFailures.ToOutcome(failure, opened.Description) : DialOutcome.Failed, null, opened.Description);
    }

    private async Task<SshConnectResult> LogInAsync(Connection connection, TunnelConfig server, CancellationToken cancel)
    {
        var trust = new TunnelTrust(server, (connection.RemoteEndPoint as IPEndPoint)?.Address, time, log);
        var asked = server.Options.BatchMode ? TunnelAnswers.None : answers;
        using var identities = new TunnelIdentities(server, asked, log, cancel);
        var login = new TunnelLogin(server, asked, cancel);
        try
        {
            (IReadOnlyList<string> Types, bool HasAuthority) known = ([], false);
            // Files are read elsewhere, and keys that are encrypted take their time.
            await Task.Run(() =>
            {
                known = trust.Known();
                identities.Load();
            }, CancellationToken.None);
            var options = new SshClientOptions
            {
                User = server.Ssh.Login,
                Identities = identities.FindAsync,
                UserAlgorithms = server.Options.PubkeyAcceptedAlgorithms?.Of(SignatureAlgorithms.AllNames, SignatureAlgorithms.AllNames) ?? SignatureAlgorithms.AllNames,
                Methods = server.Options.PreferredAuthentications is { Count: > 0 } preferred ? preferred : ["publickey", "keyboard-interactive", "password"],
                Password = login.HasPassword ? login.PasswordAsync : null,
                Answer = login.CanAnswer ? login.AnswerAsync : null,
                CheckHostKey = key => new ValueTask<string?>(Task.Run(() => trust.Check(key))),
                KnownHostKeys = known.Types,
                HasHostAuthority = known.HasAuthority,
                OnHostKeys = (made, shown) => _ = trust.FollowAsync(made, shown),
                OnBanner = text => log(Notice.TunnelBanner(config.Name, text)),
                Time = time,
                Algorithms = AlgorithmsOf(server.Options),
                HandshakeTimeout = ConnectTimeout(server) + TimeSpan.FromSeconds(15) + (asked.IsAnybodyThere ? mostForTyping : TimeSpan.Zero),
                Keepalive = server.Keepalive,
                KeepaliveProbes = server.Options.KeepaliveCount,
                RekeyBytes = server.Options.RekeyBytes ?? 1L << 30,
                RekeyAfter = server.Options.RekeyAfter ?? TimeSpan.FromHours(1),
            };
            return await SshConnection.ConnectAsync(connection, options, cancel);
        }
        catch (SshKeyException e)
        {
            connection.Dispose();
            return new SshConnectResult(null, new SshEnd(SshEndCause.Authentication, null, e.Message));
        }
    }

    private static TimeSpan ConnectTimeout(TunnelConfig server) => server.Options.ConnectTimeout ?? usualConnectTimeout;

    private static SshAlgorithms AlgorithmsOf(SshOptions options)
    {
        var all = SshAlgorithms.Default;
        return all with
        {
            Ciphers = options.Ciphers?.Of(all.Ciphers, all.Ciphers) ?? all.Ciphers,
            Macs = options.Macs?.Of(all.Macs, all.Macs) ?? all.Macs,
            KeyExchanges = options.KexAlgorithms?.Of(all.KeyExchanges, all.KeyExchanges) ?? all.KeyExchanges,
            HostKeys = options.HostKeyAlgorithms?.Of(all.HostKeys, all.HostKeys) ?? all.HostKeys,
        };
    }

    private static void EndWith(SshConnection? next, SshConnection before)
    {
        if (next is null)
            before.Dispose();
        else
            _ = EndAsync(next, before);
    }

    private static async Task EndAsync(SshConnection next, SshConnection before)
    {
        await next.Ended;
        await before.DisconnectAsync();
    }

    private static SshConnectResult Failed(TunnelConfig server, DialResult dial)
    {
        var word = SessionOutcome.Of(dial).Word.Replace('_', ' ');
        return new SshConnectResult(null, new SshEnd(SshEndCause.Lost, null, $"{server.Ssh} cannot be reached: {word}{(dial.Detail is { } detail ? $" ({detail})" : "")}"));
    }
}
