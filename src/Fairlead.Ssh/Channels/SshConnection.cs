using System.Net;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>
/// An SSH connection (RFC 4251 to 4254) in either role: channels, and requests about them all, over any <see cref="Connection"/>. Everything of it happens in one context, and so do
/// all calls of it and of its channels.
/// </summary>
/// <remarks>Its life is <see cref="RunAsync"/>: open, let in, serve until either end or the network ends it, tell everybody.</remarks>
public sealed partial class SshConnection : IDisposable
{
    // A goodbye is not waited for without end.
    private static readonly TimeSpan mostForGoodbye = TimeSpan.FromSeconds(2);

    // Nor is a peer that does not exchange keys: meanwhile nothing can be sent.
    private static readonly TimeSpan mostForExchange = TimeSpan.FromMinutes(1);

    private readonly TaskCompletionSource opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<SshEnd> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly EndPoint? remote;
    private ITimer? deadline;
    private SshEnd? end;
    private bool isOpen;

    private SshConnection(Connection connection, SynchronizationContext context, SshOptions options, SshRandom random)
    {
        (Context, Options, remote) = (context, options, connection.RemoteEndPoint);
        var isServer = options is SshServerOptions;
        Transport = new SshTransport(connection, context, new TransportOptions
        {
            IsServer = isServer,
            OnPause = WakeReaders,
            Time = options.Time,
            Random = random,
            Algorithms = options.Algorithms,
            RekeyBytes = options.RekeyBytes,
            RekeyAfter = options.RekeyAfter,
            HostKeys = options is SshServerOptions server ? HostKeysOf(server) : HostKeysOf((SshClientOptions)options),
            HostKeyOf = algorithm => ((SshServerOptions)options).HostKeys.First(key => key.PublicKey.Algorithms.Contains(algorithm)),
            CheckHostKey = (options as SshClientOptions)?.CheckHostKey,
        });
    }

    /// <summary>Where it lives, and where it is used.</summary>
    public SynchronizationContext Context { get; }

    /// <summary>What the peer says that it is; a stranger's text.</summary>
    public string PeerIdentification => Transport.PeerIdentification;

    /// <summary>The peer's address; null where it has none.</summary>
    public EndPoint? RemoteEndPoint => remote;

    /// <summary>The server's key.</summary>
    public SshPublicKey? HostKey => Transport.HostKey?.Key;

    /// <summary>Who was let in, at a server; null before, and at a client.</summary>
    public SshAuthenticationRequest? User { get; private set; }

    /// <summary>Completes when it has ended.</summary>
    public Task<SshEnd> Ended => ended.Task;

    /// <summary>How many channels there are.</summary>
    public int ChannelCount => channels.Count;

    internal SshOptions Options { get; }

    internal SshTransport Transport { get; }

    /// <summary>Connects as a client over a connection, which it owns from now on.</summary>
    /// <param name="connection">Its context is where the SSH connection lives; where it has none, the caller's, else one of its own.</param>
    /// <param name="options">How.</param>
    /// <param name="cancel">Gives it up.</param>
    public static Task<SshConnectResult> ConnectAsync(Connection connection, SshClientOptions options, CancellationToken cancel = default) => OpenAsync(connection, options, SshRandom.Secure, cancel);

    /// <summary>Accepts as a server over a connection, which it owns from now on: keys are exchanged, and somebody is let in.</summary>
    /// <inheritdoc cref="ConnectAsync"/>
    public static Task<SshConnectResult> AcceptAsync(Connection connection, SshServerOptions options, CancellationToken cancel = default) => OpenAsync(connection, options, SshRandom.Secure, cancel);

    /// <summary>Ends it with a word to the peer; its channels are broken at once.</summary>
    public Task DisconnectAsync(SshDisconnectReason reason = SshDisconnectReason.ByApplication, string description = "")
    {
        return EndAsync(new SshEnd(SshEndCause.Closed, reason, description), tells: true);
    }

    /// <summary>Ends it at once.</summary>
    public void Dispose() => _ = EndAsync(new SshEnd(SshEndCause.Closed, null, "closed at this end"), tells: false);

    /// <summary>Connects or accepts, as the options are a client's or a server's.</summary>
    internal static async Task<SshConnectResult> OpenAsync(Connection connection, SshOptions options, SshRandom random, CancellationToken cancel = default)
    {
        var context = connection.Context ?? SerialContext.Current ?? new SerialContext();
        SshConnection? made = null;
        await context.RunAsync(async () =>
        {
            made = new SshConnection(connection, context, options, random);
            await made.OpenAsync(cancel);
        });
        return made!.isOpen ? new SshConnectResult(made, null) : new SshConnectResult(null, made.end);
    }

    private async Task OpenAsync(CancellationToken cancel)
    {
        using (cancel.UnsafeRegister(static it => ((SshConnection)it!).Context.Run(((SshConnection)it).Dispose), this))
        using (deadline = Options.Time.CreateTimer(_ => Context.Run(OnDeadline), null, Options.HandshakeTimeout, Timeout.InfiniteTimeSpan))
        {
            _ = RunAsync();
            await opened.Task;
        }
    }

    private void OnDeadline()
    {
        if (!isOpen)
            _ = EndAsync(new SshEnd(SshEndCause.NoAnswer, null, $"the peer took longer than {Options.HandshakeTimeout.TotalSeconds:0} s to get to the end of authentication"), tells: false);
    }

    // Lives the connection. Never throws.
    private async Task RunAsync()
    {
        try
        {
            await Transport.OpenAsync();
            if (await AuthenticateAsync() is { } refusal)
            {
                await EndAsync(new SshEnd(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable, refusal), tells: true);
                return;
            }
            Transport.IsAuthenticated = true;
            isOpen = end is null;
            if (isOpen && Options is SshServerOptions server)
            {
                server.OnReady?.Invoke(this);
                TellHostKeys(server);
            }
            opened.TrySetResult();
            StartTimers();
            while (await Transport.ReadAsync())
            {
                // Once it has ended the peer may not have heard of it yet.
                if (end is null)
                    OnMessage(Transport.Payload);
            }
            await EndAsync(new SshEnd(SshEndCause.ClosedByPeer, null, "the peer closed the connection"), tells: false);
        }
        catch (SshProtocolException e)
        {
            await EndAsync(new SshEnd(CauseOf(e.Reason), e.Reason, e.Message), tells: e.Reason != SshDisconnectReason.ConnectionLost);
        }
        catch (SshFormatException e)
        {
            await EndAsync(new SshEnd(SshEndCause.Protocol, SshDisconnectReason.ProtocolError, e.Message), tells: true);
        }
        catch (SshDisconnectedException e)
        {
            await EndAsync(new SshEnd(SshEndCause.Disconnected, e.Reason, e.Message), tells: false);
        }
        catch (ConnectionException e)
        {
            // Where it was sending that failed, what is read now was closed here.
            await EndAsync(new SshEnd(SshEndCause.Lost, null, (Transport.Broken ?? e).Message), tells: false);
        }
        catch (Exception e)
        {
            await EndAsync(new SshEnd(SshEndCause.Protocol, null, $"a fault of this program: {e.GetType().Name}: {e.Message}"), tells: false);
        }
        finally
        {
            Transport.Release();
        }
    }

    private async Task<string?> AuthenticateAsync()
    {
        if (Options is SshClientOptions client)
            return await new ClientAuthentication(Transport, client).RunAsync();
        var authentication = new ServerAuthentication(Transport, (SshServerOptions)Options);
        await authentication.RunAsync();
        User = authentication.Admitted;
        return null;
    }

    // The first end is the one that counts.
    private async Task EndAsync(SshEnd how, bool tells)
    {
        if (end is not null)
            return;
        end = how;
        keepalive?.Dispose();
        keyWatch?.Dispose();
        EndChannels();
        EndRequests();
        if (tells)
        {
            using var limit = Options.Time.CreateTimer(_ => Context.Run(Transport.Abort), null, mostForGoodbye, Timeout.InfiniteTimeSpan);
            await Transport.DisconnectAsync(how.Reason ?? SshDisconnectReason.ByApplication, how.Text);
        }
        else
        {
            Transport.Abort();
        }
        opened.TrySetResult();
        ended.TrySetResult(how);
    }

    private static SshEndCause CauseOf(SshDisconnectReason reason) => reason switch
    {
        SshDisconnectReason.HostKeyNotVerifiable => SshEndCause.HostKey,
        SshDisconnectReason.NoMoreAuthMethodsAvailable => SshEndCause.Authentication,
        SshDisconnectReason.ConnectionLost => SshEndCause.Lost,
        _ => SshEndCause.Protocol,
    };

    private static List<string> HostKeysOf(SshServerOptions options)
    {
        return [.. options.Algorithms.HostKeys.Where(algorithm => options.HostKeys.Any(key => key.PublicKey.Algorithms.Contains(algorithm)))];
    }

    // As OpenSSH does it: what is known of the host first, so that one with several keys shows one that can be checked.
    private static List<string> HostKeysOf(SshClientOptions options)
    {
        return [.. options.Algorithms.HostKeys.Where(algorithm => options.HasHostAuthority || !SignatureAlgorithms.IsOfCertificate(algorithm))
            .OrderBy(algorithm => !SignatureAlgorithms.IsOfCertificate(algorithm) && !options.KnownHostKeys.Any(type => SignatureAlgorithms.OfType(type).Contains(algorithm)))];
    }
}
