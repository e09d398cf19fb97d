using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Fairlead.Cli;

/// <summary>A page on a free port of the loopback that tells its reader which way the bytes came.</summary>
internal sealed class DemoPage : IHttpApplication<IFeatureCollection>, IAsyncDisposable
{
    private static readonly string template = ReadTemplate();

    private readonly KestrelServer server;

    private DemoPage()
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MaxConcurrentConnections = 64;
        options.Limits.MaxRequestBodySize = 0;
        options.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http1);
        // The bare server: no container, no configuration, and no second owner of the signals.
        server = new KestrelServer(
            Options.Create(options),
            new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance),
            NullLoggerFactory.Instance);
    }

    /// <summary>Where the page is served.</summary>
    public IPEndPoint EndPoint { get; private set; } = new(IPAddress.Loopback, 0);

    /// <summary>Where the forward to the page listens, once that is known.</summary>
    public EndPoint? Forward { get; set; }

    public static async Task<DemoPage> StartAsync()
    {
        var page = new DemoPage();
        await page.server.StartAsync(page, CancellationToken.None).ConfigureAwait(false);
        var address = page.server.Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.Single();
        page.EndPoint = new IPEndPoint(IPAddress.Loopback, new Uri(address).Port);
        return page;
    }

    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public async Task ProcessRequestAsync(IFeatureCollection context)
    {
        var request = context.GetRequiredFeature<IHttpRequestFeature>();
        var response = context.GetRequiredFeature<IHttpResponseFeature>();
        var isPage = request.Path == "/";
        var body = Encoding.UTF8.GetBytes(isPage ? Render(context.GetRequiredFeature<IHttpConnectionFeature>(), request) : "Nothing is here but the page at /\n");
        response.StatusCode = isPage ? 200 : 404;
        response.Headers.ContentType = isPage ? "text/html; charset=utf-8" : "text/plain; charset=utf-8";
        response.Headers.ContentLength = body.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'";
        // One connection a visit, so that each is a session in the log, and none holds up the end of the demo.
        response.Headers.Connection = "close";
        if (request.Method != "HEAD")
            await context.GetRequiredFeature<IHttpResponseBodyFeature>().Stream.WriteAsync(body).ConfigureAwait(false);
    }

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
        // The features are the server's.
    }

    public async ValueTask DisposeAsync()
    {
        // Nobody is waited for: the forward in front of the page has drained by now.
        await server.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        server.Dispose();
    }

    /// <summary>Everything that is filled in is the program's own: nothing that a visitor sent comes back.</summary>
    private string Render(IHttpConnectionFeature connection, IHttpRequestFeature request)
    {
        var seen = $"{connection.RemoteIpAddress}:{connection.RemotePort.ToString(CultureInfo.InvariantCulture)}";
        var isDirect = request.Headers.Host.ToString().EndsWith($":{EndPoint.Port.ToString(CultureInfo.InvariantCulture)}", StringComparison.Ordinal);
        return template
            .Replace("{seen}", seen, StringComparison.Ordinal)
            .Replace("{page}", EndPoint.ToString(), StringComparison.Ordinal)
            .Replace("{listen}", Forward?.ToString() ?? "", StringComparison.Ordinal)
            .Replace("{way}", isDirect ? "direct" : "forwarded", StringComparison.Ordinal)
            .Replace("{time}", DateTime.Now.ToString("HH:mm:ss", CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    private static string ReadTemplate()
    {
        using var resource = typeof(DemoPage).Assembly.GetManifestResourceStream("page.html")!;
        using var reader = new StreamReader(resource);
        return reader.ReadToEnd();
    }
}
