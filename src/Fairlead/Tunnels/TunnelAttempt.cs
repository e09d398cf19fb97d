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
        SshTarget[] servers = [.. config.Jump, config.Ssh];
        foreach (var server in servers)
        {
            var reached = before is null ? await DialAsync(server, cancel) : await OpenAsync(before, server, cancel);
            var result = reached.Connection is { } connection ? await LogInAsync(connection, server, cancel) : Failed(server, reached);
            if (before is { } jump)
                EndWith(result.Connection, jump);
            if (result.Connection is not { } next)
                return result;
            before = next;
        }
        return new SshConnectResult(before, null);
    }

    private ValueTask<DialResult> DialAsync(SshTarget server, CancellationToken cancel) => dialer.DialAsync(server.EndPoint, ConnectTimeout, cancel);

    private async ValueTask<DialResult> OpenAsync(SshConnection through, SshTarget server, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var limit = time.CreateTimer(static source => ((CancellationTokenSource)source!).Cancel(), either, ConnectTimeout, Timeout.InfiniteTimeSpan);
        var opened = await through.OpenAsync(new SshOpen.DirectTcp(server.Host, server.Port, "127.0.0.1", 0), cancel: either.Token);
        return opened.Channel is { } channel ? DialResult.To(channel)
            : new DialResult(opened.Failure is { } failure ? OpenFailures.ToOutcome(failure, opened.Description) : DialOutcome.Failed, null, opened.Description);
    }

    private async Task<SshConnectResult> LogInAsync(Connection connection, SshTarget server, CancellationToken cancel)
    {
        var trust = new TunnelTrust(config, server, log);
        var keys = new List<SshPrivateKey>();
        try
        {
            IReadOnlyList<string> known = [];
            // Files are read elsewhere.
            await Task.Run(() =>
            {
                known = trust.KnownTypes();
                keys.AddRange(LoadKeys());
            }, CancellationToken.None);
            var options = new SshClientOptions
            {
                User = server.Login,
                Keys = keys,
                Methods = config.Options.PreferredAuthentications is { Count: > 0 } preferred ? preferred : ["publickey", "password"],
                Password = config is { Password: { } password, Options.PasswordAuthentication: true } && server == config.Ssh ? () => new ValueTask<string?>(System.Text.Encoding.UTF8.GetString(password.Reveal())) : null,
                CheckHostKey = key => new ValueTask<string?>(Task.Run(() => trust.Check(key))),
                KnownHostKeys = known,
                OnBanner = text => log(Notice.TunnelBanner(config.Name, text)),
                Time = time,
                Algorithms = Algorithms,
                HandshakeTimeout = ConnectTimeout + TimeSpan.FromSeconds(15),
                Keepalive = config.Keepalive,
                KeepaliveProbes = config.Options.KeepaliveCount,
                RekeyBytes = config.Options.RekeyBytes ?? 1L << 30,
                RekeyAfter = config.Options.RekeyAfter ?? TimeSpan.FromHours(1),
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
    private IEnumerable<SshPrivateKey> LoadKeys()
    {
        if (!config.Options.PubkeyAuthentication)
            yield break;
        foreach (var file in config.IdentityFiles)
        {
            if (config.Identity.Count > 0)
            {
                yield return SshPrivateKey.Load(file, null);
            }
            else if (File.Exists(file) && TryLoad(file) is { } key)
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

    private TimeSpan ConnectTimeout => config.Options.ConnectTimeout ?? usualConnectTimeout;

    private SshAlgorithms Algorithms
    {
        get
        {
            var all = SshAlgorithms.Default;
            return all with
            {
                Ciphers = config.Options.Ciphers?.Of(all.Ciphers, all.Ciphers) ?? all.Ciphers,
                Macs = config.Options.Macs?.Of(all.Macs, all.Macs) ?? all.Macs,
                KeyExchanges = config.Options.KexAlgorithms?.Of(all.KeyExchanges, all.KeyExchanges) ?? all.KeyExchanges,
                HostKeys = config.Options.HostKeyAlgorithms?.Of(all.HostKeys, all.HostKeys) ?? all.HostKeys,
            };
        }
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

    private static SshConnectResult Failed(SshTarget server, DialResult dial)
    {
        var word = SessionOutcome.Of(dial).Word.Replace('_', ' ');
        return new SshConnectResult(null, new SshEnd(SshEndCause.Lost, null, $"{server} cannot be reached: {word}{(dial.Detail is { } detail ? $" ({detail})" : "")}"));
    }
}
