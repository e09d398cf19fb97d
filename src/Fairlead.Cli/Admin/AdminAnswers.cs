using System.Globalization;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary>Reads what the API answered. What a field lacks that this version knows is nothing or none: the instance may be older or newer.</summary>
internal static class AdminAnswers
{
    public static InstanceStatus Status(JsonElement status, JsonElement forwards) => new()
    {
        Name = Text(status, "name"),
        Version = Text(status, "version"),
        ProcessId = (int)Number(status, "process_id"),
        Started = Time(status, "started"),
        ConfigFile = TextOrNull(status, "config_file"),
        IsStopping = Truth(status, "stopping"),
        LastReload = status.TryGetProperty("last_reload", out var reload) && reload.ValueKind == JsonValueKind.Object ? Reload(reload) : null,
        Connections = (int)Number(status, "connections"),
        MostConnections = (int)Number(status, "most_connections"),
        Forwards = [.. Items(forwards, "forwards").Select(Forward)],
        Tunnels = [.. Items(status, "tunnels").Select(Tunnel)],
    };

    /// <summary>When a status was true.</summary>
    public static DateTimeOffset Time(JsonElement status) => Time(status, "time");

    public static IReadOnlyList<ConnectionStatus> Connections(JsonElement connections) => [.. Items(connections, "connections").Select(Connection)];

    public static ReloadOutcome Reload(JsonElement reload) => new(Time(reload, "time"), Texts(reload, "errors"), Texts(reload, "changes"));

    /// <summary>Why an order was refused, in parts.</summary>
    public static IReadOnlyList<ReloadError> Details(JsonElement refusal) => [.. Items(refusal, "details").Where(item => item.ValueKind == JsonValueKind.Object).Select(item => new ReloadError(
        Text(item, "message"), TextOrNull(item, "file"), IntegerOrNull(item, "line"), IntegerOrNull(item, "column")))];

    /// <summary>How many connections were closed.</summary>
    public static long Closed(JsonElement closed) => Number(closed, "closed");

    /// <summary>How many forwards listened until they were drained.</summary>
    public static long Drained(JsonElement drained) => Number(drained, "drained");

    private static ForwardStatus Forward(JsonElement forward) => new()
    {
        Name = Text(forward, "name"),
        Listen = Texts(forward, "listen"),
        To = Text(forward, "to"),
        Engine = Text(forward, "engine"),
        IsDraining = Truth(forward, "draining"),
        Connections = (int)Number(forward, "connections"),
        MostConnections = forward.TryGetProperty("most_connections", out var most) && most.ValueKind == JsonValueKind.Number ? (int)Number(forward, "most_connections") : null,
        Accepted = Number(forward, "accepted"),
        Denied = Number(forward, "denied"),
        Limited = Number(forward, "limited"),
        Failed = Number(forward, "failed"),
        BytesFromClients = Number(forward, "bytes_from_clients"),
        BytesFromUpstreams = Number(forward, "bytes_from_upstreams"),
        Dropped = Counts(forward, "dropped"),
        Upstreams = [.. Items(forward, "upstreams").Select(upstream => new UpstreamStatus(
            Text(upstream, "address"), Truth(upstream, "up"), (int)Number(upstream, "connections"), (int)Number(upstream, "shared_connections"), Number(upstream, "dialled"), Number(upstream, "failed")))],
    };

    private static TunnelStatus Tunnel(JsonElement tunnel) => new()
    {
        Name = Text(tunnel, "name"),
        Server = Text(tunnel, "server"),
        UpSince = Truth(tunnel, "up") ? Time(tunnel, "since") : null,
        Fault = TextOrNull(tunnel, "fault"),
        Channels = (int)Number(tunnel, "channels"),
        Listen = Texts(tunnel, "listen"),
    };

    private static ConnectionStatus Connection(JsonElement connection) => new()
    {
        Id = Number(connection, "id"),
        Forward = Text(connection, "forward"),
        Protocol = Text(connection, "protocol"),
        Client = Text(connection, "client"),
        Listen = Text(connection, "listen"),
        Upstream = TextOrNull(connection, "upstream"),
        Since = Time(connection, "since"),
        IsConnected = Truth(connection, "connected"),
        BytesFromClient = Number(connection, "bytes_from_client"),
        BytesFromUpstream = Number(connection, "bytes_from_upstream"),
        DatagramsFromClient = Number(connection, "datagrams_from_client"),
        DatagramsFromUpstream = Number(connection, "datagrams_from_upstream"),
    };

    private static JsonElement.ArrayEnumerator Items(JsonElement from, string name) =>
        from.TryGetProperty(name, out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray() : default;

    private static SortedDictionary<string, long> Counts(JsonElement from, string name)
    {
        var counts = new SortedDictionary<string, long>(StringComparer.Ordinal);
        if (!from.TryGetProperty(name, out var all) || all.ValueKind != JsonValueKind.Object)
            return counts;
        foreach (var one in all.EnumerateObject())
            counts[Printable.Escape(one.Name)] = Number(all, one.Name);
        return counts;
    }

    // Escaped again, though the instance has done so: whoever answers may be none.
    private static string? TextOrNull(JsonElement from, string name) =>
        from.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? Printable.Escape(text.GetString()!, 4096) : null;

    private static string Text(JsonElement from, string name) => TextOrNull(from, name) ?? "";

    private static IReadOnlyList<string> Texts(JsonElement from, string name) =>
        [.. Items(from, name).Where(item => item.ValueKind == JsonValueKind.String).Select(item => Printable.Escape(item.GetString()!, 4096))];

    private static long Number(JsonElement from, string name) =>
        from.TryGetProperty(name, out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt64(out var value) ? value : 0;

    private static int? IntegerOrNull(JsonElement from, string name) =>
        from.TryGetProperty(name, out var number) && number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out var value) ? value : null;

    private static bool Truth(JsonElement from, string name) => from.TryGetProperty(name, out var truth) && truth.ValueKind == JsonValueKind.True;

    private static DateTimeOffset Time(JsonElement from, string name) =>
        DateTimeOffset.TryParse(TextOrNull(from, name), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default;
}
