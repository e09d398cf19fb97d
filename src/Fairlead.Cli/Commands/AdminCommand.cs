using System.CommandLine;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary>What the commands have in common that talk to a running instance.</summary>
internal static class AdminCommand
{
    /// <summary>The end of their help.</summary>
    public const string Places = """


        Which instance:
          Without --admin, the socket of the instance named NAME (main): of this user ($XDG_RUNTIME_DIR/fairlead/NAME.sock, else
          /run/user/UID/fairlead or /tmp/fairlead-UID), or of root (/run/fairlead/NAME.sock); root looks at its own first.

        Exit status:
          0 done, 1 the instance cannot be reached or did not do it, 2 wrong usage, or a configuration that was refused
        """;

    public static Option<bool> Json { get; } = new("--json") { Description = "Print JSON instead of a table" };

    /// <summary>Makes a command talk to an instance.</summary>
    /// <param name="command">It.</param>
    /// <param name="run">What it does; its result is the exit status.</param>
    /// <param name="check">Looks at the arguments before anybody is asked.</param>
    public static Command With(Command command, Func<ParseResult, AdminClient, Task<int>> run, Action<ParseResult>? check = null)
    {
        AdminTarget.AddTo(command);
        command.SetAction(parsed =>
        {
            check?.Invoke(parsed);
            return RunAsync(parsed, run);
        });
        return command;
    }

    /// <summary>Prints an answer as one JSON document, indented as people read it.</summary>
    public static void Print(TextWriter output, Action<Utf8JsonWriter> write)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, AdminJson.Options with { Indented = true }))
            write(json);
        output.WriteLine(System.Text.Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length)));
    }

    /// <summary>Asks for all that an instance shows of itself and its forwards.</summary>
    public static async Task<(JsonElement Status, JsonElement Forwards)> AskAsync(AdminClient client) =>
        (await client.GetAsync("v1/status").ConfigureAwait(false), await client.GetAsync("v1/forwards").ConfigureAwait(false));

    /// <summary>Says why an order was not done.</summary>
    public static void Tell(TextWriter error, AdminException refusal)
    {
        foreach (var line in refusal.Errors)
            error.WriteLine(line);
        error.WriteLine($"error: {refusal.Message}");
    }

    private static async Task<int> RunAsync(ParseResult parsed, Func<ParseResult, AdminClient, Task<int>> run)
    {
        var target = AdminTarget.Of(parsed);
        try
        {
            using var client = await AdminClient.ConnectAsync(target).ConfigureAwait(false);
            return await run(parsed, client).ConfigureAwait(false);
        }
        catch (AdminException refusal)
        {
            Tell(parsed.InvocationConfiguration.Error, refusal);
            return CommandLine.Failed;
        }
    }
}
