using System.Buffers.Binary;
using System.Net;

namespace Fairlead.Bench;

/// <summary>A new connection through SOCKS5 for each request.</summary>
sealed class SocksConnectionsWork(Options options) : ConnectionsWork(options)
{
    readonly Options options = options;

    static readonly Exchange http = new("GET / HTTP/1.0\r\n\r\n"u8.ToArray(), "HTTP/1.1 200"u8.ToArray());

    public override string Name => "socks-connections";
    public override string What => $"a new connection through SOCKS5 for each HTTP request, without a login, {Callers.AtATime} at a time to nginx, {options.WholeSeconds} × 1 s each; {FairleadPeer.Plain} and direct without SOCKS";
    public override string Kind => "socks";
    public override string Reference => FairleadPeer.Plain;
    public override Speech Speech => Speech.Socks;
    public override string? Missing => Programs.Missing("nginx", "nginx");

    protected override LoadResult Burst(IPEndPoint entry, Route route, Workshop workshop) =>
        Callers.Run(entry, TimeSpan.FromSeconds(1), route.Speech == Speech.Socks ? [.. Socks(route.Target), http] : [http]);

    /// <summary>RFC 1928: one method, no authentication; CONNECT to an IPv4 address, answered with one.</summary>
    static IEnumerable<Exchange> Socks(IPEndPoint target)
    {
        byte[] request = [5, 1, 0, 1, .. target.Address.GetAddressBytes(), 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(^2), (ushort)target.Port);
        return [new([5, 1, 0], [5, 0], Length: 2), new(request, [5, 0, 0, 1], Length: 10)];
    }
}
