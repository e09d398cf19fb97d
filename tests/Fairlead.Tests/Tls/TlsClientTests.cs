using System.Net;
using System.Security.Cryptography.X509Certificates;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class TlsClientTests : IDisposable
{
    private static readonly IPEndPoint target = new(IPAddress.Parse("192.0.2.1"), 443);
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(20);

    private readonly Authority authority = new();

    public void Dispose() => authority.Dispose();

    [Theory(Timeout = 30000)]
    [InlineData("db.internal", null, "db.internal")]
    [InlineData("DB.internal.", null, "db.internal")]
    [InlineData("10.0.0.5", "db.internal", "db.internal")]
    [InlineData("a.db.internal", null, "*.db.internal")]
    [InlineData("10.0.0.5", null, "10.0.0.5")]
    [InlineData("2001:db8::5", null, "2001:db8::5")]
    [InlineData("db.internal", "10.0.0.5", "10.0.0.5")]
    [InlineData(null, "db.internal", "db.internal")]
    public async Task An_upstream_with_a_certificate_of_the_authority_for_its_name_is_believed(string? host, string? name, string certified)
    {
        var (dial, accepted) = await DialAsync(new UpstreamTlsConfig { Ca = authority.RootFile, Name = name }, host, authority.Issue("server", [certified]));
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        var connection = Assert.IsType<TlsConnection>(dial.Connection);
        Assert.Equal("CN=server", connection.PeerName);
        await Traffic.SayAsync(connection, accepted.Connection!, "hello");
        connection.Dispose();
        accepted.Connection!.Dispose();
    }

    [Theory(Timeout = 30000)]
    [InlineData("db.internal", "other.internal,*.other.internal", "it is for other.internal, *.other.internal, and not for db.internal")]
    [InlineData("a.b.internal", "*.internal", "it is for *.internal, and not for a.b.internal")]
    [InlineData("10.0.0.5", "10.0.0.6,db.internal", "it is for db.internal, 10.0.0.6, and not for 10.0.0.5")]
    [InlineData("2001:db8::5", "2001:db8::6", "it is for 2001:db8::6, and not for 2001:db8::5")]
    [InlineData("db.internal", "", "it is for no name at all, and not for db.internal")]
    public async Task A_certificate_for_another_name_is_not_believed(string host, string certified, string reason)
    {
        var names = certified.Split(',', StringSplitOptions.RemoveEmptyEntries);
        await AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, host, authority.Issue("server", names), reason);
    }

    [Fact(Timeout = 30000)]
    public Task Without_a_file_only_the_systems_authorities_count()
    {
        return AssertFailsAsync(new UpstreamTlsConfig(), "db.internal", authority.Issue("server", ["db.internal"]), "its authority 'CN=Fairlead Test Root' is not known");
    }

    [Fact(Timeout = 30000)]
    public async Task Another_authority_is_not_believed()
    {
        using var other = new Authority("Somebody Else");
        await AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", other.Issue("server", ["db.internal"]), "its authority 'CN=Somebody Else' is not known");
    }

    [Fact(Timeout = 30000)]
    public Task A_certificate_that_is_signed_by_itself_is_not_believed()
    {
        return AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", authority.Issue("server", ["db.internal"], selfSigned: true), "it is signed by itself");
    }

    [Fact(Timeout = 30000)]
    public Task An_expired_certificate_is_not_believed()
    {
        var expired = authority.Issue("server", ["db.internal"], until: DateTimeOffset.FromUnixTimeSeconds(1_000_000_000));
        return AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", expired, "it has expired on 2001-09-09");
    }

    [Fact(Timeout = 30000)]
    public Task A_certificate_of_the_future_is_not_believed()
    {
        var future = authority.Issue("server", ["db.internal"], from: new DateTimeOffset(2099, 1, 1, 0, 0, 0, TimeSpan.Zero), until: new DateTimeOffset(2099, 12, 31, 0, 0, 0, TimeSpan.Zero));
        return AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", future, "it is valid only from 2099-01-01 on");
    }

    [Fact(Timeout = 30000)]
    public Task A_certificate_for_clients_is_not_believed()
    {
        return AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", authority.Issue("server", ["db.internal"], forClients: true), "it was not made for this use (extended key usage)");
    }

    [Fact(Timeout = 30000)]
    public async Task With_a_pin_the_key_counts_and_nothing_else()
    {
        var pair = authority.Issue("server", ["other.example"], selfSigned: true, until: DateTimeOffset.FromUnixTimeSeconds(1_000_000_000));
        var (dial, accepted) = await DialAsync(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32]), PinOf(pair.Certificate)] }, "db.internal", pair);
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        dial.Connection!.Dispose();
        accepted.Connection!.Dispose();
    }

    [Fact(Timeout = 30000)]
    public async Task Another_key_than_the_pinned_one_is_not_believed_and_told()
    {
        var pair = authority.Issue("server", ["db.internal"]);
        await AssertFailsAsync(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32])] }, "db.internal", pair, $"its key is {PinOf(pair.Certificate)}, which is not the one that is pinned");
        await AssertFailsAsync(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32])], Ca = authority.RootFile }, "db.internal", pair, $"its key is {PinOf(pair.Certificate)}, which is not the one that is pinned");
    }

    [Fact(Timeout = 30000)]
    public async Task With_a_pin_and_an_authority_both_count()
    {
        var pair = authority.Issue("server", ["db.internal"]);
        var both = new UpstreamTlsConfig { Pin = [PinOf(pair.Certificate)], Ca = authority.RootFile };
        var (dial, accepted) = await DialAsync(both, "db.internal", pair);
        dial.Connection!.Dispose();
        accepted.Connection!.Dispose();
        await AssertFailsAsync(both, "other.internal", pair, "it is for db.internal, and not for other.internal");
    }

    [Fact(Timeout = 30000)]
    public async Task A_strangers_text_is_escaped()
    {
        using var evil = new Authority("Evil \u001b[2J\u202e");
        await AssertFailsAsync(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal", evil.Issue("server", ["db.internal"]), @"its authority 'CN=Evil \u001b[2J\u202e' is not known");
    }

    [Theory(Timeout = 30000), InlineData("db.internal", "db.internal"), InlineData("10.0.0.5", null), InlineData("2001:db8::5", null), InlineData("fe80::1%eth0", null), InlineData(null, null)]
    public async Task A_name_is_sent_and_an_address_is_not(string? host, string? sent)
    {
        using var client = Client(new UpstreamTlsConfig { Pin = [PublicKeyPin.Of(new byte[32])] }, host);
        var network = new Pairs();
        var dialling = new TestTls.Dialer(network, client, TimeProvider.System).DialAsync(target, limit, TestContext.Current.CancellationToken);
        var far = await network.Far;
        Assert.Equal(sent, (await TestTls.PeekAsync(far)).Name);
        far.Dispose();
        Assert.Equal((DialOutcome.Failed, "the peer ended the connection during the TLS handshake"), (await dialling is var dial ? dial.Outcome : default, dial.Detail));
    }

    [Fact(Timeout = 30000)]
    public async Task An_upstream_that_does_not_speak_TLS_fails_with_the_reason()
    {
        using var client = Client(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal");
        var network = new Pairs();
        var dialling = new TestTls.Dialer(network, client, TimeProvider.System).DialAsync(target, limit, TestContext.Current.CancellationToken);
        var far = await network.Far;
        await far.WriteAsync("220 mail.example ESMTP\r\n"u8.ToArray());
        var dial = await dialling;
        Assert.Equal(DialOutcome.Failed, dial.Outcome);
        Assert.StartsWith("the TLS handshake failed: ", dial.Detail, StringComparison.Ordinal);
        await Traffic.DrainAsync(far);
    }

    [Fact(Timeout = 30000)]
    public async Task Both_the_dial_and_the_handshake_have_one_timeout()
    {
        using var client = Client(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal");
        var time = new ManualTime();
        var network = new Pairs { OnDial = () => time.Advance(TimeSpan.FromSeconds(3)) };
        var dialling = new TestTls.Dialer(network, client, time).DialAsync(target, TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken).AsTask();
        var far = await network.Far;
        time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.False(dialling.IsCompleted);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(new DialResult(DialOutcome.TimedOut, null, "the TLS handshake took longer than 2s"), await dialling);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(far)).Error);
    }

    [Fact(Timeout = 30000)]
    public async Task A_dial_that_is_given_up_during_the_handshake_leaves_nothing()
    {
        using var client = Client(new UpstreamTlsConfig { Ca = authority.RootFile }, "db.internal");
        using var cancel = new CancellationTokenSource();
        var network = new Pairs();
        var dialling = new TestTls.Dialer(network, client, TimeProvider.System).DialAsync(target, limit, cancel.Token);
        var far = await network.Far;
        await cancel.CancelAsync();
        Assert.Equal(new DialResult(DialOutcome.Cancelled), await dialling);
        Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(far)).Error);
    }

    [Fact(Timeout = 30000)]
    public async Task An_authority_that_is_replaced_counts_from_then_on()
    {
        var time = new ManualTime();
        using var other = new Authority("Somebody Else");
        var pair = other.Issue("server", ["db.internal"]);
        var ca = authority.Write("ca.pem", authority.Root.ExportCertificatePem());
        using var client = new TlsClient(new UpstreamTlsConfig { Ca = ca }, "db.internal", time, Assert.Fail);
        Assert.Equal(DialOutcome.Failed, (await DialAsync(client, pair)).Dial.Outcome);
        authority.Write("ca.pem", authority.Root.ExportCertificatePem() + "\n" + other.Root.ExportCertificatePem());
        time.Advance(2 * WatchedFiles<string>.Interval);
        var (dial, accepted) = await DialAsync(client, pair);
        Assert.Equal(DialOutcome.Connected, dial.Outcome);
        dial.Connection!.Dispose();
        accepted.Connection!.Dispose();
    }

    private async Task AssertFailsAsync(UpstreamTlsConfig config, string? host, (string, string) pair, string reason)
    {
        var (dial, accepted) = await DialAsync(config, host, pair);
        Assert.Equal((DialOutcome.Failed, $"certificate of 192.0.2.1:443 is not trusted: {reason}"), (dial.Outcome, dial.Detail));
        Assert.Null(dial.Connection);
        accepted.Connection?.Dispose();
    }

    private async Task<(DialResult Dial, TlsResult Accepted)> DialAsync(UpstreamTlsConfig config, string? host, (string Certificate, string Key) pair)
    {
        using var client = Client(config, host);
        return await DialAsync(client, pair);
    }

    private static async Task<(DialResult Dial, TlsResult Accepted)> DialAsync(TlsClient client, (string Certificate, string Key) pair)
    {
        using var server = new TlsServer(new TlsConfig { Certificate = [pair.Certificate], Key = [pair.Key] }, TimeProvider.System, _ => { });
        var network = new Pairs();
        var dialling = new TestTls.Dialer(network, client, TimeProvider.System).DialAsync(target, limit, TestContext.Current.CancellationToken);
        var far = await network.Far;
        var accepted = await server.AcceptAsync(far, null, TimeProvider.System, limit);
        if (accepted.Connection is null)
            far.Dispose();
        return (await dialling, accepted);
    }

    private static TlsClient Client(UpstreamTlsConfig config, string? host) => new(config, host, TimeProvider.System, Assert.Fail);

    private static PublicKeyPin PinOf(string file)
    {
        using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(file));
        return PeerCheck.PinOf(certificate);
    }

    /// <summary>Dials pairs in memory.</summary>
    private sealed class Pairs : IDialer
    {
        private readonly TaskCompletionSource<Connection> far = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public DialResult? Failure { get; init; }

        public Action? OnDial { get; init; }

        public Task<Connection> Far => far.Task;

        public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
        {
            OnDial?.Invoke();
            if (Failure is { } failure)
                return new ValueTask<DialResult>(failure);
            var (near, other) = MemoryConnection.CreatePair();
            far.SetResult(other);
            return new ValueTask<DialResult>(DialResult.To(near));
        }
    }
}
