using System.CommandLine;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Cli;

/// <summary><c>fairlead ssh [user@]host</c>: forwards ports through an SSH server until a signal ends it, with the flags of ssh(1).</summary>
internal static class SshCommand
{
    private const string Name = "ssh";

    // Makes a word that no option begins with out of any; none is written with it.
    private const char Shield = '\u0001';

    private const string Notes = """
        Forms, as in ssh(1); IPv6 stands in brackets, and a path stands for a Unix socket:
          -L [BIND:]PORT:HOST:HOSTPORT    PORT here leads to HOST:HOSTPORT, as the server knows it
          -R [BIND:]PORT:HOST:HOSTPORT    PORT at the server leads to HOST:HOSTPORT, as this machine knows it
          -R [BIND:]PORT                  PORT at the server is a proxy (SOCKS, HTTP) into this network
          -D [BIND:]PORT                  PORT here is a proxy (SOCKS, HTTP) through the server
        With /udp at its end, -L and -R forward datagrams; the server has to be a fairlead hub for that.
        Without BIND it is the loopback, here (unless -g) and there; * is every address. -R 0:… lets the server choose.

        The connection is kept: the server is asked for a sign of life every 15 seconds, and where none comes, all is made
        anew, with every forward. A server that is not in known_hosts is refused; -o StrictHostKeyChecking=accept-new
        believes it the first time. There is no shell, so -N may be left out.

        Keys are those of the agent (SSH_AUTH_SOCK), then those of files; what they, or the server, want to know besides
        is asked for on the terminal.

        ~/.ssh/config and /etc/ssh/ssh_config are read as ssh(1) reads them, forwards too; the command line comes first.

        While it runs, -O tells it what to do (it listens for that on a Unix socket of its user's; -S names another):
          -O check             whether it runs, by the exit status; prints its process id
          -O forward, cancel   forward what -L, -R and -D beside it say, or no more
          -O stop, exit        end when its connections have ended, or at once

        Keywords of -o and of files that are honoured, as in ssh_config(5):
        KEYWORDS

        Examples:
          fairlead ssh -L 8143:mail:143 alice@gw.example.com             mail's port 143 is localhost:8143
          fairlead ssh -R 5900:localhost:5900 alice@gw.example.com       this machine's port 5900 is at the server's loopback
          fairlead ssh -D 1080 alice@gw.example.com                      a proxy through the server
          fairlead ssh -L 5432:/run/postgresql/.s.PGSQL.5432 db          to a Unix socket over there
          fairlead ssh office                                            with the forwards that ~/.ssh/config has for it
          fairlead ssh -J alice@gw.example.com -L 8080:localhost:80 -p 2222 inner
          fairlead ssh -O forward -L 8081:web2:80 alice@gw.example.com   one more, of the one that runs
          fairlead ssh --connections 4 -L 8080:web:80 gw                 spread over four connections
          fairlead ssh -i ~/.ssh/id_ed25519 -o ServerAliveInterval=5 -L 8080:web:80 -R 2222:localhost:22 -D 1080 gw
        """;

    private static readonly Argument<string[]> words = new("DESTINATION") { Description = "The server: [USER@]HOST, or ssh://[USER@]HOST[:PORT]", Arity = ArgumentArity.ZeroOrMore };

    private static readonly Option<string?> password = new("--password") { Description = "The user's password there: env:NAME or file:PATH", HelpName = "SECRET" };

    private static readonly Option<string?> passphrase = new("--passphrase") { Description = "What the private keys are encrypted with: env:NAME or file:PATH", HelpName = "SECRET" };

    private static readonly Option<TimeSpan?> drain = Values.Time("--drain", "How long sessions may go on after a stop was asked for (default: 5s on a terminal, else 30s)", takesZero: true);

    private static readonly Option<int?> connections = Values.Number("--connections", "How many SSH connections there are, over which channels are spread (default: 1)", 1, 16);

    // For the help and for completion; SshArguments reads them.
    private static readonly Option<string[]>[] flags =
    [
        Flag("-L", "[BIND:]PORT:HOST:HOSTPORT", "Listen here, and let the server dial. Repeat it for more"),
        Flag("-R", "[BIND:]PORT[:HOST:HOSTPORT]", "Let the server listen, and dial from here. Repeat it for more"),
        Flag("-D", "[BIND:]PORT", "Be a proxy here, whose destinations the server dials. Repeat it for more"),
        Flag("-g", "", "Let -L and -D listen on every address, where no BIND is written"),
        Flag("-p", "PORT", "The server's port (default: 22)"),
        Flag("-l", "USER", "Who logs in there (default: the user of this process)"),
        Flag("-i", "FILE", "A private key. Repeat it for more (default: id_ed25519, id_ecdsa and id_rsa in ~/.ssh)"),
        Flag("-J", "HOST[,HOST]", "Servers to go through on the way: [USER@]HOST[:PORT]"),
        Flag("-F", "FILE", "A file of ssh_config(5) instead of ~/.ssh/config and /etc/ssh/ssh_config; none for no file"),
        Flag("-G", "", "Print what holds for the server, as ssh -G does, and end"),
        Flag("-o", "KEYWORD=VALUE", "A keyword of ssh_config(5), see below", [.. SshKeywords.Names.Select(name => $"{name}=")]),
        Flag("-4", "", "Use IPv4 only"),
        Flag("-6", "", "Use IPv6 only"),
        Flag("-b", "ADDRESS", "The address of this machine to connect from"),
        Flag("-c", "CIPHERS", "Which ciphers may be used"),
        Flag("-m", "MACS", "Which message authentication codes may be used"),
        Flag("-O", "ORDER", "Tell the one that runs: check, forward, cancel, stop or exit", SshArguments.Orders),
        Flag("-S", "PATH", "The socket of -O (default: one for each user and server); none: no socket"),
        Flag("-M", "", "Take orders, or do not start; there may be nothing to forward yet"),
        Flag("-v", "", "Log more: as --log-level debug"),
        Flag("-q", "", "Log less: as --log-level error"),
    ];

    public static Command Create()
    {
        var command = new NotedCommand(Name, "Forwards ports through an SSH server.", Notes.Replace("KEYWORDS", Keywords(), StringComparison.Ordinal)) { words };
        foreach (var flag in flags)
            command.Add(flag);
        foreach (var option in (Option[])[password, passphrase, connections, ViaOptions.Allow, ViaOptions.Deny, drain])
            command.Add(option);
        LogOptions.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>The arguments with the words of ssh(1) shielded from being read as the program's own; long options, which ssh(1) has none of, stay as they are.</summary>
    public static string[] ShieldFlags(string[] args)
    {
        if (args is not [Name, ..] || Array.Exists(args, word => word is "--help" or "-h"))
            return args;
        var (result, ended) = (new List<string> { Name }, false);
        for (var i = 1; i < args.Length; i++)
        {
            var word = args[i];
            if (!ended && word.Length > 2 && word.StartsWith("--", StringComparison.Ordinal))
            {
                result.Add(word);
                if (!word.Contains('=', StringComparison.Ordinal) && i + 1 < args.Length)
                    result.Add(args[++i]);
                continue;
            }
            ended |= word == "--";
            result.Add(Shield + word);
            if (!ended && word.StartsWith('-') && SshArguments.TakesNext(word) && i + 1 < args.Length)
                result.Add(Shield + args[++i]);
        }
        return [.. result];
    }

    /// <summary>What a command line asks for.</summary>
    /// <exception cref="UsageException">It cannot be had like this; every error is told.</exception>
    public static SshCommandLine Read(ParseResult parsed)
    {
        var written = parsed.GetValue(words) ?? [];
        // Not shielded: a long option that does not exist, and what follows it may be its value.
        if (Array.Find(written, word => !word.StartsWith(Shield)) is { } option)
            throw new UsageException([UsageErrors.Unknown(option, parsed.CommandResult.Command)]);
        var errors = new List<string>();
        var line = SshArguments.Parse([.. written.Select(word => word[1..])], configuration => WithOptions(configuration, parsed, errors), errors);
        return line is not null && errors.Count == 0 ? line : throw new UsageException([.. errors.Select(InOptions)]);
    }

    private static Task<int> RunAsync(ParseResult parsed)
    {
        var line = Read(parsed);
        if (line.Printout is { } printout)
            return PrintAsync(parsed, printout, line.Notes);
        if (line.Order is { } order)
            return TellAsync(parsed, line, order);
        var logging = LogOptions.Of(parsed);
        var notes = line.Notes.Concat(((Option<string?>[])[password, passphrase]).Where(option => parsed.GetValue(option) is { } secret && !ViaOptions.IsElsewhere(secret))
            .Select(option => $"the {option.Name[2..]} stands on the command line, where every user of this machine can read it; write {option.Name} env:VARIABLE or file:PATH"));
        return Host.RunAsync(line.Configuration, line.Level is { } level && !LogOptions.IsLevelWritten(parsed) ? logging with { Level = level } : logging,
            notes.Select(note => new ProgramEntry(LogLevel.Warning, "configuration_warning", note)),
            // A person is there who can do something about it; and what only the network did passes.
            isHopeless: end => end.Cause != SshEndCause.Closed || line.Configuration.Tunnels.Any(tunnel => tunnel.Options.ExitOnForwardFailure),
            accompany: (engine, signals, log) => line.ControlPath == "none" ? null : Control(line, new SshControl(engine, line, signals), log),
            ask: Terminal.Ask);
    }

    private static async Task<int> PrintAsync(ParseResult parsed, IReadOnlyList<string> lines, IReadOnlyList<string> notes)
    {
        foreach (var note in notes)
            await parsed.InvocationConfiguration.Error.WriteLineAsync(note.Contains(": warning: ", StringComparison.Ordinal) ? note : $"warning: {note}").ConfigureAwait(false);
        foreach (var line in lines)
            await parsed.InvocationConfiguration.Output.WriteLineAsync(line).ConfigureAwait(false);
        return 0;
    }

    private static async Task<int> TellAsync(ParseResult parsed, SshCommandLine line, string order)
    {
        try
        {
            foreach (var text in await ControlClient.AskAsync(PlaceOf(line), [order, .. line.OrderedForwardings], line.Configuration.Tunnels[0].Ssh.ToString()).ConfigureAwait(false))
                await parsed.InvocationConfiguration.Output.WriteLineAsync(text).ConfigureAwait(false);
            return CommandLine.Done;
        }
        catch (StartException refusal)
        {
            foreach (var text in refusal.Message.Split('\n'))
                await parsed.InvocationConfiguration.Error.WriteLineAsync($"error: {text}").ConfigureAwait(false);
            return CommandLine.Failed;
        }
    }

    // Where nobody has asked for a socket, it goes without: another one to the same server has it, or there is no place for one.
    private static ControlServer? Control(SshCommandLine line, SshControl control, Action<LogEntry> log)
    {
        var (path, isAsked) = (PlaceOf(line), line.IsMaster || line.ControlPath is not null);
        try
        {
            return ControlServer.Start(path, isDefault: line.ControlPath is null, control.ObeyAsync);
        }
        catch (Exception e) when (e is StartException or ListenException)
        {
            var reason = $"-O cannot be taken on {Printable.Escape(path)}: {(e is ListenException ? Printable.Escape(e.Message.TrimEnd('.'), 500) : e.Message)}";
            if (isAsked)
                throw new StartException($"{reason}; name another socket (-S PATH)", e);
            log(new ProgramEntry(LogLevel.Information, "control_unavailable", reason));
            return null;
        }
    }

    private static string PlaceOf(SshCommandLine line) => line.ControlPath is null or "none" ? ControlOrder.PlaceOf(line.Configuration.Tunnels[0]) : Path.GetFullPath(line.ControlPath);

    private static Configuration WithOptions(Configuration configuration, ParseResult parsed, List<string> errors)
    {
        var (secret, ofKeys) = (SecretOf(password, parsed, errors), SecretOf(passphrase, parsed, errors));
        return configuration with
        {
            Tunnels = [.. configuration.Tunnels.Select(tunnel => tunnel with
            {
                Password = secret,
                Passphrase = ofKeys,
                Connections = parsed.GetValue(connections) ?? tunnel.Connections,
                Hops = [.. tunnel.Hops.Select(hop => hop with { Passphrase = ofKeys })],
            })],
            Forwards = [.. configuration.Forwards.Select(forward => (forward.Listen[0] is PortEndpoint ? ViaOptions.WithNetworks(forward, parsed) : forward) with { Timeouts = new ForwardTimeouts { Drain = parsed.GetValue(drain) ?? Host.DefaultDrain } })],
        };
    }

    private static Secret? SecretOf(Option<string?> option, ParseResult parsed, List<string> errors)
    {
        try
        {
            return parsed.GetValue(option) is { } text ? Kinds.ReadSecret(text, ViaOptions.ReadFile) : null;
        }
        catch (FormatException wrong)
        {
            errors.Add($"{option.Name} {wrong.Message}");
            return null;
        }
    }

    /// <summary>An error in words of the command line: the rules speak of keys, and nobody has an option for users, or for where clients may go.</summary>
    public static string InOptions(string message) =>
        message.Replace("write users or allow beside it", "write --allow beside it", StringComparison.Ordinal).Replace("write users, allow or allow_to beside it", "write --allow beside it", StringComparison.Ordinal);

    private static string Keywords()
    {
        var lines = new List<string> { "" };
        foreach (var name in SshKeywords.Names)
        {
            if (lines[^1].Length + name.Length > 100)
                lines.Add("");
            lines[^1] += $"{(lines[^1].Length == 0 ? "  " : " ")}{name}";
        }
        return string.Join('\n', lines);
    }

    private static Option<string[]> Flag(string name, string helpName, string description, params string[] completions)
    {
        var option = new Option<string[]>(name) { Description = description, HelpName = helpName, Arity = helpName.Length == 0 ? ArgumentArity.Zero : ArgumentArity.ZeroOrMore };
        option.CompletionSources.Add(completions);
        return option;
    }
}
