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
    public static HttpAnswer Answer(HttpRequestHead request, IPEndPoint? local)
    {
        if (request.Method is not ("GET" or "HEAD"))
            return new HttpAnswer(405, $"{Path} can only be read");
        var proxy = request.Host?.ToString() ?? local?.ToString();
        return proxy is null
            ? new HttpAnswer(404, "the request does not say by which host it came here")
            : new HttpAnswer(200, Write(proxy)) { ContentType = "application/x-ns-proxy-autoconfig" };
    }

    /// <summary>The text of the file.</summary>
    /// <param name="authority"><c>host:port</c> that has been read as one: it has no character that means something in a string of JavaScript.</param>
    public static string Write(string authority) => $$"""
        function FindProxyForURL(url, host) {
            return "PROXY {{authority}}";
        }
        """;
}
