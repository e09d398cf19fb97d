using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fairlead;

/// <summary>Reads certificates and keys in PEM (RFC 7468). Blocks: not for event loops.</summary>
internal static class PemFiles
{
    /// <summary>The certificates of a file, in its order.</summary>
    /// <exception cref="FormatException">It cannot be read or trusted, or has none; the message names it and the remedy.</exception>
    public static X509Certificate2Collection Certificates(string path)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(Text(path));
        }
        catch (CryptographicException error)
        {
            throw Fault(path, $"has a broken certificate ({error.Message.TrimEnd('.')}); make it anew");
        }
        return certificates.Count > 0 ? certificates : throw Fault(path, "has no certificate; write the path of one in PEM, which has a line -----BEGIN CERTIFICATE-----");
    }

    /// <summary>This end's certificate with its key, as it is shown to peers together with those that lead to its authority. Nothing is downloaded for it, neither now nor later.</summary>
    /// <param name="certificatePath">The file of the certificate, and of the others behind it.</param>
    /// <param name="keyPath">The file of the key.</param>
    /// <param name="authorities">Whom peers are told to have their own certificates from; null: they are told nothing.</param>
    /// <exception cref="FormatException">One of the files cannot be used; the message names it and the remedy.</exception>
    public static SslStreamCertificateContext Pair(string certificatePath, string keyPath, X509Certificate2Collection? authorities = null)
    {
        var others = Certificates(certificatePath);
        var certificate = WithKey(others[0], Key(keyPath), certificatePath, keyPath);
        others.RemoveAt(0);
        return SslStreamCertificateContext.Create(certificate, others, offline: true, authorities is null ? null : SslCertificateTrust.CreateForX509Collection(authorities, sendTrustInHandshake: true));
    }

    /// <summary>That a certificate can only be refused by now; null if it is in time.</summary>
    public static string? Staleness(X509Certificate2 certificate, string path, TimeProvider time)
    {
        var now = time.GetUtcNow().UtcDateTime;
        var (from, until) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        if (now > until)
            return string.Create(CultureInfo.InvariantCulture, $"certificate {Show(path)} has expired on {until:yyyy-MM-dd}; renew it");
        return now < from ? string.Create(CultureInfo.InvariantCulture, $"certificate {Show(path)} is valid only from {from:yyyy-MM-dd} on; look at this machine's clock") : null;
    }

    private static X509Certificate2 WithKey(X509Certificate2 certificate, string key, string certificatePath, string keyPath)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate.ExportCertificatePem(), key);
        }
        catch (Exception error) when (error is CryptographicException or ArgumentException or NotSupportedException)
        {
            // Says which of its reasons it was in no other way than in words.
            throw Fault(keyPath, $"is not the key of {Show(certificatePath)}, or none that can be used; write the path of its RSA or ECDSA key in PEM");
        }
    }

    private static string Key(string path)
    {
        var text = Text(path);
        if (text.Contains("-----BEGIN ENCRYPTED PRIVATE KEY-----", StringComparison.Ordinal) || text.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
            throw Fault(path, $"is encrypted, and nobody is there to be asked for its password; run: openssl pkey -in {Show(path)} -out FILE, and keep FILE for its owner alone");
        return text.Contains("PRIVATE KEY-----", StringComparison.Ordinal) ? text : throw Fault(path, "has no private key; write the path of one in PEM, which has a line -----BEGIN PRIVATE KEY-----");
    }

    // For root, whoever can change a key or an authority decides who is believed.
    private static string Text(string path) => Encoding.Latin1.GetString(new ConfigurationFiles(FileTrust.Fault).Read(path));

    private static FormatException Fault(string path, string complaint) => new($"{Show(path)} {complaint}");

    private static string Show(string path) => Printable.Escape(path, 4096);
}
