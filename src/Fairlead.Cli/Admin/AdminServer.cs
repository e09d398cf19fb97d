using System.Net;
using System.Net.Sockets;
using Fairlead.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Fairlead.Cli;

/// <summary>
/// Serves the <see cref="AdminApi"/> on a Unix socket of mode 0600, to this process's user and to root, or on a port of the loopback to who has the token.
/// </summary>
internal sealed class AdminServer : IAsyncDisposable
{
    /// <summary>Requests come one at a time from people and their scripts, and descriptors that are kept back for them are few.</summary>
    private const int MostConnections = 16;

    /// <summary>How long a connection may say nothing, before a request and between two.</summary>
    private static readonly TimeSpan mostSilence = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer that is under way may take at the end; that to <c>stop</c> is one.</summary>
    private static readonly TimeSpan lastAnswers = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan refusalInterval = TimeSpan.FromMinutes(1);

    private readonly KestrelServer server;
    private readonly UnixListen? claim;

    private AdminServer(KestrelServer server, UnixListen? claim, string address)
    {
        this.server = server;
        this.claim = claim;
        Address = address;
    }

    /// <summary>Where it is, as <c>--admin</c> takes it: <c>unix:/run/fairlead/main.sock</c>, <c>127.0.0.1:9000</c>.</summary>
    public string Address { get; }

    /// <summary>Starts to serve.</summary>
    /// <param name="config">Where.</param>
    /// <param name="name">The configuration's name.</param>
    /// <param name="instance">Whom the API shows and tells.</param>
    /// <param name="log">Told of faults, and of users who were refused.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="StartException">It cannot listen there, or must not; the message names the remedy.</exception>
    public static Task<AdminServer> StartAsync(AdminConfig config, string name, IInstance instance, Action<LogEntry> log, TimeProvider? time = null) =>
        StartAsync(config, name, instance, log, time ?? TimeProvider.System, PeerUser.Own);

    internal static async Task<AdminServer> StartAsync(AdminConfig config, string name, IInstance instance, Action<LogEntry> log, TimeProvider time, uint own, TimeSpan? silence = null)
    {
        if (AdminRules.Fault(config) is { } fault)
            throw new StartException(fault);
        var options = new KestrelServerOptions { AddServerHeader = false };
        Tighten(options.Limits, silence ?? mostSilence);
        var transport = new SocketTransportOptions();
        UnixListen? claim = null;
        if (config.Listen is PortEndpoint tcp)
        {
            if (tcp.Host == "localhost")
                options.ListenLocalhost(tcp.Ports.First, static listen => listen.Protocols = HttpProtocols.Http1);
            else
                options.Listen(IPAddress.Parse(tcp.Host), tcp.Ports.First, static listen => listen.Protocols = HttpProtocols.Http1);
        }
        else
        {
            var isDefault = config.Listen is null;
            var path = config.Listen is UnixEndpoint unix ? unix.Path : AdminPlace.Default(name);
            AdminPlace.MakeFolder(path, mustBePrivate: isDefault);
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                claim = UnixListen.Claim(new UnixDomainSocketEndPoint(path), bound => socket.Bind(new UnixDomainSocketEndPoint(bound)), () => socket.Listen(MostConnections));
            }
            catch (ListenException refusal)
            {
                socket.Dispose();
                throw Refused(refusal, path, isDefault ? name : null);
            }
            transport.CreateBoundListenSocket = _ => socket;
            var refusals = new Refusals(log, time);
            options.ListenUnixSocket(path, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(next => connection => IsTrusted(connection, own, refusals) ? next(connection) : Task.CompletedTask);
            });
        }
        // The bare server: no container, no configuration, and no second owner of the signals.
        var server = new KestrelServer(Options.Create(options), new SocketTransportFactory(Options.Create(transport), NullLoggerFactory.Instance), NullLoggerFactory.Instance);
        try
        {
            await server.StartAsync(new AdminApi(instance, claim is null ? config.Token : null, isTcp: claim is null, log, time), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            claim?.Dispose();
            server.Dispose();
            throw new StartException($"the admin API cannot listen on {config.Listen}: {Printable.Escape(e.Message.TrimEnd('.'))}; choose another port, or a Unix socket (listen: unix:PATH)", e);
        }
        var address = config.Listen is PortEndpoint ? new Uri(server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single()).Authority
            : $"unix:{(config.Listen as UnixEndpoint)?.Path ?? AdminPlace.Default(name)}";
        return new AdminServer(server, claim, address);
    }

    /// <summary>Gives the address back, and lets answers that are under way reach their askers.</summary>
    public async ValueTask DisposeAsync()
    {
        claim?.Dispose();
        using var patience = new CancellationTokenSource(lastAnswers);
        await server.StopAsync(patience.Token).ConfigureAwait(false);
        server.Dispose();
    }

    private static void Tighten(KestrelServerLimits limits, TimeSpan silence)
    {
        limits.MaxConcurrentConnections = MostConnections;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestLineSize = 4096;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.MaxRequestHeaderCount = 50;
        limits.MaxRequestBufferSize = 32 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.KeepAliveTimeout = silence;
    }

    private static bool IsTrusted(ConnectionContext connection, uint own, Refusals refusals)
    {
        var user = PeerUser.Of(connection.Features.GetRequiredFeature<IConnectionSocketFeature>().Socket);
        if (PeerUser.IsTrusted(user, own))
            return true;
        refusals.Tell(user!.Value);
        connection.Abort();
        return false;
    }

    private static StartException Refused(ListenException refusal, string path, string? name)
    {
        var shown = Printable.Escape(path);
        var isLive = refusal.Error == SocketError.AddressAlreadyInUse && UnixFile.At(path) is { IsSocket: true };
        var message = (isLive, name) switch
        {
            (true, not null) => $"another instance named {name} runs (it listens on {shown}); give this one a name of its own (name: in its file), or end that one (fairlead stop{(name == "main" ? "" : $" --name {name}")})",
            (true, null) => $"another instance runs that listens on {shown}; give this one an admin socket of its own, or end that one (fairlead stop --admin unix:{shown})",
            _ => $"the admin socket cannot be had: {Printable.Escape(refusal.Message.TrimEnd('.'), 500)}; choose another place (admin: {{ listen: unix:PATH }}), or admin: off",
        };
        return new StartException(message, refusal);
    }

    /// <summary>Says that another user was refused, once a minute at most.</summary>
    private sealed class Refusals(Action<LogEntry> log, TimeProvider time)
    {
        private readonly Lock gate = new();
        private DateTimeOffset next = DateTimeOffset.MinValue;

        public void Tell(uint user)
        {
            lock (gate)
            {
                if (time.GetUtcNow() < next)
                    return;
                next = time.GetUtcNow() + refusalInterval;
            }
            log(new ProgramEntry(LogLevel.Warning, "admin_refused", $"user {user} asked at the admin socket, which is for this process's own user and root; he was not answered", new KeyValuePair<string, object?>("user", (long)user)));
        }
    }
}
