using System.CommandLine;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary><c>fairlead status</c>: what a running instance does, and each of its forwards.</summary>
internal static class StatusCommand
{
    private const string Notes = """
        OPEN is the connections now, REFUSED those that access rules and limits have reset, FAILED those for whom no upstream could
        be had, UP what upstreams have got from clients, DOWN what clients have got from upstreams. In the row of an upstream
        OPEN is of this forward; ACCEPTED and FAILED are the dials of all forwards that lead there. DROPPED is datagrams that
        were not passed on, and WHY. CHANNELS is what goes through a tunnel's connection now, LISTENS THERE what its far end
        listens on.

        Examples:
          fairlead status
          fairlead status --name office
          fairlead status --json | jq '.forwards[] | {name, connections}'
        """ + AdminCommand.Places;

    public static Command Create() => AdminCommand.With(new NotedCommand("status", "Shows what a running instance does, and each of its forwards.", Notes) { AdminCommand.Json }, RunAsync);

    /// <summary>The page, a line each.</summary>
    public static IEnumerable<string> Page(InstanceStatus status, DateTimeOffset now, Screen screen)
    {
        var state = status.IsStopping ? ", stopping" : "";
        yield return screen.Inked(status.Name, Ink.Bold) + $": fairlead {status.Version}, process {status.ProcessId}, up {Human.Age(now - status.Started)}" + screen.Inked(state, Ink.Yellow);
        yield return screen.Line($"  configuration  {status.ConfigFile ?? "none"}");
        yield return screen.Line($"  last reload    {LastReload(status.LastReload, now)}", status.LastReload is { IsDone: false } ? Ink.Yellow : Ink.Plain);
        foreach (var error in status.LastReload?.Errors ?? [])
            yield return screen.Line($"                 {error}", Ink.Yellow);
        yield return screen.Line($"  connections    {Human.Count(status.Connections)} of at most {Human.Count(status.MostConnections)}");
        yield return "";
        foreach (var line in Forwards(status.Forwards).Lines(screen.Width, screen.HasColour))
            yield return line;
        if (status.Tunnels.Count > 0)
        {
            yield return "";
            foreach (var line in Tunnels(status.Tunnels, now).Lines(screen.Width, screen.HasColour))
                yield return line;
        }
        if (status.Forwards.All(forward => forward.Dropped.Count == 0))
            yield break;
        yield return "";
        foreach (var line in Dropped(status.Forwards).Lines(screen.Width, screen.HasColour))
            yield return line;
    }

    private static Table Dropped(IReadOnlyList<ForwardStatus> forwards)
    {
        var table = new Table(new("FORWARD", Least: 8), new("DROPPED", IsNumber: true), new("WHY", Least: 12));
        foreach (var forward in forwards.Where(forward => forward.Dropped.Count > 0))
        {
            var reasons = forward.Dropped.OrderByDescending(pair => pair.Value).Select(pair => $"{Human.Count(pair.Value)} {pair.Key.Replace('_', ' ')}");
            table.Add(forward.Name, Human.Count(forward.Dropped.Values.Sum()), string.Join(", ", reasons));
        }
        return table;
    }

    private static Table Tunnels(IReadOnlyList<TunnelStatus> tunnels, DateTimeOffset now)
    {
        var table = new Table(new("TUNNEL", Least: 8), new("SERVER", Least: 12), new("STATE", Least: 12), new("CHANNELS", IsNumber: true), new("LISTENS THERE", Least: 10));
        foreach (var tunnel in tunnels)
        {
            var state = tunnel.UpSince is { } since ? $"up {Human.Age(now - since)}" : tunnel.Fault is { } fault ? new Cell($"down: {fault}", Ink.Red) : new Cell("connecting", Ink.Yellow);
            table.Add(tunnel.Name, tunnel.Server, state, Human.Count(tunnel.Channels), string.Join(", ", tunnel.Listen));
        }
        return table;
    }

    private static Table Forwards(IReadOnlyList<ForwardStatus> forwards)
    {
        var table = new Table(
            new("FORWARD", Least: 8), new("LISTEN", Least: 10), new("TO", Least: 12), new("ENGINE", Leaves: Table.LeavesFirst), new("OPEN", IsNumber: true), new("ACCEPTED", IsNumber: true, Leaves: 1),
            new("REFUSED", IsNumber: true, Leaves: 3), new("FAILED", IsNumber: true, Leaves: 2), new("UP", IsNumber: true), new("DOWN", IsNumber: true));
        foreach (var forward in forwards)
        {
            var refused = forward.Denied + forward.Limited;
            table.Add(
                forward.Name, forward.IsDraining ? new Cell("draining", Ink.Yellow) : Listen(forward), Places(forward) is var places and > 1 ? $"{places} upstreams" : forward.To, forward.Engine,
                Human.Count(forward.Connections), Human.Count(forward.Accepted), Human.Count(refused), new(Human.Count(forward.Failed), forward.Failed > 0 ? Ink.Yellow : Ink.Plain),
                Human.Bytes(forward.BytesFromClients), Human.Bytes(forward.BytesFromUpstreams));
            if (forward.Upstreams.Count < 2 && forward.Upstreams.All(upstream => upstream.IsUp))
                continue;
            foreach (var upstream in forward.Upstreams)
            {
                table.Add("", "", upstream.IsUp ? $"  {upstream.Address}" : new Cell($"! {upstream.Address}, down", Ink.Red), "",
                    Human.Count(upstream.Connections), Human.Count(upstream.Dialled), "", new(Human.Count(upstream.Failed), upstream.Failed > 0 ? Ink.Yellow : Ink.Plain));
            }
        }
        return table;
    }

    // One address by both protocols is two upstreams, and one place.
    private static int Places(ForwardStatus forward) => forward.Upstreams.Select(upstream => upstream.Address.EndsWith("/udp", StringComparison.Ordinal) ? upstream.Address[..^4] : upstream.Address).Distinct().Count();

    private static string Listen(ForwardStatus forward) => forward.Listen switch
    {
        [] => "",
        [var one] => one,
        [var first, ..] => $"{first} +{forward.Listen.Count - 1}",
    };

    private static string LastReload(ReloadOutcome? reload, DateTimeOffset now) => reload switch
    {
        null => "none since the start",
        { IsDone: true } => $"{Human.Age(now - reload.Time)} ago, done",
        _ => $"{Human.Age(now - reload.Time)} ago, refused; nothing has changed:",
    };

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var output = parsed.InvocationConfiguration.Output;
        var (status, forwards) = await AdminCommand.AskAsync(client).ConfigureAwait(false);
        if (parsed.GetValue(AdminCommand.Json))
        {
            AdminCommand.Print(output, json => Write(json, status, forwards));
            return CommandLine.Done;
        }
        foreach (var line in Page(AdminAnswers.Status(status, forwards), AdminAnswers.Time(status), Screen.Of(output)))
            output.WriteLine(line);
        return CommandLine.Done;
    }

    private static void Write(Utf8JsonWriter json, JsonElement status, JsonElement forwards)
    {
        json.WriteStartObject();
        foreach (var field in status.EnumerateObject().Concat(forwards.EnumerateObject()))
            field.WriteTo(json);
        json.WriteEndObject();
    }
}
