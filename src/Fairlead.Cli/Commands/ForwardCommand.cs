using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead forward SPEC…</c>: forwards ports until a signal ends it.</summary>
internal static class ForwardCommand
{
    private const string Notes = """
        Forms of SPEC, as in ssh -L:
          [BIND:]PORT:HOST:PORT                BIND is an address (IPv6 in brackets), a name, localhost (127.0.0.1
                                               and ::1), or * for every address; so is none
          [BIND:]FIRST-LAST:HOST:FIRST-LAST    ranges of the same length, one to one
          [BIND:]FIRST-LAST:HOST:PORT          many ports to one
          [BIND:]0:HOST:PORT                   a port that the system chooses and the log tells
          [BIND:]PORT:unix:PATH                to a Unix socket
          unix:PATH:HOST:PORT                  from a Unix socket
          …/udp, …/tcp+udp                     behind the last port: UDP, or both; else it is TCP

        DURATION is a whole number with a unit, 500ms 10s 5m 1h 7d, or off.

        Examples:
          fairlead forward 8080:10.0.0.5:80                  port 8080 of every address to port 80 of 10.0.0.5
          fairlead forward 127.0.0.1:8080:example.com:80     only for this machine
          fairlead forward [::1]:8080:[2001:db8::5]:80       IPv6
          fairlead forward 80:127.0.0.1:8080 443:127.0.0.1:8443
          fairlead forward 8000-8010:10.0.0.5:9000-9010      eleven ports, one to one
          fairlead forward 5353:10.0.0.53:53/udp             UDP; both with /tcp+udp
          fairlead forward 127.0.0.1:5432:unix:/run/postgresql/.s.PGSQL.5432
          fairlead forward 2222:10.0.0.7:22 --allow 192.168.1.0/24 --via socks5h://10.0.0.9:1080
          fairlead forward --idle-timeout 10m --log-format json 2222:10.0.0.7:22

        Signals:
          Ctrl-C, SIGTERM, or a closed terminal stop listening and wait for the sessions (--drain);
          a second Ctrl-C or SIGTERM stops at once

        Environment:
          FAIRLEAD_SPLICE=off    never move bytes inside the kernel by splice(2)
          FAIRLEAD_LOOPS=N       N event loops instead of one for each processor
          NO_COLOR=1             no colours on a terminal
        """;

    private static readonly Argument<string[]> specs = new("SPEC")
    {
        Description = "Where connections arrive and where they go: [BIND:]PORT:HOST:PORT",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<EngineKind?> engine = Values.Choice("--engine", "Which path the bytes take",
        word => word == "kernel" ? "not in this version, which has auto, native and portable" : null,
        ("auto", EngineKind.Auto), ("native", EngineKind.Native), ("portable", EngineKind.Portable));

    private static readonly Option<TimeSpan?> connect = Values.Time("--connect-timeout", "For a connection to the target to stand (default: 5s)");
    private static readonly Option<TimeSpan?> idle = Values.Time("--idle-timeout", "Silence in both directions after which a session ends (default: off; UDP: 5m, 60s if never answered)");
    private static readonly Option<TimeSpan?> halfClosed = Values.Time("--half-closed-timeout", "Silence after which a TCP session is reset of which one direction has ended (default: 5m)");
    private static readonly Option<TimeSpan?> drain = Values.Time("--drain", "How long sessions may go on after a stop was asked for (default: 5s on a terminal, else 30s)", takesZero: true);

    public static Command Create()
    {
        var command = new NotedCommand("forward", "Forwards ports until Ctrl-C.", Notes, "no forward is given; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80")
        {
            specs, ViaOptions.Allow, ViaOptions.Deny, ViaOptions.Via, engine, connect, idle, halfClosed, drain,
        };
        LogOptions.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>The forwards that a command line asks for.</summary>
    /// <exception cref="UsageException">They cannot be had like this; every error is told.</exception>
    public static IReadOnlyList<ForwardConfig> Forwards(ParseResult parsed) => Forwards(parsed, []);

    private static List<ForwardConfig> Forwards(ParseResult parsed, List<string> warnings)
    {
        var written = parsed.GetValue(specs) ?? [];
        // No spec begins with a dash, so such a one is an option that does not exist, and what follows it may be its value.
        if (Array.Find(written, spec => spec.StartsWith('-')) is { } option)
            throw new UsageException([UsageErrors.Unknown(option, parsed.CommandResult.Command)]);

        var defaults = new ForwardTimeouts();
        var timeouts = defaults with
        {
            Connect = parsed.GetValue(connect) ?? defaults.Connect,
            Idle = parsed.GetValue(idle),
            HalfClosed = parsed.GetValue(halfClosed) ?? defaults.HalfClosed,
            Drain = parsed.GetValue(drain) ?? Host.DefaultDrain,
        };
        var errors = new List<string>();
        var forwards = new List<ForwardConfig>();
        foreach (var spec in written)
        {
            try
            {
                forwards.Add(ViaOptions.Apply(ForwardConfig.Parse(spec), parsed, warnings) with { Engine = parsed.GetValue(engine) ?? EngineKind.Auto, Timeouts = timeouts });
            }
            catch (FormatException error)
            {
                errors.Add(error.Message);
            }
        }
        errors.AddRange(ForwardRules.Check(forwards));
        if (parsed.GetValue(halfClosed) is not null && errors.Count == 0 && forwards.TrueForAll(forward => forward.Protocols == PortProtocols.Udp))
            errors.Add($"{halfClosed.Name} is for TCP, and only UDP is forwarded; leave it out");
        return errors.Count == 0 ? forwards : throw new UsageException(errors);
    }

    /// <summary>
    /// Says that ports are open to everybody who can reach this machine, which OpenSSH's users do not expect. Who wrote <c>*:</c> or <c>:</c> knows.
    /// </summary>
    public static ProgramEntry? EverywhereNotice(IReadOnlyList<string> written)
    {
        var open = written.Where(spec => !spec.StartsWith('*') && !spec.StartsWith(':') && ForwardConfig.Parse(spec).Listen[0] is PortEndpoint { Host: "" }).ToList();
        if (open.Count == 0)
            return null;
        var ports = string.Join(", ", open.Select(spec => ForwardConfig.Parse(spec).Listen[0].ToString()!.TrimStart(':')));
        return new ProgramEntry(LogLevel.Information, "listening_everywhere",
            $"listening on every address of this machine for {Printable.Escape(ports)}; to keep it local, write 127.0.0.1:{Printable.Escape(open[0])}", new KeyValuePair<string, object?>("ports", Printable.Escape(ports)));
    }

    private static Task<int> RunAsync(ParseResult parsed)
    {
        var warnings = new List<string>();
        var forwards = Forwards(parsed, warnings);
        var first = warnings.Distinct().Select(warning => new ProgramEntry(LogLevel.Warning, "configuration_warning", warning));
        return Host.RunAsync(forwards, LogOptions.Of(parsed), EverywhereNotice(parsed.GetValue(specs)!) is { } notice ? first.Prepend(notice) : first);
    }
}
