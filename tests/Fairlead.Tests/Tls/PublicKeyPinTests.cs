using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Tests;

public sealed class PublicKeyPinTests
{
    [Theory]
    [InlineData("")]
    [InlineData("sha256//")]
    [InlineData("sha256//AAAA")]
    [InlineData("sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    [InlineData("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU")]
    [InlineData("sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    [InlineData("sha256//AA47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    [InlineData("sha1//2jmj7l5rSw0yVb/vlWAYkK/YBwk=")]
    public void What_is_no_pin_is_refused_with_the_remedy(string text)
    {
        Assert.Contains("sha256// and 44 characters", Assert.Throws<FormatException>(() => PublicKeyPin.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pins_of_the_same_hash_are_equal_and_are_shown_as_they_are_written()
    {
        const string text = "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        Assert.Equal(text, PublicKeyPin.Parse(text).ToString());
        Assert.Equal(PublicKeyPin.Parse(text), PublicKeyPin.Parse(text));
        Assert.NotEqual(PublicKeyPin.Parse(text), PublicKeyPin.Of(new byte[32]));
    }

    [Fact]
    public void A_certificates_pin_is_what_openssl_says()
    {
        using var certificate = X509Certificate2.CreateFromPem(Pem);
        Assert.Equal(OfOpenssl, PeerCheck.PinOf(certificate).ToString());
    }

    // openssl x509 -in cert.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
    private const string OfOpenssl = "sha256//HGaY8rEny116eg8sGDZUHPjcAhlbqbRTvzG76xTY54w=";

    private const string Pem = """
        -----BEGIN CERTIFICATE-----
        MIIBhjCCASygAwIBAgITfDZ4ZqjP0iiIGClHbJarNarM9DAKBggqhkjOPQQDAjAZ
        MRcwFQYDVQQDDA5waW5uZWQuZXhhbXBsZTAeFw0yNjExMjgwMDEwMTdaFw0zNjEx
        MjUwMDEwMTdaMBkxFzAVBgNVBAMMDnBpbm5lZC5leGFtcGxlMFkwEwYHKoZIzj0C
        AQYIKoZIzj0DAQcDQgAEQyuqWctEZScrZqDjCrqlassxvJ1sDs6Gr8Mr80BLC2h/
        lLjedOYSIPWUg9/EABHQybeXpNCCjj2eL4RasEpFc6NTMFEwHQYDVR0OBBYEFISj
        Z0eu+cxXvuqTSF6EQuEltgEPMB8GA1UdIwQYMBaAFISjZ0eu+cxXvuqTSF6EQuEl
        tgEPMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhALQqCWWUVh7i
        OGR0QF0DAW3YXrPPdi8uixpo8ocL1N35AiA2lZpP7kJlVVpu5h6LW6e2MOTtdxeO
        MmrA/c9c2Sr2qw==
        -----END CERTIFICATE-----
        """;
}
