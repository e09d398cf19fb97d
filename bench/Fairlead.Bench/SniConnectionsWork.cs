using System.Net;

namespace Fairlead.Bench;

/// <summary>A new connection that is led by the name in a ClientHello.</summary>
/// <remarks>There is no handshake, so that nobody's cryptography is measured: the target is a web server that has never heard of TLS, and
/// says so at once (400) and closes. A connection that is not led there has no answer, which ends the measurement.</remarks>
sealed class SniConnectionsWork(Options options) : ConnectionsWork(options)
{
    readonly Options options = options;
    readonly Exchange hello = new(Hello.New(), "HTTP/1.1 400"u8.ToArray());

    public override string Name => "sni-connections";
    public override string What => $"a new connection for each ClientHello of {hello.Question.Length} bytes, led by the name in it, {Callers.AtATime} at a time to nginx, which answers that it is no HTTP, {options.WholeSeconds} × 1 s each";
    public override string Kind => "sni";
    public override Speech Speech => Speech.Sni;
    public override string? Missing => Programs.Missing("nginx", "nginx");

    protected override LoadResult Burst(IPEndPoint entry, Route route, Workshop workshop) => Callers.Run(entry, TimeSpan.FromSeconds(1), hello);
}
