using System.Net;
using Fairlead.Net;

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
        new(LogLevel.Information, "listening", $"listening on {Printable.Escape(listen)}, {(forward.IsDynamic ? "a proxy of SOCKS and HTTP" : $"forwarding to {Printable.Escape(forward.Destination)}")} ({engine})",
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

    public static Notice Fault(Exception fault, string where) =>
        new(LogLevel.Error, "fault", $"a bug of Fairlead, {where}: {Printable.Escape(fault.ToString(), 4000)}", ("where", where), ("fault", Printable.Escape(fault.ToString(), 4000)));
}
