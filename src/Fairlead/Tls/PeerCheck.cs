using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead;

/// <summary>
/// Decides whether a peer's certificate is to be believed, and remembers why not; for one handshake. Whether it was revoked is not asked, and nothing is downloaded: that would wait
/// for others within a handshake, and who cannot be reached could not be told from who says no.
/// </summary>
/// <param name="pins">The keys that it may have; empty: any.</param>
/// <param name="isKeyEnough">Whether the key alone counts.</param>
/// <param name="name">What it has to be for; null: that does not matter.</param>
internal sealed class PeerCheck(IReadOnlyList<PublicKeyPin> pins, bool isKeyEnough, string? name)
{
    // RFC 5280 section 4.2.1.12
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1", ClientAuth = "1.3.6.1.5.5.7.3.2";

    /// <summary>Why it is not believed, as the end of a sentence; null as long as nothing speaks against it.</summary>
    public string? Fault { get; private set; }

    /// <summary>How the way to an authority is looked for.</summary>
    /// <param name="authorities">Who may have signed; null: the system's.</param>
    /// <param name="ofServer">Whether the peer is a server.</param>
    public static X509ChainPolicy Policy(X509Certificate2Collection? authorities, bool ofServer)
    {
        var policy = new X509ChainPolicy
        {
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            TrustMode = authorities is null ? X509ChainTrustMode.System : X509ChainTrustMode.CustomRootTrust,
        };
        policy.ApplicationPolicy.Add(new Oid(ofServer ? ServerAuth : ClientAuth));
        if (authorities is not null)
            policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    /// <summary>For <see cref="RemoteCertificateValidationCallback"/>.</summary>
    public bool Decide(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        Fault = FaultOf(certificate as X509Certificate2, chain, errors);
        return Fault is null;
    }

    /// <summary>The pin of a certificate's key.</summary>
    public static PublicKeyPin PinOf(X509Certificate2 certificate) => PublicKeyPin.Of(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));

    private string? FaultOf(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable))
            return "there is none";
        if (pins.Count > 0 && PinOf(certificate) is var pin && !pins.Contains(pin))
            return $"its key is {pin}, which is not the one that is pinned";
        if (isKeyEnough || errors == SslPolicyErrors.None)
            return null;
        return errors.HasFlag(SslPolicyErrors.RemoteCertificateChainErrors) ? ChainFault(certificate, chain) : $"it is for {Names(certificate)}, and not for {Printable.Escape(name ?? "")}";
    }

    private static string ChainFault(X509Certificate2 certificate, X509Chain? chain)
    {
        var statuses = chain?.ChainStatus ?? [];
        var all = statuses.Aggregate(X509ChainStatusFlags.NoError, (known, status) => known | status.Status);
        if (all.HasFlag(X509ChainStatusFlags.UntrustedRoot) || all.HasFlag(X509ChainStatusFlags.PartialChain))
        {
            return certificate.SubjectName.RawData.AsSpan().SequenceEqual(certificate.IssuerName.RawData)
                ? "it is signed by itself"
                : $"its authority '{Printable.Escape(chain!.ChainElements[^1].Certificate.Issuer)}' is not known";
        }
        if (all.HasFlag(X509ChainStatusFlags.NotTimeValid))
            return TimeFault(chain!);
        if (all.HasFlag(X509ChainStatusFlags.NotValidForUsage))
            return "it was not made for this use (extended key usage)";
        return statuses.Length == 0 ? "its way to an authority cannot be found" : Printable.Escape(statuses[0].StatusInformation.Trim().TrimEnd('.'));
    }

    private static string TimeFault(X509Chain chain)
    {
        var element = chain.ChainElements.First(element => element.ChainElementStatus.Any(status => status.Status.HasFlag(X509ChainStatusFlags.NotTimeValid)));
        var which = element == chain.ChainElements[0] ? "it" : $"that of its authority '{Printable.Escape(element.Certificate.Subject)}'";
        var (from, until) = (element.Certificate.NotBefore.ToUniversalTime(), element.Certificate.NotAfter.ToUniversalTime());
        return until < DateTime.UtcNow
            ? string.Create(CultureInfo.InvariantCulture, $"{which} has expired on {until:yyyy-MM-dd}")
            : string.Create(CultureInfo.InvariantCulture, $"{which} is valid only from {from:yyyy-MM-dd} on");
    }

    private static string Names(X509Certificate2 certificate)
    {
        var names = CertificateNames.Of(certificate).ToList();
        return names.Count == 0 ? "no name at all" : Printable.Escape(string.Join(", ", names));
    }
}
