namespace Fairlead.Tests.Config;

public sealed class TlsRulesTests
{
    private static readonly TlsConfig plain = new() { Certificate = ["/etc/fairlead/cert.pem"], Key = ["/etc/fairlead/key.pem"] };

    public static TheoryData<string, TlsConfig> Wrong => new()
    {
        { "tls.certificate: tls has no certificate; write the path of one in PEM", plain with { Certificate = [] } },
        { "tls.key: tls has a certificate without its key; write key: and the path of it, which may be the same file", plain with { Key = [] } },
        { "tls.key: tls has 2 certificates and 1 key; write as many, in the same order", plain with { Certificate = ["a", "b"] } },
        { "tls.certificate[1]: certificate a is written twice; keep one", plain with { Certificate = ["a", "a"], Key = ["a", "b"] } },
        { "tls.certificate[0]: certificate is an empty path; write the path of a file in PEM", plain with { Certificate = [""] } },
        { "tls.key[0]: key is an empty path; write the path of a file in PEM", plain with { Key = [""] } },
        { "tls.key[0]: key 'a\\u0000' has a NUL character; a path has none", plain with { Key = ["a\0"] } },
        { "tls.client_ca: client_ca is an empty path; write the path of a file in PEM", plain with { ClientCa = "" } },
        { "tls.alpn[0]: alpn '' is not the name of a protocol; write one like h2 or http/1.1, of 1 to 255 characters", plain with { Alpn = [""] } },
        { "tls.alpn[0]: alpn 'h 2' is not the name of a protocol; write one like h2 or http/1.1, of 1 to 255 characters", plain with { Alpn = ["h 2"] } },
        { "tls.alpn[1]: alpn h2 is written twice; keep one", plain with { Alpn = ["h2", "h2"] } },
    };

    [Theory, MemberData(nameof(Wrong))]
    public void What_is_wrong_with_the_TLS_of_clients_is_told_with_the_remedy(string message, TlsConfig tls) => Assert.Equal([message], Lines(TlsRules.Faults(tls)));

    [Fact]
    public void What_is_right_with_the_TLS_of_clients_is_not_told()
    {
        Assert.Empty(TlsRules.Faults(plain));
        Assert.Empty(TlsRules.Faults(plain with { Certificate = ["a", "b"], Key = ["c", "c"], ClientCa = "/ca", Min = TlsVersion.Tls13, Alpn = ["h2", "http/1.1"] }));
        Assert.Equal(plain, plain with { Certificate = ["/etc/fairlead/cert.pem"] });
    }

    public static TheoryData<string, UpstreamTlsConfig, string> WrongUpstream => new()
    {
        { "to[0].tls: tls is for TCP, and the upstream is one of UDP; leave it out", new(), "10.0.0.5:53/udp" },
        { "to[0].tls.name: name is empty; write the name that the certificate is for", new() { Name = "" }, "10.0.0.5:443" },
        { "to[0].tls.name: name 'a b' has a space; a name has letters, digits, '-', '_' and dots", new() { Name = "a b" }, "10.0.0.5:443" },
        { "to[0].tls: a Unix socket has no name that a certificate could be for; write name: and the name in its certificate, or pin: and its key", new(), "unix:/run/db.sock" },
        { "to[0].tls: a Unix socket has no name that a certificate could be for; write name: and the name in its certificate, or pin: and its key", new() { Ca = "/ca", Pin = [PublicKeyPin.Of(new byte[32])] }, "unix:/run/db.sock" },
        { "to[0].tls.key: tls has a certificate without its key; write key: and the path of it, which may be the same file", new() { Certificate = "/cert" }, "10.0.0.5:443" },
        { "to[0].tls.certificate: tls has a key without its certificate; write certificate: and the path of it", new() { Key = "/key" }, "10.0.0.5:443" },
        { "to[0].tls.ca: ca is an empty path; write the path of a file in PEM", new() { Ca = "" }, "10.0.0.5:443" },
        { "to[0].tls.alpn[0]: alpn '' is not the name of a protocol; write one like h2 or http/1.1, of 1 to 255 characters", new() { Alpn = [""] }, "10.0.0.5:443" },
    };

    [Theory, MemberData(nameof(WrongUpstream))]
    public void What_is_wrong_with_the_TLS_to_an_upstream_is_told_with_the_remedy(string message, UpstreamTlsConfig tls, string address)
    {
        Assert.Equal([message], Lines(TlsRules.Faults(tls, Parse(address), "to[0].tls")));
    }

    [Theory, InlineData("10.0.0.5:443"), InlineData("db.internal:443"), InlineData("[2001:db8::5]:443"), InlineData("unix:/run/db.sock")]
    public void What_is_right_with_the_TLS_to_an_upstream_is_not_told(string address)
    {
        Assert.Empty(TlsRules.Faults(new UpstreamTlsConfig { Name = "db.internal", Ca = "/ca", Certificate = "/cert", Key = "/key", Alpn = ["h2"] }, Parse(address), "to[0].tls"));
        Assert.Empty(TlsRules.Faults(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32])] }, Parse(address), "to[0].tls"));
    }

    private static Endpoint Parse(string address)
    {
        var endpoint = ForwardConfig.Parse($"127.0.0.1:1:{address}").To[0].Address;
        return address.EndsWith("/udp", StringComparison.Ordinal) ? (PortEndpoint)endpoint with { Protocols = PortProtocols.Udp } : endpoint;
    }

    private static IEnumerable<string> Lines(IEnumerable<Fault> faults) => faults.Select(fault => $"{fault.Key}: {fault.Message}");
}
