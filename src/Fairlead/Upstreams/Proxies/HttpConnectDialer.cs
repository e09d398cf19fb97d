using System.Globalization;
using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Dials through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6). Names are sent to the proxy. What it gives is the connection to the proxy itself, so that it is relayed
/// like any other.
/// </summary>
/// <param name="proxy">Where the proxy is.</param>
/// <param name="proxyText">The proxy as it is shown, without its password; escaped.</param>
/// <param name="user">Who logs in there, without a colon; null: nobody.</param>
/// <param name="password">With which password; null: an empty one.</param>
/// <param name="inner">Who dials the proxy; a proxy with a name needs one that takes names.</param>
/// <param name="time">Measures it, where connections belong.</param>
internal sealed class HttpConnectDialer(EndPoint proxy, string proxyText, string? user, Secret? password, IDialer inner, TimeProvider time) : IDialer
{
    // Its body is not waited for, so that a head is all that has to fit in.
    private const int MostAnswerBytes = 8 << 10;

    private const int MostInterimAnswers = 8;

    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        var authority = AuthorityOf(target, out var fault);
        return authority is null
            ? new(new DialResult(fault!.Value.Outcome, null, $"proxy {proxyText}: {fault.Value.Detail}"))
            : ProxyHandshake.RunAsync(inner, proxy, proxyText, connection => TalkAsync(connection, authority), timeout, time, cancel);
    }

    private async ValueTask<DialResult> TalkAsync(Connection connection, string authority)
    {
        var login = user is null ? "" : $"Proxy-Authorization: {BasicCredentials.ToField(user, password is null ? [] : password.Reveal())}\r\n";
        await connection.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{login}\r\n"));
        var reader = new HandshakeReader(connection, MostAnswerBytes);
        for (var interim = 0; interim <= MostInterimAnswers; interim++)
        {
            var answer = await reader.ReadAsync(HttpResponseHead.Read);
            if (answer.Value is not { } head)
                return new DialResult(DialOutcome.Failed, null, $"what it answers is no HTTP: {answer.Fault}");
            if (head.Status is >= 100 and < 200 and not 101)
                continue;
            if (head.Status is < 200 or >= 300)
                return new DialResult(OutcomeOf(head.Status), null, DetailOf(head));
            // Whatever it says of a length: a CONNECT that succeeds has no body, and what follows is the target's.
            reader.GiveBack();
            return DialResult.To(connection);
        }
        return new DialResult(DialOutcome.Failed, null, "it does not come to an answer");
    }

    /// <summary>
    /// What a status means for the dial. Proxies say 502 or 503 of everything that went wrong behind them: a refusal, a name, a route. None of it can be told from another, so
    /// it is the word that claims least, that there was no way to the target.
    /// </summary>
    private static DialOutcome OutcomeOf(int status) => status switch
    {
        401 or 403 or 407 or 451 => DialOutcome.NotAllowed,
        502 or 503 => DialOutcome.Unreachable,
        504 => DialOutcome.TimedOut,
        _ => DialOutcome.Failed,
    };

    private string DetailOf(HttpResponseHead head)
    {
        var said = string.Create(CultureInfo.InvariantCulture, $"it answers {head.Status} {Printable.Escape(head.Reason, 100)}").TrimEnd();
        return head.Status != 407 ? said : user is null ? $"it wants a user and password: {said}" : $"it refuses the user and password: {said}";
    }

    private static string? AuthorityOf(EndPoint target, out (DialOutcome Outcome, string Detail)? fault)
    {
        fault = null;
        switch (target)
        {
            case IPEndPoint ip:
                // Without a scope, which would mean nothing to the proxy.
                return Destination.Of(new IPAddress(ip.Address.GetAddressBytes()), ip.Port).ToString();
            case DnsEndPoint name when HostText.Fault(name.Host) is null:
                return string.Create(CultureInfo.InvariantCulture, $"{name.Host}:{name.Port}");
            case DnsEndPoint name:
                fault = (DialOutcome.NameUnknown, $"host {HostText.Fault(name.Host)}");
                return null;
            default:
                fault = (DialOutcome.Failed, "CONNECT reaches addresses and names only");
                return null;
        }
    }
}
