using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead stop</c>: ends the process.</summary>
internal static class StopCommand
{
    private const string Notes = """
        Connections may end by themselves for as long as the configuration says (timeouts: { drain: 30s }); --now resets them.

        Examples:
          fairlead stop
          fairlead stop --now
        """ + AdminCommand.Places;

    private static readonly Option<bool> now = new("--now") { Description = "Reset the connections instead of waiting for them" };

    public static Command Create() => AdminCommand.With(new NotedCommand("stop", "Ends a running instance.", Notes) { now }, RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var atOnce = parsed.GetValue(now);
        await client.OrderAsync(HttpMethod.Post, atOnce ? "v1/stop?at_once=true" : "v1/stop").ConfigureAwait(false);
        parsed.InvocationConfiguration.Output.WriteLine(atOnce ? "stopping at once" : "stopping; connections may end by themselves ('fairlead stop --now' resets them)");
        return CommandLine.Done;
    }
}
