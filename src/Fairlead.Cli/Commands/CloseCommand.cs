using System.CommandLine;
using System.Globalization;

namespace Fairlead.Cli;

/// <summary><c>fairlead close ID…</c>: resets connections.</summary>
internal static class CloseCommand
{
    private const string Notes = """
        Both ends see a reset, not an end; of UDP they see nothing. 'fairlead connections' tells the numbers.

        Examples:
          fairlead close 17 18
          fairlead close --forward web
        """ + AdminCommand.Places;

    private static readonly Argument<string[]> ids = new("ID") { Description = "The numbers of the connections", Arity = ArgumentArity.ZeroOrMore };

    private static readonly Option<string?> forward = new("--forward") { Description = "All connections of the forward of this name, instead of numbers", HelpName = "FORWARD" };

    public static Command Create() => AdminCommand.With(new NotedCommand("close", "Resets connections of a running instance.", Notes) { ids, forward }, RunAsync, Check);

    private static void Check(ParseResult parsed)
    {
        var written = parsed.GetValue(ids) ?? [];
        if (Array.Find(written, id => id.StartsWith('-')) is { } option)
            throw new UsageException([UsageErrors.Unknown(option, parsed.CommandResult.Command)]);
        if ((written.Length == 0) == (parsed.GetValue(forward) is null))
            throw new UsageException([written.Length == 0 ? "no connection is given; write its number, or --forward NAME for all of a forward" : "numbers and --forward are given; leave one out"]);
        var wrong = written.Where(id => !long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _)).ToList();
        if (wrong.Count > 0)
            throw new UsageException([.. wrong.Select(id => $"'{Printable.Escape(id)}' is not the number of a connection; 'fairlead connections' tells them")]);
    }

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var (output, error) = (parsed.InvocationConfiguration.Output, parsed.InvocationConfiguration.Error);
        if (parsed.GetValue(forward) is { } name)
        {
            var answer = await client.OrderAsync(HttpMethod.Delete, $"v1/connections?forward={Uri.EscapeDataString(name)}").ConfigureAwait(false);
            output.WriteLine($"closed {Human.Count(AdminAnswers.Closed(answer), "connection")} of {Printable.Escape(name)}");
            return CommandLine.Done;
        }
        var status = CommandLine.Done;
        foreach (var id in parsed.GetValue(ids)!)
        {
            try
            {
                await client.OrderAsync(HttpMethod.Delete, $"v1/connections/{id}").ConfigureAwait(false);
                output.WriteLine($"closed {id}");
            }
            catch (AdminException refusal)
            {
                // The others are closed all the same.
                AdminCommand.Tell(error, refusal);
                status = CommandLine.Failed;
            }
        }
        return status;
    }
}
