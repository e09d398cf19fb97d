using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead reload</c>: reads the configuration again.</summary>
internal static class ReloadCommand
{
    private const string Notes = """
        What did not change is not touched, and connections go on. A configuration with an error changes nothing; each error is printed.

        Examples:
          fairlead reload
          fairlead check && fairlead reload
        """ + AdminCommand.Places;

    public static Command Create() => AdminCommand.With(new NotedCommand("reload", "Lets a running instance read its configuration again.", Notes), RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        try
        {
            var outcome = AdminAnswers.Reload(await client.OrderAsync(HttpMethod.Post, "v1/reload").ConfigureAwait(false));
            var output = parsed.InvocationConfiguration.Output;
            output.WriteLine(outcome.Changes.Count == 0 ? "reloaded; nothing has changed" : $"reloaded; {Human.Count(outcome.Changes.Count, "change")}:");
            foreach (var change in outcome.Changes)
                output.WriteLine($"  {change}");
            return CommandLine.Done;
        }
        catch (AdminException refusal) when (refusal.Errors.Count > 0)
        {
            AdminCommand.Tell(parsed.InvocationConfiguration.Error, refusal);
            return CommandLine.Refused;
        }
    }
}
