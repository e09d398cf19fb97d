using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;

namespace Fairlead;

/// <summary>The three kinds of forwarding of ssh(1).</summary>
internal enum SshForwardingKind
{
    /// <summary><c>-L</c>: this machine listens, the far end dials.</summary>
    Local,

    /// <summary><c>-R</c>: the far end listens, this machine dials.</summary>
    Remote,

    /// <summary><c>-D</c>: this machine listens, and the far end dials where each client says.</summary>
    Dynamic,
}

/// <summary>A forwarding as ssh(1) writes it: <c>[BIND:]PORT:HOST:HOSTPORT</c>, with a path for either pair.</summary>
/// <param name="Kind">Which of the three.</param>
/// <param name="Bind">The host that is listened on, without brackets; null where none is written, which is not the same as an empty one.</param>
/// <param name="Port">The port that is listened on, or 0 for one that is chosen.</param>
/// <param name="Path">The Unix socket that is listened on; null for a port.</param>
/// <param name="To">Where it leads; a <see cref="DynamicEndpoint"/> for where each client says.</param>
internal sealed partial record SshForwarding(SshForwardingKind Kind, string? Bind, int Port, string? Path, Endpoint To)
{
    private const int MostFields = 4;

    /// <summary>What is written behind the target's port, as for <c>fairlead forward</c>, and which ssh does not have; none is TCP.</summary>
    public PortProtocols Protocols { get; init; }

    /// <summary>Reads a forwarding (<c>parse_forward</c> in OpenSSH's readconf.c).</summary>
    /// <param name="kind">Which of the three.</param>
    /// <param name="text">The text.</param>
    /// <param name="option">How errors begin: <c>-L</c>.</param>
    /// <exception cref="FormatException">It is none; the message names the part and the remedy.</exception>
    public static SshForwarding Parse(SshForwardingKind kind, string text, string option)
    {
        var read = new EndpointText(option, text);
        var protocols = Protocol().Match(text).Groups[1].Value switch
        {
            "/tcp" => PortProtocols.Tcp,
            "/udp" => PortProtocols.Udp,
            "/tcp+udp" => PortProtocols.Tcp | PortProtocols.Udp,
            _ => PortProtocols.None,
        };
        if (protocols != PortProtocols.None)
            text = text[..text.LastIndexOf('/')];
        List<(string Text, bool IsPath)> fields = Fields(Replaced(text, option).TrimStart(), read);
        var listens = fields.Count is 2 or 4 && !fields[0].IsPath && !(fields.Count == 2 && fields[1].IsPath) || (fields.Count == 3 && fields[2].IsPath) ? 2 : 1;
        var target = fields[Math.Min(listens, fields.Count)..];
        var to = Target(target, read);
        if (kind == SshForwardingKind.Dynamic && to is not DynamicEndpoint)
            throw read.Error("has a target, and clients say themselves where to go; write [BIND:]PORT, or -L for one target");
        if (kind == SshForwardingKind.Local && to is DynamicEndpoint)
            throw read.Error($"has no target; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143{(fields.Count == 1 ? ", or -D for clients that say themselves where to go" : "")}");
        var (bind, port, path) = Listen(fields[..Math.Min(listens, fields.Count)], read);
        if (protocols != PortProtocols.None && (path is not null || to is not PortEndpoint))
            throw read.Error("has a protocol, and that is of a port that leads to a port; leave it out");
        return new SshForwarding(kind, bind, port, path, to) { Protocols = protocols };
    }

    /// <summary>The same with the tokens of its paths replaced.</summary>
    /// <param name="expand">Replaces them.</param>
    public SshForwarding WithTokens(Func<string, string> expand) => this with
    {
        Path = Path is null ? null : expand(Path),
        To = To is UnixEndpoint unix ? new UnixEndpoint(expand(unix.Path)) : To,
    };

    /// <summary>The forward that is meant.</summary>
    /// <param name="tunnel">The tunnel's name.</param>
    /// <param name="gatewayPorts">Whether, where no bind is written, this machine listens on every address.</param>
    /// <param name="family">Which addresses this machine listens on; null: both families.</param>
    public ForwardConfig Forward(string tunnel, bool gatewayPorts, AddressFamily? family)
    {
        var isRemote = Kind == SshForwardingKind.Remote;
        // What the far end is asked for, word by word: channel_rfwd_bind_host in OpenSSH's channels.c. GatewayPorts is not asked there.
        var host = Bind switch
        {
            null => gatewayPorts && !isRemote ? "" : "localhost",
            "*" => "",
            _ => Bind,
        };
        if (!isRemote)
        {
            host = (host, family) switch
            {
                ("", AddressFamily.InterNetwork) => "0.0.0.0",
                ("", AddressFamily.InterNetworkV6) => "::",
                ("localhost", AddressFamily.InterNetwork) => "127.0.0.1",
                ("localhost", AddressFamily.InterNetworkV6) => "::1",
                _ => host,
            };
        }
        Endpoint listen = Path is null ? new PortEndpoint(host, new PortRange(Port), Protocols) : new UnixEndpoint(Path);
        return new ForwardConfig { Listen = [listen], To = [new UpstreamConfig(To)], At = isRemote ? tunnel : null, Tunnel = isRemote ? null : tunnel };
    }

    // A port, and a word behind it: a path has no colon before its last part.
    [GeneratedRegex(@":[0-9]+(/(?:tcp|udp|tcp\+udp))$", RegexOptions.CultureInvariant)]
    private static partial Regex Protocol();

    private static string Replaced(string text, string option)
    {
        try
        {
            return SshWords.Variables(text);
        }
        catch (FormatException error)
        {
            throw new FormatException($"{option} {error.Message}");
        }
    }

    private static (string? Bind, int Port, string? Path) Listen(List<(string Text, bool IsPath)> fields, EndpointText read)
    {
        switch (fields)
        {
            case [(var path, true)]:
                return (null, 0, read.Unix(EndpointText.UnixPrefix + path, "listen ").Path);
            case [(var port, false)]:
                return (null, PortOf(port, "listen ", read), null);
            case [(var bind, false), (var port, false)]:
                if (bind.Length > 0 && bind != "*" && HostText.Fault(bind) is { } fault)
                    throw read.Error($"listen host {fault}");
                return (bind, PortOf(port, "listen ", read), null);
            default:
                throw read.Error("has a path where the port belongs that is listened on; write [BIND:]PORT, or the path alone");
        }
    }

    private static Endpoint Target(List<(string Text, bool IsPath)> fields, EndpointText read)
    {
        switch (fields)
        {
            case []:
                return new DynamicEndpoint();
            case [(var path, true)]:
                return read.Unix(EndpointText.UnixPrefix + path, "target ");
            case [(var host, false), (var port, false)]:
                if (host.Length == 0)
                    throw read.Error("target host is missing; write its name or address, as the machine that dials knows it");
                if (HostText.Fault(host) is { } fault)
                    throw read.Error($"target host {fault}");
                return PortOf(port, "target ", read) is > 0 and var number ? new PortEndpoint(host, new PortRange(number)) : throw read.Error("target port 0 cannot be connected to; write a number from 1 to 65535");
            default:
                throw read.Error("is not a forwarding; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143, with a path for either pair");
        }
    }

    private static int PortOf(string text, string side, EndpointText read)
    {
        var ports = read.Ports(text, side);
        return ports.Count == 1 ? ports.First : throw read.Error($"{side}port '{ports}' is a range, which ssh does not have; write one port");
    }

    /// <summary>Cuts a text at its colons, as <c>parse_fwd_field</c> does: brackets keep theirs, and a backslash keeps the character behind it.</summary>
    private static List<(string Text, bool IsPath)> Fields(string text, EndpointText read)
    {
        var fields = new List<(string, bool)>();
        for (var at = 0; at < text.Length;)
        {
            if (fields.Count == MostFields)
                throw read.Error("has too many parts; write [BIND:]PORT:HOST:HOSTPORT, with an IPv6 address in brackets, like [::1]");
            if (text[at] == '[')
            {
                var end = text.IndexOf(']', at);
                if (end < 0)
                    throw read.Error("has a '[' without ']'; an IPv6 address stands in brackets, like [::1]:8080");
                if (end + 1 < text.Length && text[end + 1] != ':')
                    throw read.Error("has something behind a ']' that is no ':'; write [::1]:8080");
                var within = text[(at + 1)..end];
                fields.Add((within, within.Contains('/', StringComparison.Ordinal)));
                at = end + 2;
                continue;
            }
            var field = new StringBuilder();
            for (; at < text.Length && text[at] != ':'; at++)
            {
                if (text[at] == '\\' && ++at == text.Length)
                    throw read.Error("ends in a backslash, which keeps the character behind it; leave it out");
                field.Append(text[at]);
            }
            at++;
            fields.Add((field.ToString(), field.ToString().Contains('/', StringComparison.Ordinal)));
        }
        return fields.Count > 0 ? fields : throw read.Error("is empty; write [BIND:]PORT:HOST:HOSTPORT, like 8143:mail:143");
    }
}
