using System.Globalization;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>Reads a command line as ssh(1) does: flags in one word or several, before the destination and behind it.</summary>
internal static class SshArguments
{
    // getopt(3) as in OpenSSH's ssh.c.
    private const string WithoutValue = "1246ACGKMNTVXYafgknqstvxy", WithValue = "BDEFIJLOPQRSWbceilmopw";

    /// <summary>What a running one can be told.</summary>
    public static readonly string[] Orders = ["check", "forward", "cancel", "stop", "exit"];

    private const string NoShell = "there is no shell here, and no commands: forwarding is all that is asked of the server";

    /// <summary>Whether the word behind a flag is its value.</summary>
    /// <param name="word">A word that begins with a dash: <c>-NL</c> is two flags, and <c>-L8080:h:80</c> has its value.</param>
    public static bool TakesNext(string word)
    {
        for (var i = 1; i < word.Length; i++)
        {
            if (WithValue.Contains(word[i], StringComparison.Ordinal))
                return i == word.Length - 1;
        }
        return false;
    }

    /// <summary>Reads the words behind <c>ssh</c>.</summary>
    /// <param name="words">The words.</param>
    /// <param name="complete">What else is to be said of the configuration before it is looked at.</param>
    /// <param name="errors">Every error is added, with its remedy.</param>
    /// <returns>Null if there is an error.</returns>
    public static SshCommandLine? Parse(IReadOnlyList<string> words, Func<Configuration, Configuration> complete, List<string> errors)
    {
        var (draft, before, ended) = (new SshDraft(), errors.Count, false);
        for (var i = 0; i < words.Count; i++)
        {
            var word = words[i];
            if (!ended && word == "--")
            {
                ended = true;
            }
            else if (!ended && word.Length > 1 && word[0] == '-')
            {
                var next = TakesNext(word) ? i + 1 < words.Count ? words[++i] : null : null;
                Try(() => Flags(draft, word, next), errors);
            }
            else if (draft.Host is null)
            {
                Try(() => Destination(draft, word), errors);
                // Whatever it was, what follows is something else.
                draft.Host ??= "invalid";
            }
            else
            {
                errors.Add($"'{Printable.Escape(string.Join(' ', words.Skip(i)))}' would be a command, and {NoShell}; leave it out");
                break;
            }
        }
        if (draft.Host is null && errors.Count == before)
            errors.Add("no server is given; write [USER@]HOST, like alice@gw.example.com");
        if (errors.Count > before)
            return null;
        SshCommandLine? line = null;
        Try(() => line = Finish(draft, complete), errors);
        return line;
    }

    private static SshCommandLine Finish(SshDraft typed, Func<Configuration, Configuration> complete)
    {
        var (draft, tunnel) = SshTunnel.Read(typed, SshDraft.NameOf(typed.Host!), typed.ConfigFile);
        var line = new SshCommandLine(Through(draft.Forwards(tunnel.Name)), draft.Level, draft.Notes)
        {
            Printout = typed.IsPrinted ? SshPrintout.Of(draft, tunnel) : null,
            Order = typed.Order,
            OrderedForwardings = typed.OrderedForwardings,
            ControlPath = draft.ControlSocket,
            IsMaster = typed.IsMaster,
            Forward = (forwarding, value) => Through([draft.Forward(tunnel.Name, forwarding, value)]).Forwards[0],
        };
        if (line.Printout is not null)
            return line;
        // Whoever is told judges by what he has.
        if (line.Order is { } order)
            return line.OrderedForwardings.Count > 0 == order is "forward" or "cancel" ? line : throw new FormatException($"-O {order} {(line.OrderedForwardings.Count > 0 ? "has nothing to do with -L, -R and -D; leave them out" : "has no forwarding; write -L, -R or -D beside it")}");
        if (line.Configuration.Forwards.Count == 0 && !line.IsMaster)
            throw new FormatException($"nothing is forwarded; write -L, -R or -D: {NoShell}");
        return ConfigurationRules.Check(line.Configuration) is { Count: > 0 } faults ? throw new FormatException(string.Join('\n', faults)) : line;

        Configuration Through(IEnumerable<ForwardConfig> forwards) => complete(new Configuration { Admin = null, AccessLog = null, Tunnels = [tunnel], Forwards = [.. forwards] });
    }

    private static void Try(Action action, List<string> errors)
    {
        try
        {
            action();
        }
        catch (FormatException error)
        {
            errors.AddRange(error.Message.Split('\n'));
        }
    }

    private static void Flags(SshDraft draft, string word, string? next)
    {
        for (var i = 1; i < word.Length; i++)
        {
            var flag = word[i];
            if (WithValue.Contains(flag, StringComparison.Ordinal))
            {
                var value = i + 1 < word.Length ? word[(i + 1)..] : next ?? throw new FormatException($"-{flag} has no value; write one behind it");
                Valued(draft, flag, value);
                return;
            }
            if (!WithoutValue.Contains(flag, StringComparison.Ordinal))
                throw new FormatException($"unknown option '-{Printable.Escape(flag.ToString())}'");
            Plain(draft, flag);
        }
    }

    private static void Plain(SshDraft draft, char flag)
    {
        switch (flag)
        {
            case '2' or 'N' or 'n' or 'T' or 'x' or 'a' or 'k':
                // That there is no shell, no terminal, no agent there and no X11 is so in any case.
                break;
            case '4':
                draft.Family = AddressFamily.InterNetwork;
                break;
            case '6':
                draft.Family = AddressFamily.InterNetworkV6;
                break;
            case 'M':
                draft.IsMaster = true;
                break;
            case 'G':
                draft.IsPrinted = true;
                break;
            case 'g':
                draft.GatewayPorts = true;
                break;
            case 'q':
                draft.Level = LogLevel.Error;
                break;
            case 'v':
                draft.Level = LogLevel.Debug;
                break;
            default:
                throw new FormatException($"-{flag} {Reason(flag)}");
        }
    }

    private static void Valued(SshDraft draft, char flag, string value)
    {
        switch (flag)
        {
            case 'L':
                Forwarding(draft, SshForwardingKind.Local, value, "-L");
                break;
            case 'R':
                Forwarding(draft, SshForwardingKind.Remote, value, "-R");
                break;
            case 'D':
                Forwarding(draft, SshForwardingKind.Dynamic, value, "-D");
                break;
            case 'O':
                draft.Order = Orders.Contains(value) ? value : throw new FormatException($"-O '{Printable.Escape(value)}' is unknown{(Nearest.Hint(value, Orders) is { Length: > 0 } hint ? hint : $"; there are {string.Join(", ", Orders)}")}");
                break;
            case 'S':
                draft.ControlPath ??= value.Length > 0 ? new SshValue("-S", value) : throw new FormatException("-S has an empty path; write that of the socket, or none");
                break;
            case 'J':
                if (draft.ProxyJump is { Option: "-J" })
                    throw new FormatException("-J is given twice; write the servers in one, with commas between them");
                draft.SetProxy(jump: new SshValue("-J", value));
                break;
            case 'b':
                draft.BindAddress ??= In("-b", value, AddressText.One);
                break;
            case 'c':
                draft.Ciphers ??= new AlgorithmList(value);
                break;
            case 'm':
                draft.Macs ??= new AlgorithmList(value);
                break;
            case 'e':
                break;
            case 'F':
                draft.ConfigFile = value;
                break;
            case 'i':
                draft.IdentityFiles.Add(new SshValue("-i", value));
                break;
            case 'l':
                draft.User ??= SshTarget.UserFault(value) is { } fault ? throw new FormatException($"-l {fault}") : value;
                break;
            case 'o':
                SshKeywords.SetTyped(draft, value);
                break;
            case 'p':
                draft.Port ??= In("-p", value, static text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
                    ? port : throw new FormatException($"'{Printable.Escape(text)}' is not a port; write a number from 1 to 65535"));
                break;
            default:
                throw new FormatException($"-{flag} {Reason(flag)}");
        }
    }

    private static void Forwarding(SshDraft draft, SshForwardingKind kind, string value, string flag)
    {
        draft.Forwardings.Add((SshForwarding.Parse(kind, value, flag), new SshValue(flag, value)));
        draft.OrderedForwardings.AddRange([flag, value]);
    }

    private static T In<T>(string flag, string value, Func<string, T> read)
    {
        try
        {
            return read(value);
        }
        catch (FormatException error)
        {
            throw new FormatException($"{flag} {error.Message}");
        }
    }

    private static string Reason(char flag) => flag switch
    {
        '1' => "is SSH-1, which is broken; leave it out",
        'A' => "forwards an agent, which is not in this version; leave it out",
        'C' => "asks for compression, which is not in this version; leave it out",
        'E' => "names a file for the log, which is standard error; write 2>>FILE",
        'f' => "goes to the background, and this stays where a supervisor sees it; write '&' behind the command, or run it as a service",
        's' or 't' => $"is for a session, and {NoShell}; leave it out",
        'W' => "connects standard input, and this forwards ports; write -L, or use ssh for it",
        'X' or 'Y' => "forwards X11, which is not in this version; leave it out, or forward the port of the display with -R",
        'V' => "asks for the version; write fairlead --version",
        'w' => "makes a network device, and this forwards ports; leave it out",
        'y' => "logs to syslog; write 2>&1 | logger",
        _ => "is not in this version; leave it out",
    };

    private static void Destination(SshDraft draft, string word)
    {
        if (word.StartsWith(SshTarget.Scheme, StringComparison.OrdinalIgnoreCase))
        {
            var target = SshTarget.Parse(word, "destination");
            draft.Host = target.Host;
            draft.User ??= target.User;
            // An URL without a port has the usual one, for which -p may stand.
            if (target.Port != SshTarget.DefaultPort)
                draft.Port ??= target.Port;
            return;
        }
        var at = word.LastIndexOf('@');
        var (user, host) = (at < 0 ? null : word[..at], word[(at + 1)..]);
        var shown = Printable.Escape(word);
        if (user is not null && SshTarget.UserFault(user) is { } userFault)
            throw new FormatException($"destination '{shown}': {userFault}");
        host = host.StartsWith('[') && host.EndsWith(']') ? host[1..^1] : host;
        if (host.Length == 0)
            throw new FormatException($"destination '{shown}': host is missing; write [USER@]HOST, like alice@gw.example.com");
        if (host.Count(character => character == ':') == 1)
            throw new FormatException($"destination '{shown}': the port stands elsewhere; write -p {Printable.Escape(host[(host.IndexOf(':', StringComparison.Ordinal) + 1)..])} and the host alone, or ssh://{shown}");
        // With HostName it is a word of the user's own.
        if (HostText.Fault(host) is { } fault)
            throw new FormatException($"destination '{shown}': host {fault}");
        draft.Host = host;
        draft.User ??= user;
    }
}
