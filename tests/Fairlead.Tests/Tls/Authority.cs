using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Tests;

/// <summary>Signs certificates for tests, and leaves them as files in a folder of its own.</summary>
internal sealed class Authority : IDisposable
{
    private const string ServerAuth = "1.3.6.1.5.5.7.3.1", ClientAuth = "1.3.6.1.5.5.7.3.2";

    // The clocks of tests begin in 1970.
    private static readonly DateTimeOffset beginning = DateTimeOffset.UnixEpoch;

    private readonly X509Certificate2 root, intermediate;
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-tls-");
    private int serial;

    public Authority(string name = "Fairlead Test Root")
    {
        root = Sign($"CN={name}", issuer: null, isAuthority: true);
        intermediate = Sign("CN=Fairlead Test Intermediate", root, isAuthority: true);
        RootFile = Write("root.pem", root.ExportCertificatePem());
    }

    /// <summary>The root's certificate.</summary>
    public string RootFile { get; }

    public X509Certificate2 Root => root;

    /// <summary>A certificate for names, with its key: the files. It is signed by the root, or by an intermediate that stands behind it.</summary>
    public (string Certificate, string Key) Issue(string file, string[] names, bool viaIntermediate = false, bool forClients = false, DateTimeOffset? from = null, DateTimeOffset? until = null, bool selfSigned = false, bool rsa = false)
    {
        using var certificate = Sign($"CN={file}", selfSigned ? null : viaIntermediate ? intermediate : root, isAuthority: false, names, forClients, from, until, rsa);
        var chain = certificate.ExportCertificatePem() + "\n" + (viaIntermediate ? intermediate.ExportCertificatePem() + "\n" : "");
        using var key = (AsymmetricAlgorithm?)certificate.GetECDsaPrivateKey() ?? certificate.GetRSAPrivateKey();
        return (Write($"{file}.pem", chain), Write($"{file}.key", key!.ExportPkcs8PrivateKeyPem()));
    }

    /// <summary>A file of the folder, written whole at once, as programs do that renew certificates.</summary>
    public string Write(string file, string text)
    {
        var path = Path.Combine(folder.FullName, file);
        File.WriteAllText(path + ".new", text);
        File.Move(path + ".new", path, overwrite: true);
        return path;
    }

    public string PathOf(string file) => Path.Combine(folder.FullName, file);

    public void Dispose()
    {
        root.Dispose();
        intermediate.Dispose();
        folder.Delete(recursive: true);
    }

    private X509Certificate2 Sign(string subject, X509Certificate2? issuer, bool isAuthority, string[]? names = null, bool forClients = false, DateTimeOffset? from = null, DateTimeOffset? until = null, bool rsa = false)
    {
        using AsymmetricAlgorithm key = rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = key is RSA rsaKey
            ? new CertificateRequest(subject, rsaKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        if (issuer is not null)
            request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, true, false));
        if (!isAuthority)
            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(forClients ? ClientAuth : ServerAuth)], false));
        if (names is { Length: > 0 })
            request.CertificateExtensions.Add(Names(names));
        var (notBefore, notAfter) = (from ?? beginning, until ?? DateTimeOffset.UtcNow.AddYears(1));
        if (issuer is null)
            return request.CreateSelfSigned(notBefore, notAfter);
        using var signed = issuer.GetECDsaPrivateKey() is { } issuerKey
            ? request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(issuerKey), notBefore, notAfter, BitConverter.GetBytes(++serial))
            : throw new InvalidOperationException("The authority has no key.");
        return rsa ? signed.CopyWithPrivateKey((RSA)key) : signed.CopyWithPrivateKey((ECDsa)key);
    }

    private static X509Extension Names(string[] names)
    {
        var builder = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            if (IPAddress.TryParse(name, out var address))
                builder.AddIpAddress(address);
            else
                builder.AddDnsName(name);
        }
        return builder.Build();
    }
}
