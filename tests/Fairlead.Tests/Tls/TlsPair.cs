using System.Security.Authentication;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A server and a client that believe each other, and connections between them.</summary>
internal sealed class TlsPair : IDisposable
{
    private static readonly TimeSpan limit = TimeSpan.FromSeconds(20);

    private readonly TlsServer server;
    private readonly TlsClient client;

    public TlsPair(SslProtocols versions = SslProtocols.Tls13, string name = "localhost")
    {
        var (certificate, key) = Authority.Issue("server", [name]);
        server = new TlsServer(new TlsConfig { Certificate = [certificate], Key = [key] }, TimeProvider.System, Assert.Fail);
        client = new TlsClient(new UpstreamTlsConfig { Ca = Authority.RootFile }, name, TimeProvider.System, Assert.Fail) { Versions = versions };
    }

    public Authority Authority { get; } = new();

    /// <summary>Makes a connection inside TLS of one that is not.</summary>
    public Task<(TlsConnection Client, TlsConnection Server)> SecureAsync(Connection near, Connection far) => SecureAsync(client, near, server, far);

    /// <summary>The same between others.</summary>
    public static async Task<(TlsConnection Client, TlsConnection Server)> SecureAsync(TlsClient client, Connection near, TlsServer server, Connection far, string? name = null)
    {
        var (connected, accepted) = await TryAsync(client, near, server, far, name);
        Assert.Null(connected.Detail);
        Assert.Null(accepted.Detail);
        return (connected.Connection!, accepted.Connection!);
    }

    /// <summary>What becomes of both ends; what is beneath is closed where there is no TLS.</summary>
    public static async Task<(TlsResult Client, TlsResult Server)> TryAsync(TlsClient client, Connection near, TlsServer server, Connection far, string? name = null)
    {
        var connecting = ConnectAsync();
        var accepting = AcceptAsync();
        return (await connecting, await accepting);

        async Task<TlsResult> ConnectAsync()
        {
            var result = await client.ConnectAsync(near, "192.0.2.1:443", TimeProvider.System, limit);
            if (result.Connection is null)
                near.Dispose();
            return result;
        }

        async Task<TlsResult> AcceptAsync()
        {
            var result = await server.AcceptAsync(far, name, TimeProvider.System, limit);
            if (result.Connection is null)
                far.Dispose();
            return result;
        }
    }

    public void Dispose()
    {
        server.Dispose();
        client.Dispose();
        Authority.Dispose();
    }
}
