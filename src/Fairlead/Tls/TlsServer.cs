using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Ends the TLS of clients, by one of several certificates, which are read anew when their files change. It may be used on several event loops at once. It lives as long as the plan
/// that it belongs to.
/// </summary>
internal sealed class TlsServer : IDisposable
{
    private readonly TlsConfig config;
    private readonly TimeProvider time;
    private readonly Action<string> warn;
    private readonly WatchedFiles<Certificates> files;

    /// <summary>Reads the files, which blocks.</summary>
    /// <param name="config">How; without faults.</param>
    /// <param name="time">When files are looked at, and whether certificates have expired; off the event loops.</param>
    /// <param name="warn">Told of what somebody should look at: files that cannot be used any more, a certificate that has expired. Any thread; it must not throw.</param>
    /// <exception cref="FormatException">A file cannot be used; the message names it and the remedy.</exception>
    public TlsServer(TlsConfig config, TimeProvider time, Action<string> warn)
    {
        this.config = config;
        this.time = time;
        this.warn = warn;
        files = new WatchedFiles<Certificates>([.. config.Certificate, .. config.Key, .. config.ClientCa is { } ca ? [ca] : Array.Empty<string>()], Read, time, warn);
    }

    public void Dispose() => files.Dispose();

    /// <summary>Makes the handshake with a client.</summary>
    /// <param name="client">Its connection, from its first byte on; see <see cref="TlsHandshake.RunAsync"/> for whose it is afterwards.</param>
    /// <param name="name">The name that it asks for (<see cref="ClientHello"/>); null: none.</param>
    /// <param name="clock">Measures the limit, where the client belongs.</param>
    /// <param name="limit">How long the handshake may take.</param>
    public ValueTask<TlsResult> AcceptAsync(Connection client, string? name, TimeProvider clock, TimeSpan limit)
    {
        var certificates = files.Current;
        var check = certificates.ClientAuthorities is null ? null : new PeerCheck([], isKeyEnough: false, name: null);
        var options = new SslServerAuthenticationOptions
        {
            ServerCertificateContext = certificates.Choose(name),
            EnabledSslProtocols = config.Min == TlsVersion.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = Protocols(config.Alpn),
            AllowRenegotiation = false,
            ClientCertificateRequired = check is not null,
            CertificateChainPolicy = check is null ? null : PeerCheck.Policy(certificates.ClientAuthorities, ofServer: false),
            RemoteCertificateValidationCallback = check is null ? null : check.Decide,
        };
        return TlsHandshake.RunAsync(client, stream => stream.AuthenticateAsServerAsync(options), clock, limit, () => check?.Fault is { } fault ? $"the client's certificate is not trusted: {fault}" : null);
    }

    /// <summary>As <c>SslStream</c> wants them.</summary>
    internal static List<SslApplicationProtocol>? Protocols(ValueList<string> names) => names.Count == 0 ? null : [.. names.Select(name => new SslApplicationProtocol(name))];

    private Certificates Read()
    {
        var authorities = config.ClientCa is { } ca ? PemFiles.Certificates(ca) : null;
        var certificates = new Certificates(authorities);
        for (var i = 0; i < config.Certificate.Count; i++)
        {
            var pair = PemFiles.Pair(config.Certificate[i], config.Key[i], authorities);
            certificates.Add(pair);
            if (PemFiles.Staleness(pair.TargetCertificate, config.Certificate[i], time) is { } staleness)
                warn(staleness);
        }
        return certificates;
    }

    /// <summary>What the files said.</summary>
    private sealed class Certificates(X509Certificate2Collection? clientAuthorities)
    {
        private readonly Dictionary<string, SslStreamCertificateContext> byName = new(StringComparer.Ordinal);
        private SslStreamCertificateContext? first;

        public X509Certificate2Collection? ClientAuthorities => clientAuthorities;

        /// <summary>Adds one, behind those that were added before.</summary>
        public void Add(SslStreamCertificateContext pair)
        {
            first ??= pair;
            foreach (var name in CertificateNames.Of(pair.TargetCertificate))
                byName.TryAdd(name, pair);
        }

        /// <summary>The first that is for the name itself, then for its wildcard, then the first of all.</summary>
        public SslStreamCertificateContext Choose(string? name)
        {
            if (name is not null && (byName.TryGetValue(name, out var found) || (CertificateNames.WildcardOf(name) is { } wildcard && byName.TryGetValue(wildcard, out found))))
                return found;
            return first!;
        }
    }
}
