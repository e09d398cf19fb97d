using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Fairlead.Cli;

/// <summary>A command with more to tell than its options.</summary>
/// <param name="name">How it is called.</param>
/// <param name="description">What it does, in a sentence.</param>
/// <param name="notes">Sections that end its help: examples, environment.</param>
/// <param name="missing">What to say where its argument is missing; null if it has none.</param>
internal sealed class NotedCommand(string name, string description, string notes, string? missing = null) : Command(name, description)
{
    public string Notes => notes;

    public string? Missing => missing;
}

/// <summary>Writes the library's help, and behind it the command's own sections.</summary>
/// <param name="rootNotes">The sections of the program itself.</param>
internal sealed class HelpPage(string rootNotes) : SynchronousCommandLineAction
{
    /// <summary>Wider lines are hard to read.</summary>
    private const int LongestLine = 110;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        // A terminal that does not know its size says 0.
        var width = Console.IsOutputRedirected || Console.WindowWidth <= 0 ? LongestLine : Math.Min(LongestLine, Console.WindowWidth);
        var status = new HelpAction { MaxWidth = width }.Invoke(parseResult);
        parseResult.InvocationConfiguration.Output.WriteLine((parseResult.CommandResult.Command as NotedCommand)?.Notes ?? rootNotes);
        return status;
    }
}
