using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary>How the API writes what an instance does; the commands read it back, and <c>docs/openapi.json</c> describes it.</summary>
internal static class AdminJson
{
    /// <summary>Answers are no HTML, so letters beyond ASCII can stay readable.</summary>
    public static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The instance and its sums; forwards are a list of their own.</summary>
    public static void Status(Utf8JsonWriter json, InstanceStatus status, DateTimeOffset now)
    {
        json.WriteStartObject();
        json.WriteString("name", status.Name);
        json.WriteString("version", status.Version);
        json.WriteNumber("process_id", status.ProcessId);
        Time(json, "time", now);
        Time(json, "started", status.Started);
        json.WriteString("config_file", status.ConfigFile is null ? null : Printable.Escape(status.ConfigFile, int.MaxValue));
        json.WriteBoolean("stopping", status.IsStopping);
        json.WritePropertyName("last_reload");
        if (status.LastReload is { } reload)
            Reload(json, reload);
        else
            json.WriteNullValue();
        json.WriteNumber("connections", status.Connections);
        json.WriteNumber("most_connections", status.MostConnections);
        json.WriteNumber("accepted", status.Forwards.Sum(forward => forward.Accepted));
        json.WriteNumber("denied", status.Forwards.Sum(forward => forward.Denied));
        json.WriteNumber("limited", status.Forwards.Sum(forward => forward.Limited));
        json.WriteNumber("failed", status.Forwards.Sum(forward => forward.Failed));
        json.WriteNumber("bytes_from_clients", status.Forwards.Sum(forward => forward.BytesFromClients));
        json.WriteNumber("bytes_from_upstreams", status.Forwards.Sum(forward => forward.BytesFromUpstreams));
        json.WriteStartArray("tunnels");
        foreach (var tunnel in status.Tunnels)
            Tunnel(json, tunnel);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Forwards(Utf8JsonWriter json, IReadOnlyList<ForwardStatus> forwards)
    {
        json.WriteStartObject();
        json.WriteStartArray("forwards");
        foreach (var forward in forwards)
            Forward(json, forward);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Connections(Utf8JsonWriter json, IReadOnlyList<ConnectionStatus> connections)
    {
        json.WriteStartObject();
        json.WriteStartArray("connections");
        foreach (var connection in connections)
            Connection(json, connection);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Reload(Utf8JsonWriter json, ReloadOutcome outcome)
    {
        json.WriteStartObject();
        Sentences(json, outcome);
        json.WriteEndObject();
    }

    /// <summary>A reload that was done, with what became of each forward.</summary>
    public static void Reloaded(Utf8JsonWriter json, ReloadOutcome outcome)
    {
        json.WriteStartObject();
        Sentences(json, outcome);
        Texts(json, "added", outcome.Forwards.Added);
        Texts(json, "removed", outcome.Forwards.Removed);
        Texts(json, "changed", outcome.Forwards.Changed);
        Texts(json, "unchanged", outcome.Forwards.Unchanged);
        json.WriteEndObject();
    }

    /// <summary>A reload that was refused.</summary>
    public static void Refused(Utf8JsonWriter json, string error, ReloadOutcome outcome)
    {
        json.WriteStartObject();
        json.WriteString("error", error);
        Texts(json, "errors", outcome.Errors);
        Details(json, "details", outcome.Details);
        json.WriteEndObject();
    }

    /// <summary>Errors in their parts.</summary>
    public static void Details(Utf8JsonWriter json, string name, IReadOnlyList<ReloadError> errors)
    {
        json.WriteStartArray(name);
        foreach (var error in errors)
        {
            json.WriteStartObject();
            if (error is { File: { } file, Line: { } line, Column: { } column })
            {
                json.WriteString("file", Printable.Escape(file, 4096));
                json.WriteNumber("line", line);
                json.WriteNumber("column", column);
            }
            json.WriteString("message", Printable.Escape(error.Message, 4000));
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static void Closed(Utf8JsonWriter json, int count)
    {
        json.WriteStartObject();
        json.WriteNumber("closed", count);
        json.WriteEndObject();
    }

    public static void Drained(Utf8JsonWriter json, int count)
    {
        json.WriteStartObject();
        json.WriteNumber("drained", count);
        json.WriteEndObject();
    }

    /// <param name="json">Where to.</param>
    /// <param name="error">One sentence.</param>
    public static void Error(Utf8JsonWriter json, string error)
    {
        json.WriteStartObject();
        json.WriteString("error", Printable.Escape(error, 4000));
        json.WriteEndObject();
    }

    public static void Forward(Utf8JsonWriter json, ForwardStatus forward)
    {
        json.WriteStartObject();
        json.WriteString("name", forward.Name);
        Texts(json, "listen", forward.Listen);
        json.WriteString("to", forward.To);
        json.WriteString("engine", forward.Engine);
        json.WriteBoolean("draining", forward.IsDraining);
        json.WriteNumber("connections", forward.Connections);
        if (forward.MostConnections is { } most)
            json.WriteNumber("most_connections", most);
        else
            json.WriteNull("most_connections");
        json.WriteNumber("accepted", forward.Accepted);
        json.WriteNumber("denied", forward.Denied);
        json.WriteNumber("limited", forward.Limited);
        json.WriteNumber("failed", forward.Failed);
        json.WriteNumber("bytes_from_clients", forward.BytesFromClients);
        json.WriteNumber("bytes_from_upstreams", forward.BytesFromUpstreams);
        json.WriteStartObject("dropped");
        foreach (var (reason, count) in forward.Dropped)
            json.WriteNumber(reason, count);
        json.WriteEndObject();
        json.WriteStartArray("upstreams");
        foreach (var upstream in forward.Upstreams)
        {
            json.WriteStartObject();
            json.WriteString("address", upstream.Address);
            json.WriteBoolean("up", upstream.IsUp);
            json.WriteNumber("connections", upstream.Connections);
            json.WriteNumber("shared_connections", upstream.SharedConnections);
            json.WriteNumber("dialled", upstream.Dialled);
            json.WriteNumber("failed", upstream.Failed);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void Tunnel(Utf8JsonWriter json, TunnelStatus tunnel)
    {
        json.WriteStartObject();
        json.WriteString("name", tunnel.Name);
        json.WriteString("server", tunnel.Server);
        json.WriteBoolean("up", tunnel.UpSince is not null);
        if (tunnel.UpSince is { } since)
            Time(json, "since", since);
        else
            json.WriteNull("since");
        json.WriteString("fault", tunnel.Fault);
        json.WriteNumber("channels", tunnel.Channels);
        Texts(json, "listen", tunnel.Listen);
        json.WriteEndObject();
    }

    public static void Connection(Utf8JsonWriter json, ConnectionStatus connection)
    {
        json.WriteStartObject();
        json.WriteNumber("id", connection.Id);
        json.WriteString("forward", connection.Forward);
        json.WriteString("protocol", connection.Protocol);
        json.WriteString("client", connection.Client);
        json.WriteString("listen", connection.Listen);
        json.WriteString("upstream", connection.Upstream);
        Time(json, "since", connection.Since);
        json.WriteBoolean("connected", connection.IsConnected);
        json.WriteNumber("bytes_from_client", connection.BytesFromClient);
        json.WriteNumber("bytes_from_upstream", connection.BytesFromUpstream);
        json.WriteNumber("datagrams_from_client", connection.DatagramsFromClient);
        json.WriteNumber("datagrams_from_upstream", connection.DatagramsFromUpstream);
        json.WriteEndObject();
    }

    private static void Sentences(Utf8JsonWriter json, ReloadOutcome outcome)
    {
        Time(json, "time", outcome.Time);
        json.WriteBoolean("done", outcome.IsDone);
        Texts(json, "errors", outcome.Errors);
        Texts(json, "changes", outcome.Changes);
    }

    private static void Texts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
            json.WriteStringValue(Printable.Escape(text, 4000));
        json.WriteEndArray();
    }

    // RFC 3339, as in the log.
    private static void Time(Utf8JsonWriter json, string name, DateTimeOffset time) =>
        json.WriteString(name, time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture));
}
