using System.Net.NetworkInformation;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The criteria of a line <c>Match</c> of ssh_config(5), all of which have to be met.</summary>
/// <param name="draft">What is said of the server so far.</param>
/// <param name="isFinal">Whether everything is read for the second time.</param>
/// <param name="mayRun">Whether commands are run.</param>
internal sealed class SshConfigMatch(SshDraft draft, bool isFinal, bool mayRun)
{
    private static readonly string[] names = ["all", "canonical", "final", "host", "originalhost", "user", "localuser", "localnetwork", "tagged", "command", "sessiontype", "exec"];

    /// <summary>Whether a line has asked for everything to be read once more.</summary>
    public bool WantsFinal { get; private set; }

    /// <summary>Whether a line is for the server (<c>match_cfg_line</c> in OpenSSH's readconf.c).</summary>
    /// <exception cref="SshConfigException">It cannot be understood, or a command not be run.</exception>
    public bool Matches(SshValue value)
    {
        var words = new Queue<string>(value.Words);
        var (result, count) = (true, 0);
        while (words.TryDequeue(out var word))
        {
            var isNot = word.StartsWith('!');
            var name = isNot ? word[1..] : word;
            string? argument = null;
            if (name.IndexOf('=', StringComparison.Ordinal) is var equals and > 0)
                (name, argument) = (name[..equals], name[(equals + 1)..]);
            name = name.ToLowerInvariant();
            if (!names.Contains(name))
                throw value.Error($"'{Printable.Escape(name)}' is unknown{Nearest.Hint(name, names)}; there are {string.Join(", ", names)}");
            if (name == "all" && (count > 0 || words.Count > 0))
                throw value.Error("all stands alone; leave it out, or the others");
            count++;
            if (name is "host" or "originalhost" or "user" or "localuser" or "localnetwork" or "tagged" or "command" or "sessiontype" or "exec" && argument is null && !words.TryDequeue(out argument))
                throw value.Error($"{name} has nothing behind it; write what it is held to, like {name} {(name == "exec" ? "\"test -e /run/vpn\"" : "*.example.com")}");
            if (argument?.Length == 0 && name is not ("tagged" or "command"))
                throw value.Error($"{name} is held to nothing; write what it is held to");
            WantsFinal |= name == "final" && !isNot;
            // Nothing is run in vain.
            var isMet = (name != "exec" || (result && mayRun)) && IsMet(name, argument ?? "", value);
            result &= isMet != isNot;
        }
        return result;
    }

    private bool IsMet(string name, string argument, SshValue value) => name switch
    {
        "all" => true,
        // Names are not made canonical here; OpenSSH takes it for met the second time, whatever that is for.
        "canonical" or "final" => isFinal,
        "host" => new PatternList(argument).Matches(draft.ResolvedHost.ToLowerInvariant()),
        "originalhost" => new PatternList(argument).Matches(draft.Host!.ToLowerInvariant()),
        "user" => new PatternList(argument, ignoreCase: false).Matches(draft.User ?? Environment.UserName),
        "localuser" => new PatternList(argument, ignoreCase: false).Matches(Environment.UserName),
        "localnetwork" => IsInNetwork(argument, value),
        "tagged" => IsText(argument, draft.Tag ?? ""),
        // There is no command, and no session.
        "command" => IsText(argument, ""),
        "sessiontype" => IsText(argument, "none"),
        _ => Runs(argument, value),
    };

    private static bool IsText(string patterns, string text) => text.Length == 0 ? patterns.Length == 0 : new PatternList(patterns, ignoreCase: false).Matches(text);

    private static bool IsInNetwork(string list, SshValue value)
    {
        try
        {
            var networks = list.Split(',').SelectMany(AddressText.Networks).ToList();
            return NetworkInterface.GetAllNetworkInterfaces().Where(one => one.OperationalStatus != OperationalStatus.Down)
                .SelectMany(one => one.GetIPProperties().UnicastAddresses).Any(own => networks.Exists(network => network.Contains(own.Address)));
        }
        catch (FormatException error)
        {
            throw value.Error($"localnetwork {error.Message}");
        }
    }

    private bool Runs(string command, SshValue value)
    {
        var expanded = new SshTokens(draft, draft.ResolvedHost).Command(value with { Text = command }, SshTokens.All);
        try
        {
            return ShellCommand.Succeeds(expanded);
        }
        catch (FormatException error)
        {
            throw value.Error($"exec {error.Message}");
        }
    }
}
