using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class TlsServerTests : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(20);

    private readonly Authority authority = new();
    private readonly List<string> warnings = [];

    public void Dispose() => authority.Dispose();

    [Theory(Timeout = 30000)]
    [InlineData("one.example", "one")]
    [InlineData("two.example", "two")]
    [InlineData("www.two.example", "wild")]
    [InlineData("a.b.two.example", "one")] // a wildcard is one label (RFC 9525)
    [InlineData("exact.two.example", "exact")] // the name itself goes before a wildcard
    [InlineData("both.example", "one")] // the first of two
    [InlineData("unknown.example", "one")]
    [InlineData(null, "one")]
    public async Task The_certificate_is_chosen_by_the_name_that_the_client_asks_for(string? name, string expected)
    {
        var pairs = new[]
        {
            authority.Issue("one", ["one.example", "both.example"]), authority.Issue("two", ["two.example", "both.example"]),
            authority.Issue("wild", ["*.two.example"]), authority.Issue("exact", ["Exact.Two.example"]),
        };
        using var server = Server(new TlsConfig { Certificate = [.. pairs.Select(pair => pair.Certificate)], Key = [.. pairs.Select(pair => pair.Key)] });
        using var client = Pinned(pairs.Select(pair => pair.Certificate), name);
        var (connected, accepted) = await ConnectAsync(client, server, name);
        Assert.Equal($"CN={expected}", connected.PeerName);
        await Traffic.SayAsync(connected, accepted, "hello");
        Assert.Null(accepted.PeerName);
        Close(connected, accepted);
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Certificates_between_its_own_and_the_authority_are_sent(bool rsa)
    {
        var (certificate, key) = authority.Issue("leaf", ["localhost"], viaIntermediate: true, rsa: rsa);
        using var server = Server(certificate, key);
        using var client = Client("localhost");
        var (connected, accepted) = await ConnectAsync(client, server);
        Close(connected, accepted);
    }

    [Theory(Timeout = 30000)]
    [InlineData("h2,http/1.1", "http/1.1,h2", "h2")]
    [InlineData("http/1.1", "h2,http/1.1", "http/1.1")]
    [InlineData("", "h2", null)]
    [InlineData("h2", "", null)]
    public async Task Both_ends_agree_on_the_servers_best_protocol(string served, string offered, string? agreed)
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(new TlsConfig { Certificate = [certificate], Key = [key], Alpn = Words(served) });
        using var client = new TlsClient(new UpstreamTlsConfig { Ca = authority.RootFile, Alpn = Words(offered) }, "localhost", TimeProvider.System, Assert.Fail);
        var (connected, accepted) = await ConnectAsync(client, server);
        Assert.Equal((agreed, agreed), (connected.Protocol, accepted.Protocol));
        Close(connected, accepted);
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_knows_none_of_its_protocols_is_turned_away()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(new TlsConfig { Certificate = [certificate], Key = [key], Alpn = ["h2"] });
        using var client = new TlsClient(new UpstreamTlsConfig { Ca = authority.RootFile, Alpn = ["imap"] }, "localhost", TimeProvider.System, Assert.Fail);
        var (connected, accepted) = await TryAsync(client, server);
        Assert.Contains("no application protocol", connected.Detail, StringComparison.Ordinal);
        Assert.NotNull(accepted.Detail);
    }

    [Theory(Timeout = 30000), InlineData(TlsVersion.Tls12, true), InlineData(TlsVersion.Tls13, false)]
    public async Task An_older_version_than_the_oldest_allowed_is_refused(TlsVersion min, bool isServed)
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(new TlsConfig { Certificate = [certificate], Key = [key], Min = min });
        using var client = new TlsClient(new UpstreamTlsConfig { Ca = authority.RootFile }, "localhost", TimeProvider.System, Assert.Fail) { Versions = SslProtocols.Tls12 };
        var (connected, accepted) = await TryAsync(client, server);
        Assert.Equal(isServed, accepted.Connection is not null);
        Assert.Equal(isServed, connected.Connection is not null);
        connected.Connection?.Dispose();
        accepted.Connection?.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_of_the_authority_is_let_in_and_known_by_name()
    {
        var own = authority.Issue("alice", [], forClients: true, viaIntermediate: true);
        using var server = Mutual();
        using var client = Client("localhost", own);
        var (connected, accepted) = await ConnectAsync(client, server);
        Assert.Equal("CN=alice", accepted.PeerName);
        await Traffic.SayAsync(connected, accepted, "hello");
        Close(connected, accepted);
    }

    [Theory(Timeout = 30000)]
    [InlineData("none", "there is none")]
    [InlineData("stranger", "its authority 'CN=Somebody Else' is not known")]
    [InlineData("itself", "it is signed by itself")]
    [InlineData("server", "it was not made for this use (extended key usage)")]
    [InlineData("expired", "it has expired on 2001-09-09")]
    public async Task Another_client_is_not_let_in(string which, string reason)
    {
        using var other = new Authority("Somebody Else");
        (string, string)? own = which switch
        {
            "stranger" => other.Issue("mallory", [], forClients: true),
            "itself" => authority.Issue("mallory", [], forClients: true, selfSigned: true),
            "server" => authority.Issue("mallory", ["mallory.example"]),
            "expired" => authority.Issue("mallory", [], forClients: true, until: DateTimeOffset.FromUnixTimeSeconds(1_000_000_000)),
            _ => null,
        };
        using var server = Mutual();
        using var client = Client("localhost", own);
        var (connected, accepted) = await TryAsync(client, server);
        Assert.Null(accepted.Connection);
        Assert.Equal($"the client's certificate is not trusted: {reason}", accepted.Detail);
        // In TLS 1.3 a client is done before its certificate is looked at, and hears of it when it reads.
        if (connected.Connection is { } early)
        {
            Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(early)).Error);
            early.Dispose();
        }
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_does_not_speak_TLS_fails_with_the_reason_and_gets_an_answer()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(certificate, key);
        var (near, far) = MemoryConnection.CreatePair();
        await near.WriteAsync("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"u8.ToArray());
        var result = await server.AcceptAsync(far, null, TimeProvider.System, limit);
        Assert.Null(result.Connection);
        Assert.StartsWith("the TLS handshake failed: ", result.Detail, StringComparison.Ordinal);
        Assert.False(result.HasTimedOut);
        far.Dispose();
        near.Dispose();
    }

    [Theory(Timeout = 30000), InlineData(false, "the peer ended the connection during the TLS handshake"), InlineData(true, "the TLS handshake was cut short: ")]
    public async Task A_client_that_goes_away_during_the_handshake_fails_with_the_reason(bool aborts, string reason)
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(certificate, key);
        var (near, far) = MemoryConnection.CreatePair();
        await near.WriteAsync(new byte[] { 22, 3, 1, 2 });
        var accepting = server.AcceptAsync(far, null, TimeProvider.System, limit);
        if (aborts)
            near.Abort();
        else
            near.Dispose();
        Assert.StartsWith(reason, (await accepting).Detail, StringComparison.Ordinal);
        far.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_that_is_too_slow_is_aborted_when_its_time_is_over()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(certificate, key);
        var time = new ManualTime();
        var (near, far) = MemoryConnection.CreatePair();
        var accepting = server.AcceptAsync(far, null, time, TimeSpan.FromSeconds(10)).AsTask();
        await near.WriteAsync(new byte[] { 22, 3, 1, 2 });
        time.Advance(TimeSpan.FromMilliseconds(9999));
        Assert.False(accepting.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(new TlsResult(null, "the TLS handshake took longer than 10s", HasTimedOut: true), await accepting);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(near)).Error);
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task After_a_handshake_no_timer_stays_behind()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        using var server = Server(certificate, key);
        using var client = Client("localhost");
        var time = new ManualTime();
        var (near, far) = MemoryConnection.CreatePair();
        var accepting = server.AcceptAsync(far, null, time, limit);
        var connected = (await client.ConnectAsync(near, "", time, limit)).Connection!;
        var accepted = (await accepting).Connection!;
        Assert.Equal(0, time.ArmedTimers);
        time.Advance(limit);
        await Traffic.SayAsync(connected, accepted, "hello");
        Close(connected, accepted);
    }

    [Theory(Timeout = 30000), InlineData(1), InlineData(7), InlineData(100)]
    public async Task A_hello_in_any_fragmentation_is_peeked_at_and_then_answered(int fragment)
    {
        var pairs = new[] { authority.Issue("one", ["one.example"]), authority.Issue("two", ["two.example"]) };
        using var server = Server(new TlsConfig { Certificate = [.. pairs.Select(pair => pair.Certificate)], Key = [.. pairs.Select(pair => pair.Key)] });
        using var client = Client("two.example");
        var (near, middle) = MemoryConnection.CreatePair();
        var (cut, far) = MemoryConnection.CreatePair();
        var passing = PassAsync(middle, cut, fragment);
        var connecting = client.ConnectAsync(near, "", TimeProvider.System, limit);
        var hello = await TestTls.PeekAsync(far);
        Assert.Equal(new ClientHello(ClientHelloState.Name, Name: "two.example"), hello);
        var accepted = (await server.AcceptAsync(far, hello.Name, TimeProvider.System, limit)).Connection!;
        var connected = (await connecting).Connection!;
        await Traffic.SayAsync(connected, accepted, "hello");
        Close(connected, accepted);
        await passing;
    }

    [Theory(Timeout = 30000), InlineData(""), InlineData("SSH-2.0-x\r\n"), InlineData("\u0016\u0003\u0001")]
    public async Task What_was_peeked_at_is_still_there(string said)
    {
        var (near, far) = MemoryConnection.CreatePair();
        await Traffic.SendAsync(near, Encoding.Latin1.GetBytes(said));
        var hello = await TestTls.PeekAsync(far);
        Assert.Equal(said.StartsWith('S') ? ClientHelloState.NotTls : ClientHelloState.NeedMore, hello.State);
        await Traffic.ExpectToEndAsync(far, Encoding.Latin1.GetBytes(said));
    }

    [Fact(Timeout = 30000)]
    public async Task What_is_no_hello_is_known_by_its_first_byte_and_a_silent_client_is_waited_for()
    {
        var (near, far) = MemoryConnection.CreatePair();
        var peeking = TestTls.PeekAsync(far).AsTask();
        await Traffic.UntilStillAsync(() => peeking.IsCompleted ? 1 : 0);
        Assert.False(peeking.IsCompleted);
        await near.WriteAsync("G"u8.ToArray());
        Assert.Equal(ClientHelloState.NotTls, (await peeking).State);

        (near, far) = MemoryConnection.CreatePair();
        peeking = TestTls.PeekAsync(far).AsTask();
        near.Abort();
        await Assert.ThrowsAsync<ConnectionException>(() => peeking);
    }

    [Fact(Timeout = 30000)]
    public async Task Files_that_change_are_read_anew_and_live_connections_go_on()
    {
        var time = new ManualTime();
        var (certificate, key) = authority.Issue("server", ["old.example"]);
        using var server = new TlsServer(new TlsConfig { Certificate = [certificate], Key = [key] }, time, warnings.Add);
        using var client = Client("old.example");
        var (oldNear, oldFar) = await ConnectAsync(client, server);

        authority.Issue("server", ["new.example"]);
        time.Advance(WatchedFiles<string>.Interval);
        Assert.Equal("old.example", await NameAsync(server));
        time.Advance(WatchedFiles<string>.Interval);
        Assert.Equal("new.example", await NameAsync(server));
        await Traffic.SayAsync(oldNear, oldFar, "hello");
        await Traffic.SayAsync(oldFar, oldNear, "hello");
        Assert.Empty(warnings);
        Close(oldNear, oldFar);
        server.Dispose();
        Assert.Equal(0, time.ArmedTimers);
    }

    [Fact(Timeout = 30000)]
    public async Task Files_that_are_broken_by_a_change_are_told_once_and_the_old_ones_kept()
    {
        var time = new ManualTime();
        var (certificate, key) = authority.Issue("server", ["old.example"]);
        using var server = new TlsServer(new TlsConfig { Certificate = [certificate], Key = [key] }, time, warnings.Add);
        authority.Write("server.pem", "-----BEGIN CERTIFICATE-----\nQUFB\n-----END CERTIFICATE-----\n");
        for (var i = 0; i < 5; i++)
            time.Advance(WatchedFiles<string>.Interval);
        Assert.StartsWith($"{certificate} has a broken certificate", Assert.Single(warnings), StringComparison.Ordinal);
        Assert.EndsWith("; what was read before is kept", warnings[0], StringComparison.Ordinal);
        Assert.Equal("old.example", await NameAsync(server));

        // A new certificate whose key is still the old one, as between two renames.
        var kept = File.ReadAllText(key);
        authority.Issue("server", ["new.example"]);
        var newKey = File.ReadAllText(key);
        authority.Write("server.key", kept);
        time.Advance(2 * WatchedFiles<string>.Interval);
        Assert.Equal(2, warnings.Count);
        Assert.StartsWith($"{key} is not the key of {certificate}", warnings[1], StringComparison.Ordinal);
        Assert.Equal("old.example", await NameAsync(server));

        authority.Write("server.key", newKey);
        time.Advance(2 * WatchedFiles<string>.Interval);
        Assert.Equal("new.example", await NameAsync(server));
        File.Delete(key);
        time.Advance(2 * WatchedFiles<string>.Interval);
        Assert.Equal($"{key} cannot be read: it does not exist; what was read before is kept", warnings[2]);
        Assert.Equal("new.example", await NameAsync(server));
    }

    [Fact(Timeout = 30000)]
    public async Task A_link_that_is_led_elsewhere_is_a_change()
    {
        var time = new ManualTime();
        var (old, fresh) = (authority.Issue("old", ["old.example"]), authority.Issue("new", ["new.example"]));
        var (certificate, key) = (authority.PathOf("live.pem"), authority.PathOf("live.key"));
        File.CreateSymbolicLink(certificate, old.Certificate);
        File.CreateSymbolicLink(key, old.Key);
        using var server = new TlsServer(new TlsConfig { Certificate = [certificate], Key = [key] }, time, warnings.Add);
        File.Delete(certificate);
        File.Delete(key);
        File.CreateSymbolicLink(certificate, fresh.Certificate);
        File.CreateSymbolicLink(key, fresh.Key);
        time.Advance(2 * WatchedFiles<string>.Interval);
        Assert.Equal("new.example", await NameAsync(server));
        Assert.Empty(warnings);
    }

    [Fact]
    public void A_certificate_that_has_expired_is_served_and_told()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"], until: DateTimeOffset.FromUnixTimeSeconds(1_000_000_000));
        using var server = Server(certificate, key);
        Assert.Equal($"certificate {certificate} has expired on 2001-09-09; renew it", Assert.Single(warnings));
    }

    // Which of two names the server has a certificate for.
    private async Task<string?> NameAsync(TlsServer server)
    {
        foreach (var name in new[] { "old.example", "new.example" })
        {
            using var client = Client(name);
            var (connected, accepted) = await TryAsync(client, server);
            connected.Connection?.Dispose();
            accepted.Connection?.Dispose();
            if (connected.Connection is not null)
                return name;
        }
        return null;
    }

    private TlsServer Server(string certificate, string key) => Server(new TlsConfig { Certificate = [certificate], Key = [key] });

    private TlsServer Server(TlsConfig config) => new(config, TimeProvider.System, warnings.Add);

    private TlsServer Mutual()
    {
        var (certificate, key) = authority.Issue("server", ["localhost"]);
        return Server(new TlsConfig { Certificate = [certificate], Key = [key], ClientCa = authority.RootFile });
    }

    private TlsClient Client(string name, (string Certificate, string Key)? own = null)
    {
        return new TlsClient(new UpstreamTlsConfig { Ca = authority.RootFile, Certificate = own?.Certificate, Key = own?.Key }, name, TimeProvider.System, warnings.Add);
    }

    /// <summary>A client that asks for a name, or none, and takes whichever of these certificates it gets.</summary>
    private static TlsClient Pinned(IEnumerable<string> certificates, string? name)
    {
        var pins = certificates.Where(File.Exists).Select(file =>
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
            return PeerCheck.PinOf(certificate);
        });
        return new TlsClient(new UpstreamTlsConfig { Pin = [.. pins] }, name, TimeProvider.System, Assert.Fail);
    }

    private static async Task<(TlsConnection Client, TlsConnection Server)> ConnectAsync(TlsClient client, TlsServer server, string? name = null)
    {
        var (near, far) = MemoryConnection.CreatePair();
        return await TlsPair.SecureAsync(client, near, server, far, name);
    }

    private static async Task<(TlsResult Client, TlsResult Server)> TryAsync(TlsClient client, TlsServer server)
    {
        var (near, far) = MemoryConnection.CreatePair();
        return await TlsPair.TryAsync(client, near, server, far);
    }

    private static void Close(params Connection[] connections)
    {
        foreach (var connection in connections)
            connection.Dispose();
    }

    // Passes everything, and cuts the first record, a hello, into records of so many bytes.
    private static async Task PassAsync(Connection client, Connection server, int fragment)
    {
        var back = CopyAsync(server, client);
        var record = new byte[5];
        await ReadAsync(client, record);
        var message = new byte[(record[3] << 8) | record[4]];
        await ReadAsync(client, message);
        foreach (var part in message.Chunk(fragment))
        {
            foreach (var single in (byte[])[22, 3, 1, (byte)(part.Length >> 8), (byte)part.Length, .. part])
                await server.WriteAsync(new[] { single });
        }
        await Task.WhenAll(CopyAsync(client, server), back);
    }

    private static async Task ReadAsync(Connection from, byte[] bytes)
    {
        for (var read = 0; read < bytes.Length;)
            read += await from.ReadAsync(bytes.AsMemory(read));
    }

    private static async Task CopyAsync(Connection from, Connection to)
    {
        var buffer = new byte[4096];
        try
        {
            while (await from.ReadAsync(buffer) is var count and > 0)
                await to.WriteAsync(buffer.AsMemory(0, count));
            await to.CompleteWritesAsync();
        }
        catch (ConnectionException)
        {
            // The other end has been closed: enough was passed.
        }
    }

    private static ValueList<string> Words(string list) => [.. list.Split(',', StringSplitOptions.RemoveEmptyEntries)];
}
