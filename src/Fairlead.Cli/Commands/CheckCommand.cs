using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fairlead.Ssh;

namespace Fairlead.Cli;

/// <summary><c>fairlead check [CONFIG]</c>: every error of a configuration, or what it comes to on this machine.</summary>
internal static class CheckCommand
{
    private const string Notes = """
        Without CONFIG, it is fairlead.yaml here, else /etc/fairlead/fairlead.yaml.

        Prints every error of the file and of those that it includes, each with its place, or else the plan: where each
        listen leads, by which engine and why, what each key of the hub may do, and what each bound works out to on this
        machine. Nothing is started.

        Examples:
          fairlead check
          fairlead check /etc/fairlead/fairlead.yaml
          fairlead check --json site.yaml | jq .sessions

        Exit status:
          0 the configuration can be run, 2 it has errors, or the descriptor limit leaves no room for a session
        """;

    private static readonly Argument<string?> config = new("CONFIG")
    {
        Description = "The configuration's file",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> json = new("--json") { Description = "Print the plan as JSON" };

    public static Command Create()
    {
        var command = new NotedCommand("check", "Checks a configuration, and prints what it comes to.", Notes) { config, json };
        command.SetAction(parsed =>
        {
            var invocation = parsed.InvocationConfiguration;
            return Run(ConfigFile.Find(parsed.GetValue(config)), parsed.GetValue(json), invocation.Output, invocation.Error);
        });
        return command;
    }

    /// <summary>What is allowed and should be known before the configuration is run, a line each.</summary>
    internal static IReadOnlyList<string> Warnings(Configuration configuration) => [.. Plan.Of(configuration, Host.Loops).Warnings, .. InputFilter.Warnings(ListensOf(configuration))];

    // Every address that the packet filter may know a listen by; a host that has no address is told when it is run.
    private static IEnumerable<(IPAddress Address, int Port, bool IsUdp, string Text)> ListensOf(Configuration configuration)
    {
        foreach (var port in configuration.Forwards.SelectMany(forward => forward.LocalListens).Concat(configuration.Hub?.Listen ?? []).OfType<PortEndpoint>().Where(port => port.Ports.First > 0))
        {
            IPAddress[] addresses = port.Host.Length == 0 ? [IPAddress.Any, IPAddress.IPv6Any] : IPAddress.TryParse(port.Host, out var address) ? [address] : [];
            for (var number = port.Ports.First; number <= port.Ports.Last; number++)
            {
                foreach (var protocol in ProtocolRules.Each(port.Protocols))
                {
                    foreach (var one in addresses)
                        yield return (one, number, protocol == PortProtocols.Udp, new PortEndpoint(port.Host, new PortRange(number), protocol).ToString());
                }
            }
        }
    }

    private static int Run(string path, bool asJson, TextWriter output, TextWriter error)
    {
        try
        {
            var loaded = Configuration.Load(path);
            // Files that are not read with the configuration, and without which it is not run.
            List<string> unusable = [.. TlsSet.Faults(loaded.Configuration.Forwards), .. SshFiles.Faults(loaded.Configuration)];
            if (unusable.Count > 0)
            {
                foreach (var wrong in unusable)
                    error.WriteLine($"{Printable.Escape(path, 4096)}: error: {wrong}");
                return CommandLine.Refused;
            }
            var plan = Plan.Of(loaded.Configuration, Host.Loops);
            var keys = loaded.Configuration.Hub is { } hub ? PlannedKeys.Of(hub, DateTimeOffset.UtcNow) : new PlannedKeys([], []);
            IReadOnlyList<string> warnings = [.. loaded.Warnings, .. keys.Warnings, .. Warnings(loaded.Configuration).Select(warning => $"warning: {warning}")];
            if (asJson)
            {
                output.WriteLine(Json(path, plan, keys, warnings));
            }
            else
            {
                Write(path, plan, keys, output);
                foreach (var warning in warnings)
                    error.WriteLine(warning);
            }
            return HasRoom(plan) ? CommandLine.Done : CommandLine.Refused;
        }
        catch (ConfigurationException refused)
        {
            foreach (var wrong in refused.Errors)
                error.WriteLine(wrong);
            return CommandLine.Refused;
        }
        catch (SshKeyException gone)
        {
            error.WriteLine($"{Printable.Escape(path, 4096)}: error: hub: authorized_keys {gone.Message}");
            return CommandLine.Refused;
        }
    }

    // Where there is none, run says so and does not start.
    private static bool HasRoom(Plan plan) => plan.Sessions > 0;

    private static void Write(string path, Plan plan, PlannedKeys keys, TextWriter output)
    {
        output.WriteLine($"{Printable.Escape(Path.GetFullPath(path), 4096)} {(HasRoom(plan) ? "can be run" : "has no error, but cannot be run within this descriptor limit")}");
        output.WriteLine();
        if (plan.Listens.Count > 0)
            Write(output, ["NAME", "LISTEN", "AT", "CLIENTS", "TO", "ENGINE"], [.. plan.Listens.Select(row => new[] { row.Name, row.Listen, row.At, row.From, row.To, $"{row.Engine} ({row.Why})" })]);
        if (plan.Tunnels.Count > 0)
            Write(output, ["TUNNEL", "SERVER", "THROUGH", "HOST KEY", "KEEPALIVE"], [.. plan.Tunnels.Select(row => new[] { row.Name, row.Server, row.Jump, row.HostKey, row.Keepalive })]);
        if (plan.Hub is { } hub)
        {
            Write(output, ["HUB", "AUTHORIZED KEYS", "HOST KEYS", "REMOTE LISTENS"], [[string.Join(", ", hub.Listen), hub.AuthorizedKeys, hub.HostKeys, hub.RemoteListens]]);
            output.WriteLine($"limits of the hub: {hub.Limits}");
            output.WriteLine();
            if (keys.Keys.Count > 0)
                Write(output, ["LINE", "KEY", "SIGNS FOR", "COMMENT", "FROM", "MAY CONNECT TO", "MAY LISTEN ON", "UNTIL"], [.. keys.Keys.Select(Row)]);
        }
        if (plan.Bounds.Count > 0)
            Write(output, ["FORWARD", "BOUND", "VALUE", "DEFAULT"], [.. plan.Bounds.Select(row => new[] { row.Forward, row.Key, row.Value, row.Default })]);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"sessions at once: {plan.Sessions}"));
        output.WriteLine($"  {plan.Arithmetic}");
    }

    private static string[] Row(PlannedKey key) =>
        [key.Line.ToString(CultureInfo.InvariantCulture), key.Fingerprint, key.SignsFor, key.Comment, key.From, key.Connect, key.Listen, key.IsExpired ? $"{key.UntilText}, expired" : key.UntilText];

    // A table without the columns in which nothing stands.
    private static void Write(TextWriter output, string[] headings, List<string[]> rows)
    {
        var shown = Enumerable.Range(0, headings.Length).Where(column => rows.Exists(row => row[column].Length > 0)).ToList();
        var table = new Table([.. shown.Select(column => new Column(headings[column]))]);
        foreach (var row in rows)
            table.Add([.. shown.Select(column => new Cell(Printable.Escape(row[column])))]);
        foreach (var line in table.Lines(width: null, hasColour: false))
            output.WriteLine(line);
        output.WriteLine();
    }

    private static string Json(string path, Plan plan, PlannedKeys keys, IReadOnlyList<string> warnings)
    {
        using var buffer = new MemoryStream();
        // Read in terminals and by programs, not within HTML: quotes and arrows may stay as they are.
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            writer.WriteString("file", Printable.Escape(Path.GetFullPath(path), 4096));
            writer.WriteStartArray("listens");
            foreach (var row in plan.Listens)
            {
                writer.WriteStartObject();
                Strings(writer, ("name", row.Name), ("listen", row.Listen), ("at", row.At), ("protocol", row.Protocol), ("clients", row.From), ("to", row.To), ("engine", row.Engine), ("why", row.Why));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            WriteTunnels(writer, plan);
            WriteHub(writer, plan, keys);
            writer.WriteStartArray("bounds");
            foreach (var row in plan.Bounds)
            {
                writer.WriteStartObject();
                Strings(writer, ("forward", row.Forward), ("key", row.Key), ("value", row.Value), ("default", row.Default));
                writer.WriteEndObject();
            }
            writer.WriteEndArray();
            writer.WriteNumber("sessions", plan.Sessions);
            writer.WriteString("arithmetic", plan.Arithmetic);
            writer.WriteStartArray("warnings");
            foreach (var warning in warnings)
                writer.WriteStringValue(warning);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteTunnels(Utf8JsonWriter writer, Plan plan)
    {
        writer.WriteStartArray("tunnels");
        foreach (var row in plan.Tunnels)
        {
            writer.WriteStartObject();
            Strings(writer, ("name", row.Name), ("server", row.Server), ("jump", row.Jump), ("host_key", row.HostKey), ("keepalive", row.Keepalive));
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteHub(Utf8JsonWriter writer, Plan plan, PlannedKeys keys)
    {
        if (plan.Hub is not { } hub)
            return;
        writer.WriteStartObject("hub");
        writer.WriteStartArray("listen");
        foreach (var listen in hub.Listen)
            writer.WriteStringValue(Printable.Escape(listen));
        writer.WriteEndArray();
        Strings(writer, ("authorized_keys", hub.AuthorizedKeys), ("host_keys", hub.HostKeys), ("remote_listens", hub.RemoteListens), ("limits", hub.Limits));
        writer.WriteStartArray("keys");
        foreach (var key in keys.Keys)
        {
            writer.WriteStartObject();
            writer.WriteNumber("line", key.Line);
            Strings(writer, ("type", key.Type), ("fingerprint", key.Fingerprint), ("signs_for", key.SignsFor), ("comment", key.Comment), ("from", key.From), ("may_connect_to", key.Connect), ("may_listen_on", key.Listen), ("until", key.UntilText));
            if (key.IsExpired)
                writer.WriteBoolean("expired", true);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter writer, params (string Name, string Value)[] fields)
    {
        foreach (var (name, value) in fields)
        {
            if (value.Length > 0)
                writer.WriteString(name, Printable.Escape(value));
        }
    }
}
