using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead connections</c>: the sessions under way, from whom to where.</summary>
internal static class ConnectionsCommand
{
    private const string Notes = """
        UP is what the upstream has got from the client, DOWN what the client has got from the upstream. ID is for 'fairlead close'.

        Examples:
          fairlead connections
          fairlead connections --forward web
          fairlead connections --json | jq -r '.connections[].client'
        """ + AdminCommand.Places;

    private static readonly Option<string?> forward = new("--forward") { Description = "Only those of the forward of this name", HelpName = "FORWARD" };

    public static Command Create()
    {
        return AdminCommand.With(new NotedCommand("connections", "Shows the connections of a running instance, from whom to where.", Notes) { forward, AdminCommand.Json }, RunAsync);
    }

    /// <summary>The table, a line each.</summary>
    public static IEnumerable<string> Page(IReadOnlyList<ConnectionStatus> connections, DateTimeOffset now, Screen screen)
    {
        if (connections.Count == 0)
            return ["no connections"];
        var table = new Table(
            new("ID", IsNumber: true), new("FORWARD", Least: 8, Leaves: 2), new("CLIENT", Least: 15), new("LISTEN", Least: 10, Leaves: 1), new("UPSTREAM", Least: 15),
            new("AGE", IsNumber: true), new("UP", IsNumber: true), new("DOWN", IsNumber: true));
        foreach (var connection in connections.OrderBy(connection => connection.Id))
        {
            table.Add(
                $"{connection.Id}", connection.Forward, connection.Client, connection.Listen, Upstream(connection), Human.Age(now - connection.Since),
                Human.Bytes(connection.BytesFromClient), Human.Bytes(connection.BytesFromUpstream));
        }
        return table.Lines(screen.Width, screen.HasColour);
    }

    /// <summary>Where a session goes, or that this is not settled.</summary>
    public static Cell Upstream(ConnectionStatus connection) => connection switch
    {
        { Upstream: null } => new("dialling", Ink.Dim),
        { IsConnected: false } => new($"{connection.Upstream} (dialling)", Ink.Dim),
        _ => new(connection.Upstream),
    };

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var output = parsed.InvocationConfiguration.Output;
        var path = parsed.GetValue(forward) is { } name ? $"v1/connections?forward={Uri.EscapeDataString(name)}" : "v1/connections";
        var connections = await client.GetAsync(path).ConfigureAwait(false);
        if (parsed.GetValue(AdminCommand.Json))
        {
            AdminCommand.Print(output, connections.WriteTo);
            return CommandLine.Done;
        }
        // Ages by the instance's clock, which is this machine's, or that at the other end of a tunnel.
        var now = AdminAnswers.Time(await client.GetAsync("v1/status").ConfigureAwait(false));
        foreach (var line in Page(AdminAnswers.Connections(connections), now, Screen.Of(output)))
            output.WriteLine(line);
        return CommandLine.Done;
    }
}
