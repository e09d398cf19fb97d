using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Dials through a SOCKS proxy, by CONNECT. Names are sent to the proxy; whoever wants them looked up here puts a <see cref="NameDialer"/> before it.
/// What it gives is the connection to the proxy itself, so that it is relayed like any other.
/// </summary>
/// <param name="proxy">The proxy, of one of the SOCKS schemes.</param>
/// <param name="inner">Who dials the proxy; a proxy with a name needs one that takes names.</param>
/// <param name="time">Measures it, where connections belong.</param>
internal sealed class SocksDialer(ProxyUrl proxy, IDialer inner, TimeProvider time) : IDialer
{
    private readonly EndPoint address = proxy.EndPoint;
    private readonly string text = Printable.Escape(proxy.ToString());

    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        if (target is IPEndPoint ip)
            target = Destination.Of(ip.Address, ip.Port);
        return Objection(target) is { } objection
            ? new(objection with { Detail = $"proxy {text}: {objection.Detail}" })
            : ProxyHandshake.RunAsync(inner, address, text, connection => TalkAsync(connection, target), timeout, time, cancel);
    }

    private async ValueTask<DialResult> TalkAsync(Connection connection, EndPoint target)
    {
        var answer = proxy.Scheme == ProxyScheme.Socks4a
            ? await SocksConversation.Ask4Async(connection, proxy, SocksCommand.Connect, target)
            : await SocksConversation.Ask5Async(connection, proxy, SocksCommand.Connect, target);
        return answer.Outcome == DialOutcome.Connected ? DialResult.To(connection) : new DialResult(answer.Outcome, null, answer.Detail);
    }

    // What no proxy needs to be asked about.
    private DialResult? Objection(EndPoint target)
    {
        if (target is IPEndPoint { AddressFamily: AddressFamily.InterNetworkV6 } && proxy.Scheme == ProxyScheme.Socks4a)
            return new DialResult(DialOutcome.Unreachable, null, "SOCKS4 knows no IPv6");
        if (target is DnsEndPoint name && HostText.Fault(name.Host) is { } fault)
            return new DialResult(DialOutcome.NameUnknown, null, $"host {fault}");
        return SocksAddress.CanWrite(target) ? null : new DialResult(DialOutcome.Failed, null, "SOCKS reaches addresses and names only");
    }
}
