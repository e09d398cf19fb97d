using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Begins TLS with an upstream and verifies that it is the right one: by an authority and its name, or by its key; never not at all. Files are read anew when they change. It may be
/// used on several event loops at once, and lives as long as the upstream that it belongs to.
/// </summary>
internal sealed class TlsClient : IDisposable
{
    private readonly UpstreamTlsConfig config;
    private readonly string? name;
    private readonly TimeProvider time;
    private readonly Action<string> warn;
    private readonly WatchedFiles<Material> files;

    /// <summary>Reads the files, which blocks.</summary>
    /// <param name="config">How; without faults.</param>
    /// <param name="host">The host of the upstream's address, as it is written; null for a Unix socket.</param>
    /// <param name="time">When files are looked at, and whether a certificate has expired; off the event loops.</param>
    /// <param name="warn">Told of what somebody should look at. Any thread; it must not throw.</param>
    /// <exception cref="FormatException">A file cannot be used; the message names it and the remedy.</exception>
    public TlsClient(UpstreamTlsConfig config, string? host, TimeProvider time, Action<string> warn)
    {
        this.config = config;
        this.time = time;
        this.warn = warn;
        name = Plain(config.Name ?? host);
        files = new WatchedFiles<Material>(new[] { config.Ca, config.Certificate, config.Key }.OfType<string>(), Read, time, warn);
    }

    /// <summary>For tests, which speak an old version too.</summary>
    internal SslProtocols Versions { get; init; } = SslProtocols.Tls12 | SslProtocols.Tls13;

    public void Dispose() => files.Dispose();

    /// <summary>Makes the handshake with the upstream.</summary>
    /// <param name="upstream">Its connection; see <see cref="TlsHandshake.RunAsync"/> for whose it is afterwards.</param>
    /// <param name="shown">What it is called in a reason for failure.</param>
    /// <param name="clock">Measures the limit, where the connection belongs.</param>
    /// <param name="limit">How long the handshake may take.</param>
    public ValueTask<TlsResult> ConnectAsync(Connection upstream, string shown, TimeProvider clock, TimeSpan limit)
    {
        var material = files.Current;
        var check = new PeerCheck(config.Pin, isKeyEnough: config.Pin.Count > 0 && config.Ca is null, name);
        var options = new SslClientAuthenticationOptions
        {
            // A name is sent to the upstream (RFC 6066 section 3), an address is not; either is what its certificate has to be for.
            TargetHost = name ?? "",
            EnabledSslProtocols = Versions,
            ApplicationProtocols = TlsServer.Protocols(config.Alpn),
            AllowRenegotiation = false,
            CertificateChainPolicy = PeerCheck.Policy(material.Authorities, ofServer: true),
            RemoteCertificateValidationCallback = check.Decide,
            ClientCertificateContext = material.Own,
        };
        return TlsHandshake.RunAsync(upstream, stream => stream.AuthenticateAsClientAsync(options), clock, limit, () => check.Fault is { } fault ? $"certificate of {Printable.Escape(shown)} is not trusted: {fault}" : null);
    }

    /// <summary>Goes on inside TLS on a connection that was dialled. It is the result's, or closed.</summary>
    /// <returns>A handshake that fails, or an upstream that cannot be believed, is <see cref="DialOutcome.Failed"/>, with the reason.</returns>
    /// <param name="upstream">Its connection.</param>
    /// <param name="shown">What it is called in a reason for failure.</param>
    /// <param name="clock">Measures the limit, where the connection belongs.</param>
    /// <param name="limit">How long the handshake may take.</param>
    /// <param name="cancel">Gives it up.</param>
    public async ValueTask<DialResult> SecureAsync(Connection upstream, string shown, TimeProvider clock, TimeSpan limit, CancellationToken cancel)
    {
        TlsResult result;
        using (cancel.UnsafeRegister(static connection => ((Connection)connection!).Context.Run(((Connection)connection).Abort), upstream))
            result = await ConnectAsync(upstream, shown, clock, limit);
        if (result.Connection is { } connection && !cancel.IsCancellationRequested)
            return DialResult.To(connection);
        (result.Connection ?? upstream).Dispose();
        if (cancel.IsCancellationRequested)
            return new DialResult(DialOutcome.Cancelled);
        return new DialResult(result.HasTimedOut ? DialOutcome.TimedOut : DialOutcome.Failed, null, result.Detail);
    }

    private Material Read()
    {
        var own = config.Certificate is { } certificate ? PemFiles.Pair(certificate, config.Key!) : null;
        if (own is not null && PemFiles.Staleness(own.TargetCertificate, config.Certificate!, time) is { } staleness)
            warn(staleness);
        return new Material(config.Ca is { } ca ? PemFiles.Certificates(ca) : null, own);
    }

    // Without a dot at the end, and without an interface, which is this machine's own affair.
    private static string? Plain(string? host)
    {
        if (host is null)
            return null;
        var plain = host.Contains(':', StringComparison.Ordinal) ? host.Split('%')[0] : host.TrimEnd('.');
        return plain.ToLowerInvariant();
    }

    /// <summary>What the files said.</summary>
    private sealed record Material(X509Certificate2Collection? Authorities, SslStreamCertificateContext? Own);
}
