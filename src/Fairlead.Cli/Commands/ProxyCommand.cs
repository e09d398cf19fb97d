using System.CommandLine;
using System.Net;

namespace Fairlead.Cli;

/// <summary><c>fairlead proxy [LISTEN]</c>: a proxy of SOCKS and HTTP until a signal ends it, or for one command.</summary>
internal static class ProxyCommand
{
    /// <summary>What follows it is a command and its arguments, and none of this program's options.</summary>
    public const string RunOption = "--run";

    private const int DefaultPort = 1080;

    // Makes a word that no option begins with out of any; none is written with it.
    private const char Shield = '\u0001';

    private const string Notes = """
        SOCKS4, SOCKS4a, SOCKS5 (CONNECT, BIND, UDP ASSOCIATE), HTTP CONNECT and plain HTTP requests come to one port and are
        told apart by what they say. Clients of other machines do not reach loopback, link-local and metadata addresses
        unless --allow-to names them, and a proxy that others can reach needs --user or --allow.

        LISTEN is [HOST:]PORT or unix:PATH; without it the port 1080 of this machine alone (localhost).
        URL is socks5://[USER:PASSWORD@]HOST:PORT, socks5h:// (the proxy looks names up), socks4a:// or http://; several --via are
        dialled from the first to the last.
        DESTINATION is a name, *.NAME, a network, or any, and :PORT[-PORT] behind it; :25 is a port anywhere.

        Examples:
          fairlead proxy                                            for this machine, port 1080
          curl -x socks5h://127.0.0.1:1080 http://example.com/      … and a client of it
          fairlead proxy --run curl -O http://example.com/big       a proxy for one command, which needs no options of its own
          fairlead proxy :1080 --user alice:env:PASSWORD            for others, with a password
          fairlead proxy :1080 --allow 192.168.1.0/24 --deny-to :25 for a network, and no mail
          fairlead proxy --via socks5h://10.0.0.9:1080              passes everything on to another one
          http://127.0.0.1:1080/proxy.pac                           the file by which browsers configure themselves
        """;

    private static readonly Argument<string?> listen = new("LISTEN") { Description = "Where clients connect (default: localhost:1080; any free port with --run)", Arity = ArgumentArity.ZeroOrOne };

    private static readonly Option<string[]?> users = Values.List("--user", "NAME:PASSWORD", "Who may use it; PASSWORD may be env:NAME or file:PATH. Repeat it for more", text => text);

    private static readonly Option<string?> userFile = new("--user-file") { Description = "A file of lines NAME:PASSWORD", HelpName = "FILE" };

    private static readonly Option<DestinationPattern[]?> denyTo = Values.List("--deny-to", "DESTINATION", "Where clients may not go", DestinationPattern.Parse);

    private static readonly Option<DestinationPattern[]?> allowTo = Values.List("--allow-to", "DESTINATION", "Where alone clients may go", DestinationPattern.Parse);

    private static readonly Option<IPAddress?> advertise = Values.One("--advertise", "ADDRESS", "The address that clients are told for BIND and UDP ASSOCIATE (default: the one that they reached)", AddressText.One);

    private static readonly Option<string[]?> run = new(RunOption)
    {
        Description = "Run a command with the proxy variables set, and end with it; everything behind --run is the command's",
        HelpName = "COMMAND…",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    public static Command Create()
    {
        var command = new NotedCommand("proxy", "A proxy of SOCKS and HTTP on one port.", Notes)
        {
            listen, users, userFile, ViaOptions.Via, ViaOptions.Allow, ViaOptions.Deny, allowTo, denyTo, advertise, run,
        };
        LogOptions.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>The arguments with everything behind <c>--run</c> shielded from being read as options.</summary>
    public static string[] ShieldRun(string[] args)
    {
        const string Joined = RunOption + "=";
        var at = args is ["proxy", ..] ? Array.FindIndex(args, word => word == RunOption || word.StartsWith(Joined, StringComparison.Ordinal)) : -1;
        if (at < 0)
            return args;
        IEnumerable<string> command = args[at] == RunOption ? args[(at + 1)..] : args[(at + 1)..].Prepend(args[at][Joined.Length..]);
        // Who is used to it writes where options end.
        command = command.FirstOrDefault() == "--" ? command.Skip(1) : command;
        return [.. args[..at], RunOption, .. command.Select(word => Shield + word)];
    }

    /// <summary>The forward that a command line asks for, and what is worth a warning about it.</summary>
    /// <exception cref="UsageException">It cannot be had like this; every error is told.</exception>
    public static (ForwardConfig Forward, IReadOnlyList<string> Warnings) Forward(ParseResult parsed)
    {
        var (errors, warnings) = (new List<string>(), new List<string>());
        var forward = new ForwardConfig
        {
            Listen = ListenOf(parsed.GetValue(listen), parsed.Written(run) is not null, errors),
            To = [new UpstreamConfig(new DynamicEndpoint())],
            Users = [.. (parsed.Written(users) ?? []).Select(text => UserOf(text, errors, warnings)).OfType<ProxyUser>(), .. FileOf(parsed.GetValue(userFile), errors)],
            DenyTo = [.. parsed.Written(denyTo) ?? []],
            AllowTo = parsed.Written(allowTo) is { } allowed ? [.. allowed] : null,
            Advertise = parsed.GetValue(advertise),
            Timeouts = new ForwardTimeouts { Drain = Host.DefaultDrain },
        };
        forward = ViaOptions.Apply(forward, parsed, warnings);
        if (parsed.Written(run) is not null && forward.Listen[0] is UnixEndpoint)
            errors.Add("--run needs a port, which the variables of proxies can name; leave LISTEN out, or write one like 127.0.0.1:1080");
        if (errors.Count == 0)
            errors.AddRange(ForwardRules.Faults(forward).Select(fault => InOptions(fault.Message)));
        return errors.Count == 0 ? (forward, warnings) : throw new UsageException(errors);
    }

    private static Task<int> RunAsync(ParseResult parsed)
    {
        var (forward, warnings) = Forward(parsed);
        var command = parsed.Written(run)?.Select(word => word.TrimStart(Shield)).ToArray();
        var logging = LogOptions.Of(parsed);
        var first = warnings.Select(warning => new ProgramEntry(LogLevel.Warning, "configuration_warning", warning));
        return command is null ? Host.RunAsync([forward], logging, first) : ProxiedCommand.RunAsync(forward, command, LogOptions.IsLevelWritten(parsed) ? logging : logging with { Level = LogLevel.Warning }, first);
    }

    private static ValueList<Endpoint> ListenOf(string? text, bool isForCommand, List<string> errors)
    {
        try
        {
            if (text is null)
                return [new PortEndpoint("127.0.0.1", new PortRange(0)) is var free && isForCommand ? free : new PortEndpoint("localhost", new PortRange(DefaultPort))];
            var isPort = text.Length > 0 && text.All(char.IsAsciiDigit);
            return [Endpoint.Parse(isPort ? $"localhost:{text}" : text, "listen")];
        }
        catch (FormatException wrong)
        {
            errors.Add(wrong.Message);
            return [new PortEndpoint("localhost", new PortRange(DefaultPort))];
        }
    }

    private static ProxyUser? UserOf(string text, List<string> errors, List<string> warnings)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0 || colon == text.Length - 1)
        {
            errors.Add("--user has no password; write NAME:PASSWORD, or NAME:env:VARIABLE");
            return null;
        }
        var (name, password) = (text[..colon], text[(colon + 1)..]);
        try
        {
            if (!ViaOptions.IsElsewhere(password))
                warnings.Add($"the password of {Printable.Escape(name)} stands on the command line, where every user of this machine can read it; write {Printable.Escape(name)}:env:VARIABLE, or use --user-file");
            return new ProxyUser(name, Kinds.ReadSecret(password, ViaOptions.ReadFile));
        }
        catch (FormatException wrong)
        {
            errors.Add($"--user {Printable.Escape(name)}: {wrong.Message}");
            return null;
        }
    }

    private static ValueList<ProxyUser> FileOf(string? path, List<string> errors)
    {
        try
        {
            return path is null ? [] : UserFile.Parse(ViaOptions.ReadFile(path));
        }
        catch (FormatException wrong)
        {
            errors.Add($"--user-file {wrong.Message}");
            return [];
        }
    }

    // The rules speak of keys, which are options here.
    private static string InOptions(string message) => message.Replace("write users or allow beside it", "write --user or --allow beside it", StringComparison.Ordinal);
}
