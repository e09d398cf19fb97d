using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Why an address cannot be listened on, and what to do about it, in the words that users get.</summary>
internal static class ListenRefusal
{
    public static string Explain(string listen, ListenException refusal, PortProtocols protocol = PortProtocols.Tcp)
    {
        var shown = Printable.Escape(listen);
        if (refusal.EndPoint is not IPEndPoint ip)
            return $"{Said(refusal)}; {UnixRemedy(refusal.Error)}";
        return refusal.Error switch
        {
            SocketError.AddressAlreadyInUse =>
                $"cannot listen on {shown}: the port is in use{(PortHolder.Find(ip.Port, protocol) is { } holder ? $" by {holder}" : "")}; stop that program, or choose another port",
            SocketError.AccessDenied when ip.Port < UnprivilegedFrom() =>
                $"cannot listen on {shown}: ports below {UnprivilegedFrom()} need privilege; give the program the capability (setcap cap_net_bind_service+ep FILE, or AmbientCapabilities= in its unit), "
                + $"or lower the bound for all programs (sysctl net.ipv4.ip_unprivileged_port_start={ip.Port}), or run it as root",
            SocketError.AddressNotAvailable =>
                $"cannot listen on {shown}: {ip.Address} is no address of this machine; 'ip address' shows those it has",
            SocketError.AddressFamilyNotSupported =>
                $"cannot listen on {shown}: this system has no {(ip.AddressFamily == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")}",
            SocketError.TooManyOpenSockets =>
                $"cannot listen on {shown}: the process has no descriptor left; raise the limit (ulimit -n, or LimitNOFILE= in its unit)",
            SocketError.InvalidArgument when ip.Address is { IsIPv6LinkLocal: true, ScopeId: 0 } =>
                $"cannot listen on {shown}: a link-local address needs its interface; write it as [{ip.Address}%eth0], with the name that 'ip address' shows",
            _ => $"{Said(refusal)}; 'ip address' shows the addresses of this machine",
        };
    }

    // "Cannot listen on PLACE: WORDS." as the middle of a sentence.
    private static string Said(ListenException refusal)
    {
        var message = Printable.Escape(refusal.Message.TrimEnd('.'), 500);
        return char.ToLowerInvariant(message[0]) + message[1..];
    }

    private static string UnixRemedy(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "stop whoever it is, remove what is there, or choose another path",
        SocketError.AddressNotAvailable => "make its folder, or choose another path",
        SocketError.AccessDenied => "choose a folder that this user may write to",
        _ => "choose another path",
    };

    /// <summary>The range from which the system takes ports of outgoing connections; null where it does not tell.</summary>
    public static (int First, int Last)? EphemeralPorts()
    {
        return Numbers("/proc/sys/net/ipv4/ip_local_port_range") is [var first, var last] ? (first, last) : null;
    }

    private static int UnprivilegedFrom() => Numbers("/proc/sys/net/ipv4/ip_unprivileged_port_start") is [var first] ? first : 1024;

    private static int[] Numbers(string path)
    {
        try
        {
            return [.. File.ReadAllText(path).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            return [];
        }
    }
}
