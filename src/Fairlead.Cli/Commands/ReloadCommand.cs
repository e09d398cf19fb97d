using System.CommandLine;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary><c>fairlead reload</c>: reads the configuration again.</summary>
internal static class ReloadCommand
{
    private const string Notes = """
        What did not change is not touched, and connections go on. A configuration with an error changes nothing; each error is printed.

        Examples:
          fairlead reload
          fairlead check && fairlead reload
          fairlead reload --json | jq '{added, removed, changed}'
        """ + AdminCommand.Places;

    private static readonly Option<bool> json = new("--json") { Description = "Print JSON: the forwards added, removed, changed and unchanged, or the errors" };

    public static Command Create() => AdminCommand.With(new NotedCommand("reload", "Lets a running instance read its configuration again.", Notes) { json }, RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var output = parsed.InvocationConfiguration.Output;
        var asJson = parsed.GetValue(json);
        try
        {
            var answer = await client.OrderAsync(HttpMethod.Post, "v1/reload").ConfigureAwait(false);
            if (asJson)
            {
                AdminCommand.Print(output, answer.WriteTo);
                return CommandLine.Done;
            }
            var outcome = AdminAnswers.Reload(answer);
            output.WriteLine(outcome.Changes.Count == 0 ? "reloaded; nothing has changed" : $"reloaded; {Human.Count(outcome.Changes.Count, "change")}:");
            foreach (var change in outcome.Changes)
                output.WriteLine($"  {change}");
            return CommandLine.Done;
        }
        catch (AdminException refusal) when (refusal.Errors.Count > 0)
        {
            if (asJson)
                AdminCommand.Print(output, json => Write(json, refusal));
            else
                AdminCommand.Tell(parsed.InvocationConfiguration.Error, refusal);
            return CommandLine.Refused;
        }
    }

    private static void Write(Utf8JsonWriter json, AdminException refusal)
    {
        json.WriteStartObject();
        json.WriteBoolean("done", false);
        json.WriteString("error", refusal.Message);
        AdminJson.Details(json, "errors", refusal.Details);
        json.WriteEndObject();
    }
}
