using System.Net;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>A log entry about the life of forwards: rare, so it is made whole at once.</summary>
internal sealed class Notice(LogLevel level, string @event, string message, params (string Name, object? Value)[] fields) : LogEntry
{
    public override LogLevel Level => level;

    public override string Event => @event;

    public override string Message => message;

    public override IEnumerable<KeyValuePair<string, object?>> Fields
    {
        get
        {
            foreach (var (name, value) in fields)
                yield return KeyValuePair.Create(name, value);
        }
    }

    public static Notice Listening(ForwardConfig forward, string listen, string engine) =>
        new(LogLevel.Information, "listening", $"listening on {Printable.Escape(listen)}, {(forward.OfHub is not null ? "a server of SSH for tunnels" : forward.IsDynamic ? "a proxy of SOCKS and HTTP" : $"forwarding to {Printable.Escape(forward.Destination)}")} ({engine})",
            ("forward", Printable.Escape(forward.Title)), ("listen", Printable.Escape(listen)), ("to", Printable.Escape(forward.Destination)), ("engine", engine));

    public static Notice NotListening(ForwardConfig forward, string listen) =>
        new(LogLevel.Information, "not_listening", $"not listening on {Printable.Escape(listen)} any more",
            ("forward", Printable.Escape(forward.Title)), ("listen", Printable.Escape(listen)));

    public static Notice DatagramsRefused(string forward, IPEndPoint client, string listen, string reason, long leftOut) =>
        new(LogLevel.Information, "refused",
            $"{client} > {listen}: {reason.Replace('_', ' ')}{(leftOut > 0 ? $" ({leftOut} refusals before it are not shown)" : "")}",
            ("forward", Printable.Escape(forward)), ("client", client.ToString()), ("listen", listen), ("reason", reason), ("left_out", leftOut));

    public static Notice DatagramsLost(string listen, long lost) =>
        new(LogLevel.Warning, "datagrams_lost",
            $"{lost} datagrams for {listen} were lost since the start, because the socket's buffer was full: they come faster than they can be passed on",
            ("listen", listen), ("lost", lost));

    public static Notice ReceiveBufferCapped(int asked, int granted) =>
        new(LogLevel.Warning, "receive_buffer_capped",
            string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"the system lets {granted} bytes of datagrams wait for each socket, and {asked} are wanted, so a burst may lose some; allow more (sysctl -w net.core.rmem_max={asked})"),
            ("asked", asked), ("granted", granted));

    public static Notice UpstreamHealth(string upstream, bool isUp, string? reason) =>
        isUp
            ? new(LogLevel.Information, "upstream_up", $"upstream {upstream} is up again", ("upstream", upstream))
            : new(LogLevel.Warning, "upstream_down", $"upstream {upstream} is down{(reason is null ? "" : $" ({Printable.Escape(reason)})")}; new connections avoid it",
                ("upstream", upstream), ("reason", reason is null ? null : Printable.Escape(reason)));

    public static Notice InheritedUnused(string warning) => new(LogLevel.Warning, "inherited_unused", warning);

    public static Notice FamilyMissing(string listen, string family) =>
        new(LogLevel.Information, "family_missing", $"{Printable.Escape(listen)}: this system has no {family}, so it is left out",
            ("listen", Printable.Escape(listen)), ("family", family));

    public static Notice EphemeralPort(string listen, int first, int last) =>
        new(LogLevel.Warning, "ephemeral_port",
            $"{Printable.Escape(listen)} lies in the range {first}-{last} from which this system takes ports for its own outgoing connections, "
            + "so the port may be taken at the next start; choose one outside, or put it into net.ipv4.ip_local_reserved_ports",
            ("listen", Printable.Escape(listen)), ("first", first), ("last", last));

    public static Notice NameUnresolved(string name, string reason, int known) =>
        new(LogLevel.Warning, "name_unresolved",
            $"{Printable.Escape(name)} cannot be resolved ({Printable.Escape(reason)}); "
            + (known > 0 ? "its last addresses are used meanwhile" : "connections to it are reset until it can") + ", and it is asked for again",
            ("name", Printable.Escape(name)), ("reason", Printable.Escape(reason)), ("known_addresses", known));

    public static Notice NameResolved(string name, IPAddress[] addresses) =>
        new(LogLevel.Information, "name_resolved", $"{Printable.Escape(name)} is now {string.Join(", ", addresses.AsEnumerable())}",
            ("name", Printable.Escape(name)), ("addresses", string.Join(' ', addresses.AsEnumerable())));

    public static Notice AcceptPaused(string listen, string reason, long leftOut) =>
        new(LogLevel.Warning, "accept_paused", $"accepting on {Printable.Escape(listen)} is paused for a moment: {reason}{(leftOut > 0 ? $" ({leftOut} pauses before it are not shown)" : "")}",
            ("listen", Printable.Escape(listen)), ("reason", reason), ("left_out", leftOut));

    public static Notice ListenBroken(string listen, ListenException reason) =>
        new(LogLevel.Error, "listen_broken",
            $"{Printable.Escape(listen)} is lost: {Printable.Escape(reason.Message)} Its connections go on; start again to listen there",
            ("listen", Printable.Escape(listen)), ("error", reason.Error.ToString()));

    public static Notice NearlyFull(int limit) =>
        new(LogLevel.Warning, "nearly_full",
            $"four of five of the {limit} sessions that there may be at once are taken; raise the limit in time (limits.connections, or the descriptors: ulimit -n, LimitNOFILE= in the unit)",
            ("sessions", limit));

    public static Notice Full(int limit) =>
        new(LogLevel.Warning, "full",
            $"all {limit} sessions that there may be at once are taken; further clients wait in the kernel's backlog (raise limits.connections, or the descriptors: ulimit -n, LimitNOFILE= in the unit)",
            ("sessions", limit));

    public static Notice Ftp(LogLevel level, string @event, string forward, string client, string message) =>
        new(level, @event, $"{client}: {message}", ("forward", Printable.Escape(forward)), ("client", client));

    public static Notice TlsFiles(string message) => new(LogLevel.Warning, "tls_files", message);

    public static Notice TunnelConnecting(TunnelConfig tunnel) =>
        new(LogLevel.Debug, "tunnel_connecting", $"tunnel {Printable.Escape(tunnel.Name)}: connecting to {Printable.Escape(tunnel.Ssh.ToString())}", ("tunnel", Printable.Escape(tunnel.Name)));

    public static Notice TunnelUp(TunnelConfig tunnel, SshConnection connection) =>
        new(LogLevel.Information, "tunnel_up",
            $"tunnel {Printable.Escape(tunnel.Name)}: connected to {Printable.Escape(tunnel.Ssh.ToString())} ({Printable.Escape(connection.PeerIdentification)}), whose key is {connection.HostKey?.Type} {connection.HostKey?.Fingerprint}",
            ("tunnel", Printable.Escape(tunnel.Name)), ("server", Printable.Escape(tunnel.Ssh.ToString())), ("identification", Printable.Escape(connection.PeerIdentification)), ("host_key", connection.HostKey?.Fingerprint));

    // One for each line of what has to be said of a server's key, which are this end's words. Those of a peer are one line.
    public static IEnumerable<Notice> TunnelDown(string tunnel, SshEnd end, TimeSpan? wait)
    {
        var (shown, lines) = (Printable.Escape(tunnel), (end.Cause == SshEndCause.HostKey ? end.Text.Split('\n') : [end.Text]).Take(20).Select(line => Printable.Escape(line.TrimEnd('\r'))).ToList());
        var next = wait is { } pause ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"; trying again in {pause.TotalSeconds:0.0} s") : "";
        foreach (var line in lines.Count > 1 ? lines : [])
            yield return new Notice(LogLevel.Warning, "tunnel_host_key", line, ("tunnel", shown));
        yield return new Notice(LogLevel.Warning, "tunnel_down", $"tunnel {shown} is down: {(lines.Count > 1 ? "the server's key is not believed" : lines[0].TrimEnd('.'))}{next}",
            ("tunnel", shown), ("cause", end.Cause.ToString()), ("reason", string.Join(' ', lines)));
    }

    public static Notice TunnelListening(string tunnel, string listen) =>
        new(LogLevel.Information, "tunnel_listening", $"listening on {Printable.Escape(listen)} at {Printable.Escape(tunnel)}", ("tunnel", Printable.Escape(tunnel)), ("listen", Printable.Escape(listen)));

    public static Notice TunnelListenRefused(string tunnel, string listen) =>
        new(LogLevel.Warning, "tunnel_listen_refused",
            $"{Printable.Escape(tunnel)} does not listen on {Printable.Escape(listen)}: {(listen.EndsWith("/udp", StringComparison.Ordinal) ? "it is no hub of Fairlead, which alone carries datagrams, or " : "")}it is not allowed, or something else listens there, as a connection that was lost does until the server notices; asking again every 5 s",
            ("tunnel", Printable.Escape(tunnel)), ("listen", Printable.Escape(listen)));

    public static Notice TunnelBanner(string tunnel, string text) =>
        new(LogLevel.Information, "tunnel_banner", $"tunnel {Printable.Escape(tunnel)}: the server says: {Printable.Escape(text.Trim().ReplaceLineEndings(" "))}", ("tunnel", Printable.Escape(tunnel)), ("text", Printable.Escape(text.Trim().ReplaceLineEndings(" "))));

    public static Notice ProxySays(string tunnel, string text) =>
        new(LogLevel.Warning, "proxy_command", $"tunnel {Printable.Escape(tunnel)}: its ProxyCommand says: {Printable.Escape(text)}", ("tunnel", Printable.Escape(tunnel)), ("text", Printable.Escape(text)));

    public static Notice ProxyEnded(string tunnel, int status) =>
        new(LogLevel.Warning, "proxy_command_ended", $"tunnel {Printable.Escape(tunnel)}: its ProxyCommand ended with status {status}", ("tunnel", Printable.Escape(tunnel)), ("status", status));

    public static Notice TunnelKeyLeftOut(string tunnel, string reason) =>
        new(LogLevel.Warning, "tunnel_key_left_out", $"tunnel {Printable.Escape(tunnel)}: {Printable.Escape(reason)}", ("tunnel", Printable.Escape(tunnel)), ("reason", Printable.Escape(reason)));

    public static Notice TunnelAgent(LogLevel level, string tunnel, string reason) =>
        new(level, "tunnel_agent", $"tunnel {Printable.Escape(tunnel)}: {Printable.Escape(reason)}", ("tunnel", Printable.Escape(tunnel)), ("reason", Printable.Escape(reason)));

    public static Notice HubLogin(string client, SshConnection connection, AuthorizedKey key) =>
        new(LogLevel.Information, "hub_login",
            $"{client}: let in as {Printable.Escape(connection.User!.User)} by {(key.Certificate is { } certificate ? $"the certificate {Printable.Escape(certificate.ToString())}" : $"the key {key.Key.Fingerprint}")} ({Printable.Escape(key.Comment)}), {Printable.Escape(connection.PeerIdentification)}",
            ("client", client), ("user", Printable.Escape(connection.User.User)), ("key", key.Key.Fingerprint), ("comment", Printable.Escape(key.Comment)), ("identification", Printable.Escape(connection.PeerIdentification)),
            ("certificate", key.Certificate is { } shown ? Printable.Escape(shown.KeyId) : null), ("serial", key.Certificate?.Serial), ("authority", key.Certificate?.Authority.Fingerprint));

    public static Notice HubCertificateRefused(string client, SshCertificate certificate, string reason, long leftOut) =>
        new(LogLevel.Warning, "hub_certificate_refused", $"{client}: the certificate {Printable.Escape(certificate.ToString())} lets nobody in: {Printable.Escape(reason)}{(leftOut > 0 ? $" ({leftOut} refusals before it are not shown)" : "")}",
            ("client", client), ("key", certificate.Key.Fingerprint), ("certificate", Printable.Escape(certificate.KeyId)), ("serial", certificate.Serial), ("authority", certificate.Authority.Fingerprint), ("reason", Printable.Escape(reason)), ("left_out", leftOut));

    public static Notice HubListening(string client, AuthorizedKey key, string listen) =>
        new(LogLevel.Information, "hub_listening", $"{client}: listening on {listen} for the key {key.Key.Fingerprint} ({Printable.Escape(key.Comment)})",
            ("client", client), ("key", key.Key.Fingerprint), ("listen", listen));

    public static Notice HubTakenOver(string client, AuthorizedKey key, HubPlace place, string from) =>
        new(LogLevel.Information, "hub_taken_over",
            string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{client}: takes port {place.Port}{(place.IsUdp ? "/udp" : "")} over from {from}, an earlier connection of the key {key.Key.Fingerprint} ({Printable.Escape(key.Comment)}) that does not answer any more"),
            ("client", client), ("key", key.Key.Fingerprint), ("port", place.Port), ("from", from));

    public static Notice HubRefused(string client, AuthorizedKey key, string what, long leftOut) =>
        new(LogLevel.Warning, "hub_refused", $"{client}: the key {key.Key.Fingerprint} ({Printable.Escape(key.Comment)}) is refused to {what}{(leftOut > 0 ? $" ({leftOut} refusals before it are not shown)" : "")}", ("client", client), ("key", key.Key.Fingerprint), ("what", what), ("left_out", leftOut));

    public static Notice HubKeys(string warning) => new(LogLevel.Warning, "configuration_warning", warning);

    public static Notice HubKeysUnreadable(string reason) =>
        new(LogLevel.Error, "hub_keys_unreadable", $"hub: nobody is let in: {Printable.Escape(reason)}", ("reason", Printable.Escape(reason)));

    public static Notice HostKeyAdded(string host, string key, string file) =>
        new(LogLevel.Warning, "host_key_added", $"the key of {Printable.Escape(host)} was not known and is believed from now on: {key}, added to {Printable.Escape(file)}",
            ("host", Printable.Escape(host)), ("key", key), ("file", Printable.Escape(file)));

    public static Notice HostKeysFollowed(string host, IReadOnlyList<string> added, IReadOnlyList<string> removed, string file) =>
        new(LogLevel.Information, "host_keys_followed",
            $"{Printable.Escape(host)} has {string.Join(" and ", new[] { added.Count > 0 ? $"proved new keys, which are believed from now on: {string.Join(", ", added)}" : "", removed.Count > 0 ? $"not these keys any more: {string.Join(", ", removed)}" : "" }.Where(part => part.Length > 0))}; {Printable.Escape(file)} says so now",
            ("host", Printable.Escape(host)), ("added", string.Join(", ", added)), ("removed", string.Join(", ", removed)), ("file", Printable.Escape(file)));

    public static Notice Fault(Exception fault, string where) =>
        new(LogLevel.Error, "fault", $"a bug of Fairlead, {where}: {Printable.Escape(fault.ToString(), 4000)}", ("where", where), ("fault", Printable.Escape(fault.ToString(), 4000)));
}
