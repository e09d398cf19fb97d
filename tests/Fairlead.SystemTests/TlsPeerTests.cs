using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>TLS with curl and openssl on the one side and nginx on the other.</summary>
public sealed class TlsPeerTests
{
    [Theory(Timeout = 120000)]
    [InlineData("native", "--tls-max", "1.2")]
    [InlineData("native", "--tlsv1.3", "")]
    [InlineData("portable", "--tlsv1.3", "")]
    public async Task Curl_verifies_the_certificate_of_the_name_and_nginx_hears_it_in_the_clear(string engine, string option, string value)
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        var bytes = RandomNumberGenerator.GetBytes(20_000_000);
        File.WriteAllBytes(Path.Combine(nginx.Root, "file"), bytes);
        using var folder = new Folder();
        var (first, second) = (await Certificates.WriteAsync(folder, "first.test"), await Certificates.WriteAsync(folder, "second.test"));
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: sites, engine: {{engine}}, listen: "127.0.0.1:0", to: "127.0.0.1:{{nginx.Port}}", tls: { certificate: [{{first}}, {{second}}], key: [{{first}}.key, {{second}}.key] } }
            """);
        var address = await fairlead.AddressAsync();
        var got = Path.Combine(folder.Path, "got");
        foreach (var (name, trusted, isMeant) in new[] { ("first.test", first, true), ("second.test", second, true), ("second.test", first, false) })
        {
            var (status, output) = await Peers.RunAsync(curl, ["-sS", "--noproxy", "*", "--fail", "-o", got, option, .. value.Length > 0 ? new[] { value } : [], "--cacert", trusted, "--resolve", $"{name}:{address.Port}:127.0.0.1", $"https://{name}:{address.Port}/file"]);
            Assert.True(isMeant ? status == 0 : status == 60, $"{status}: {output}");
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Only_who_has_a_certificate_of_the_authority_is_let_in(string engine)
    {
        var curl = Peers.Require("curl", "curl");
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        var (server, known, unknown) = (await Certificates.WriteAsync(folder, "server.test"), await Certificates.WriteAsync(folder, "known.test"), await Certificates.WriteAsync(folder, "unknown.test"));
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: site, engine: {{engine}}, listen: "127.0.0.1:0", to: "127.0.0.1:{{nginx.Port}}", tls: { certificate: {{server}}, key: {{server}}.key, client_ca: {{known}} } }
            """);
        var address = await fairlead.AddressAsync();
        string[] ask = ["-sS", "--noproxy", "*", "--cacert", server, "--resolve", $"server.test:{address.Port}:127.0.0.1", $"https://server.test:{address.Port}/who"];
        Assert.Equal((0, "127.0.0.1"), await Peers.RunAsync(curl, [.. ask, "--cert", known, "--key", $"{known}.key"]));
        Assert.NotEqual(0, (await Peers.RunAsync(curl, [.. ask, "--cert", unknown, "--key", $"{unknown}.key"])).Status);
        Assert.NotEqual(0, (await Peers.RunAsync(curl, ask)).Status);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task OpenSSL_agrees_on_a_protocol_and_sees_the_new_certificate_after_a_renewal(string engine)
    {
        var openssl = Peers.Require("openssl", "openssl");
        using var nginx = await Nginx.WhoAmIAsync();
        using var folder = new Folder();
        var path = await Certificates.WriteAsync(folder, "server.test");
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: site, engine: {{engine}}, listen: "127.0.0.1:0", to: "127.0.0.1:{{nginx.Port}}", tls: { certificate: {{path}}, key: {{path}}.key, alpn: [http/1.1] } }
            """);
        string[] connect = ["s_client", "-connect", $"{await fairlead.AddressAsync()}", "-servername", "server.test", "-CAfile", path, "-verify_return_error", "-alpn", "h2,http/1.1"];
        var (status, output) = await Peers.RunAsync(openssl, connect);
        Assert.True(status == 0, output);
        Assert.Contains("ALPN protocol: http/1.1", output, StringComparison.Ordinal);

        // The old one is not trusted any more once the new one is served.
        await Certificates.WriteAsync(folder, "server.test");
        for (var attempt = 0; (status = (await Peers.RunAsync(openssl, connect)).Status) != 0; attempt++)
            Assert.True(attempt < 400, "The new certificate is never served.");
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task An_nginx_behind_it_is_verified_and_one_that_cannot_be_is_not_spoken_to(string engine)
    {
        var curl = Peers.Require("curl", "curl");
        var port = FreePorts.One();
        using var nginx = await Nginx.StartAsync(port, $$"""
            server { listen 127.0.0.1:{{port}} ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate @ROOT@/server.test.pem; ssl_certificate_key @ROOT@/server.test.pem; return 200 "$ssl_server_name $ssl_protocol"; }
            """, fill: folder => Certificates.WriteAsync(folder, "server.test"));
        using var folder = new Folder();
        await Certificates.WriteAsync(folder, "other.test");
        var authority = $"{nginx.Root}/server.test.pem";
        await using var fairlead = await Running.RunAsync(folder, $$"""
            forwards:
              - { name: good, engine: {{engine}}, listen: "127.0.0.1:0", to: { address: "127.0.0.1:{{port}}", tls: { name: server.test, ca: {{authority}} } } }
              - { name: name, engine: {{engine}}, listen: "127.0.0.1:0", to: { address: "127.0.0.1:{{port}}", tls: { name: other.test, ca: {{authority}} } } }
              - { name: authority, engine: {{engine}}, listen: "127.0.0.1:0", to: { address: "127.0.0.1:{{port}}", tls: { name: server.test, ca: {{folder.Path}}/other.test.pem } } }
              - { name: system, engine: {{engine}}, listen: "127.0.0.1:0", to: { address: "127.0.0.1:{{port}}", tls: { name: server.test } } }
            """);
        Assert.Equal((0, "server.test TLSv1.3"), await Peers.RunAsync(curl, "-sS", "--noproxy", "*", $"http://{await fairlead.AddressAsync("good")}/"));
        foreach (var bad in new[] { "name", "authority", "system" })
        {
            var (status, _) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", $"http://{await fairlead.AddressAsync(bad)}/");
            Assert.NotEqual(0, status);
            Assert.Contains("certificate", (await fairlead.SessionAsync($"\"forward\":\"{bad}\"")).GetProperty("detail").GetString(), StringComparison.Ordinal);
        }
    }
}
