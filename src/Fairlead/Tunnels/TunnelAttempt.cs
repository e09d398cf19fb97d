using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>One attempt to have an SSH connection to a tunnel's server, through the servers on the way.</summary>
/// <param name="config">The tunnel.</param>
/// <param name="dialer">Who dials the first of them: names too.</param>
/// <param name="time">Measures it.</param>
/// <param name="log">Told of what servers say, and of keys that are written down.</param>
internal sealed class TunnelAttempt(TunnelConfig config, IDialer dialer, TimeProvider time, Action<LogEntry> log)
{
    private static readonly TimeSpan usualConnectTimeout = TimeSpan.FromSeconds(15);

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
        var trust = new TunnelTrust(server, (connection.RemoteEndPoint as IPEndPoint)?.Address, log);
        var keys = new List<SshPrivateKey>();
        try
        {
            IReadOnlyList<string> known = [];
            // Files are read elsewhere.
            await Task.Run(() =>
            {
                known = trust.KnownTypes();
                keys.AddRange(LoadKeys(server));
            }, CancellationToken.None);
            var options = new SshClientOptions
            {
                User = server.Ssh.Login,
                Keys = keys,
                Methods = server.Options.PreferredAuthentications is { Count: > 0 } preferred ? preferred : ["publickey", "password"],
                Password = server is { Password: { } password, Options.PasswordAuthentication: true } ? () => new ValueTask<string?>(System.Text.Encoding.UTF8.GetString(password.Reveal())) : null,
                CheckHostKey = key => new ValueTask<string?>(Task.Run(() => trust.Check(key))),
                KnownHostKeys = known,
                OnBanner = text => log(Notice.TunnelBanner(config.Name, text)),
                Time = time,
                Algorithms = AlgorithmsOf(server.Options),
                HandshakeTimeout = ConnectTimeout(server) + TimeSpan.FromSeconds(15),
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
        finally
        {
            foreach (var key in keys)
                key.Dispose();
        }
    }

    // A key that the user has named must be there; of the usual ones those that are.
    private IEnumerable<SshPrivateKey> LoadKeys(TunnelConfig server)
    {
        if (!server.Options.PubkeyAuthentication)
            yield break;
        foreach (var file in server.IdentityFiles)
        {
            var key = server.Identity.Contains(file) ? SshPrivateKey.Load(file, null) : File.Exists(file) ? TryLoad(file) : null;
            if (key is not null && key.PublicKey.RsaBits < server.Options.RequiredRsaBits)
            {
                log(Notice.TunnelKeyLeftOut(config.Name, $"{file} is an RSA key of {key.PublicKey.RsaBits} bits, and RequiredRSASize asks for {server.Options.RequiredRsaBits}"));
                key.Dispose();
            }
            else if (key is not null)
            {
                yield return key;
            }
        }
    }

    private SshPrivateKey? TryLoad(string file)
    {
        try
        {
            return SshPrivateKey.Load(file, null);
        }
        catch (SshKeyException e)
        {
            log(Notice.TunnelKeyLeftOut(config.Name, e.Message));
            return null;
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
