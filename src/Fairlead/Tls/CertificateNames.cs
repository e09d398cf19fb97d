using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fairlead;

/// <summary>What a certificate is for.</summary>
internal static class CertificateNames
{
    /// <summary>Its names and addresses (subjectAltName, RFC 5280 section 4.2.1.6) in lower case, some of them maybe with a wildcard. The subject's own name is not one (RFC 9525).</summary>
    public static IEnumerable<string> Of(X509Certificate2 certificate)
    {
        var names = new List<string>();
        try
        {
            foreach (var extension in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
            {
                names.AddRange(extension.EnumerateDnsNames().Select(name => name.ToLowerInvariant()));
                names.AddRange(extension.EnumerateIPAddresses().Select(address => address.ToString()));
            }
        }
        catch (CryptographicException)
        {
            // A stranger's, and broken: then it is for nothing.
        }
        return names;
    }

    /// <summary>The name under which a certificate for <c>*.example.com</c> is found: the wildcard stands for the first label, and one alone (RFC 9525 section 6.3).</summary>
    public static string? WildcardOf(string name) => name.IndexOf('.', StringComparison.Ordinal) is var dot and > 0 ? $"*{name[dot..]}" : null;
}
