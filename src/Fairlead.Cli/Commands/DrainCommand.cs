using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead drain [FORWARD]</c>: listens no more, while connections go on.</summary>
internal static class DrainCommand
{
    private const string Notes = """
        Its port is free from then on, one of UDP when its last session has ended. Its connections end by themselves;
        'fairlead close --forward' ends those that remain. The next reload or start listens again, unless the forward has
        left the configuration.
        To drain it again changes nothing.

        Examples:
          fairlead drain web
          fairlead drain
        """ + AdminCommand.Places;

    private static readonly Argument<string?> forward = new("FORWARD") { Description = "The forward's name (default: all)", Arity = ArgumentArity.ZeroOrOne };

    public static Command Create() => AdminCommand.With(new NotedCommand("drain", "Lets a running instance listen no more; its connections go on.", Notes) { forward }, RunAsync, Check);

    private static void Check(ParseResult parsed)
    {
        if (parsed.GetValue(forward) is ['-', ..] option)
            throw new UsageException([UsageErrors.Unknown(option, parsed.CommandResult.Command)]);
    }

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var name = parsed.GetValue(forward);
        var answer = await client.OrderAsync(HttpMethod.Post, name is null ? "v1/drain" : $"v1/drain?forward={Uri.EscapeDataString(name)}").ConfigureAwait(false);
        var isNews = AdminAnswers.Drained(answer) > 0;
        parsed.InvocationConfiguration.Output.WriteLine(name is null
            ? isNews ? "no forward listens any more; connections go on" : "all forwards were drained already; connections go on"
            : $"{Printable.Escape(name)} {(isNews ? "listens no more" : "was drained already")}; its connections go on");
        return CommandLine.Done;
    }
}
