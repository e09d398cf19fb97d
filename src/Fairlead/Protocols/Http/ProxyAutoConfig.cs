using System.Net;

namespace Fairlead;

/// <summary>The file that tells browsers to use this proxy: <c>proxy.pac</c>.</summary>
/// <remarks>
/// It says <c>PROXY</c> and nothing else. Everyone who reads such files knows that word (Windows knows no SOCKS5 there, and to Firefox SOCKS is version 4), a browser asks
/// for a password only there, names are left to the proxy, and a failed request of http:// shows the reason. SOCKS at the same port would add nothing; and
/// <c>DIRECT</c> behind it would go round the proxy in silence as soon as it fails, which is what nobody wants who has one for privacy or for a network that only it reaches.
/// </remarks>
internal static class ProxyAutoConfig
{
    /// <summary>Where it is asked for.</summary>
    public const string Path = "/proxy.pac";

    /// <summary>The answer.</summary>
    /// <param name="request">Who asks: the proxy is where he has reached it, which a mapped port or a name may have a part in.</param>
    /// <param name="local">Where the connection has arrived, for a client that names no host.</param>
    /// <param name="isSecured">Whether the proxy is spoken to inside TLS, which the file then says (<c>HTTPS</c>).</param>
    public static HttpAnswer Answer(HttpRequestHead request, IPEndPoint? local, bool isSecured)
    {
        if (request.Method is not ("GET" or "HEAD"))
            return new HttpAnswer(405, $"{Path} can only be read");
        var host = request.Host;
        // Without a port it is the scheme's.
        if (isSecured && host is { Port: 80 } && !request.Fields.First("Host")!.EndsWith(":80", StringComparison.Ordinal))
            host = host with { Port = 443 };
        var proxy = host?.ToString() ?? local?.ToString();
        return proxy is null
            ? new HttpAnswer(404, "the request does not say by which host it came here")
            : new HttpAnswer(200, Write(proxy, isSecured)) { ContentType = "application/x-ns-proxy-autoconfig" };
    }

    /// <summary>The text of the file.</summary>
    /// <param name="authority"><c>host:port</c> that has been read as one: it has no character that means something in a string of JavaScript.</param>
    /// <param name="isSecured">Whether it is spoken to inside TLS.</param>
    public static string Write(string authority, bool isSecured = false) => $$"""
        function FindProxyForURL(url, host) {
            return "{{(isSecured ? "HTTPS" : "PROXY")}} {{authority}}";
        }
        """;
}
