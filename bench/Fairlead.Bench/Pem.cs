using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Bench;

/// <summary>Paths of a server's certificate and its key, and of a file with both.</summary>
sealed record Pem(string Certificate, string Key, string Both)
{
    /// <summary>ECDSA with P-256: the cheapest of what every client understands, so that a handshake is more than its signature.</summary>
    public static Pem New(Workshop workshop)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={Hello.Name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Hello.Name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        string open = certificate.ExportCertificatePem() + "\n", secret = key.ExportPkcs8PrivateKeyPem() + "\n";
        return new(workshop.NewFile("cert.pem", open), workshop.NewFile("key.pem", secret), workshop.NewFile("both.pem", open + secret));
    }
}
