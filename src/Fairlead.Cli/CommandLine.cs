using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Reflection;

namespace Fairlead.Cli;

/// <summary>The commands, and how the program ends: 0 done, 1 failed while running, 2 wrong usage or configuration, or a listen that cannot be had.</summary>
internal static class CommandLine
{
    public const int Done = 0;

    public const int Failed = 1;

    public const int Refused = 2;

    private const string Notes = """
        Examples:
          fairlead demo                                      a running example that needs nothing else
          fairlead forward 8080:10.0.0.5:80                  port 8080 of this machine is port 80 of 10.0.0.5
          fairlead forward 127.0.0.1:8080:example.com:80     the same for this machine only
          fairlead proxy                                     SOCKS and HTTP for this machine's programs, port 1080
          fairlead ssh -L 8143:mail:143 alice@gw             through an SSH server; -R and -D as in ssh
          fairlead hub --authorized-keys FILE                an SSH server for that
          fairlead check                                     every error of fairlead.yaml, or what it comes to here
          fairlead run                                       runs it; SIGHUP or 'fairlead reload' reads it again
          fairlead status                                    what the running one does; 'fairlead top' shows it live
          fairlead COMMAND --help                            every form and option, with examples

        Exit status:
          0 done, 1 failed while running, 2 wrong usage, a configuration with errors, or a listen that cannot be had
        """;

    /// <summary>Runs the program.</summary>
    /// <param name="args">The arguments, without the program's name.</param>
    /// <param name="output">Standard output: what was asked for.</param>
    /// <param name="error">Standard error, for wrong usage. The log writes there by its own way.</param>
    /// <returns>The exit status.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        // `@x` is never a response file, and `-ab` never `-a -b`.
        var parsed = Build().Parse(SshCommand.ShieldFlags(ProxyCommand.ShieldRun(args)), new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false });
        try
        {
            if (parsed.Action is ParseErrorAction)
                throw new UsageException(UsageErrors.Of(parsed));
            // Without a timeout the library leaves the signals alone: its own would cut a drain after two seconds.
            var invocation = new InvocationConfiguration
            {
                Output = output,
                Error = error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parsed.InvokeAsync(invocation).ConfigureAwait(false);
        }
        catch (UsageException wrong)
        {
            // One of a file has the word behind its place.
            foreach (var message in wrong.Errors)
                await error.WriteLineAsync(message.Contains(": error: ", StringComparison.Ordinal) ? message : $"error: {message}").ConfigureAwait(false);
            await error.WriteLineAsync($"try '{UsageErrors.PathOf(parsed.CommandResult.Command)} --help'").ConfigureAwait(false);
            return Refused;
        }
#pragma warning disable CA1031 // The last resort of the program: whatever it is, it is told on standard error and by the exit status.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            await error.WriteLineAsync($"error: a bug of Fairlead: {Printable.Escape(fault.ToString(), 4000)}").ConfigureAwait(false);
            return Failed;
        }
    }

    public static RootCommand Build()
    {
        var root = new RootCommand("Forwards ports: who connects to a port or socket of this machine talks to another one, here or elsewhere.")
        {
            HelpName = "fairlead",
        };
        root.Add(ForwardCommand.Create());
        root.Add(ProxyCommand.Create());
        root.Add(SshCommand.Create());
        root.Add(HubCommand.Create());
        root.Add(RunCommand.Create());
        root.Add(CheckCommand.Create());
        root.Add(StatusCommand.Create());
        root.Add(ConnectionsCommand.Create());
        root.Add(TopCommand.Create());
        root.Add(CloseCommand.Create());
        root.Add(ReloadCommand.Create());
        root.Add(DrainCommand.Create());
        root.Add(StopCommand.Create());
        root.Add(DemoCommand.Create());
        root.Add(CompletionCommand.Create());
        root.SetAction(int (_) => throw new UsageException(["no command is given; 'fairlead demo' shows a running example"]));

        // The library's own help option has `/h` and `-?` too, which are no words of this world.
        root.Options.Remove(root.Options.OfType<HelpOption>().Single());
        root.Add(new HelpOption("--help", "-h") { Description = "Show this", Recursive = true, Action = new HelpPage(Notes) });
        root.Options.OfType<VersionOption>().Single().Action = new VersionLine();
        return root;
    }

    /// <summary><c>fairlead 0.1.0</c>, as GNU programs say it.</summary>
    private sealed class VersionLine : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var version = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0";
            parseResult.InvocationConfiguration.Output.WriteLine($"fairlead {version.Split('+')[0]}");
            return Done;
        }
    }
}
