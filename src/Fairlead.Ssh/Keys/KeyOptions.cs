using System.Text;

namespace Fairlead.Ssh;

/// <summary>What stands before a key in a file of authorized keys: options with commas between them (AUTHORIZED_KEYS FILE FORMAT in sshd(8)).</summary>
internal sealed class KeyOptions
{
    // sshd(8) has these with and without "no-" before them. None of what they are about is done here.
    private static readonly string[] withoutMeaning = ["agent-forwarding", "x11-forwarding", "pty", "user-rc", "touch-required", "verify-required"];

    private readonly HashSet<string> once = [];
    private bool mayOpenNothing, mayListenNowhere;

    private KeyOptions()
    {
    }

    public bool MayForward { get; private set; } = true;

    /// <summary>Whether the key is one that signs certificates, and none that is let in itself.</summary>
    public bool IsAuthority { get; private set; }

    /// <summary>Of an authority: for whom its certificates have to be; null if the line does not say so.</summary>
    public IReadOnlyList<string>? Principals { get; private set; }

    public FromList? From { get; private set; }

    /// <summary>Null if everything may be opened; empty if nothing may.</summary>
    public List<ForwardPermission>? PermitOpen { get; private set; }

    /// <summary>Null if everything may be listened on; empty if nothing may.</summary>
    public List<ForwardPermission>? PermitListen { get; private set; }

    public DateTimeOffset? Expires { get; private set; }

    /// <summary>What is not done that an option asks for, in sentences.</summary>
    public List<string> Notes { get; } = [];

    /// <summary>Reads options, in their order: a later one has the last word on what an earlier one said.</summary>
    /// <param name="text">The options; empty if there are none.</param>
    /// <param name="zone">The time of this place.</param>
    /// <exception cref="FormatException">One is not known, or says what cannot be understood: the key would be allowed more than was meant. The message names it and the remedy.</exception>
    public static KeyOptions Parse(ReadOnlySpan<char> text, TimeZoneInfo zone)
    {
        var options = new KeyOptions();
        while (!text.IsEmpty)
        {
            if (text[0] == ',')
            {
                text = text[1..];
                continue;
            }
            var end = text.IndexOfAny(',', '=') is var found and >= 0 ? found : text.Length;
            var name = text[..end].ToString();
            text = text[end..];
            if (text.IsEmpty || text[0] == ',')
            {
                options.Flag(name);
                continue;
            }
            text = text[1..];
            options.Value(name, Dequoted(name, ref text), zone);
            if (!text.IsEmpty && text[0] != ',')
                throw new FormatException($"a comma is missing behind the option {KeyLines.Shown(name)}, so that the key is not accepted; write one");
        }
        if (options is { Principals: not null, IsAuthority: false })
            throw new FormatException("principals= is for authorities of certificates, so that the key is not accepted; remove the option, or write cert-authority beside it");
        return options;
    }

    /// <summary>Where options end: at the first space that is not within quotes.</summary>
    /// <exception cref="FormatException">A quotation mark is missing.</exception>
    public static int EndOf(ReadOnlySpan<char> line)
    {
        var isQuoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] is ' ' or '\t' && !isQuoted)
                return i;
            if (line[i] == '\\' && i + 1 < line.Length && line[i + 1] == '"')
                i++;
            else if (line[i] == '"')
                isQuoted = !isQuoted;
        }
        return isQuoted ? throw new FormatException("a quotation mark has no other one, so that the key is not accepted; write both around a value") : line.Length;
    }

    private static string Dequoted(string name, ref ReadOnlySpan<char> text)
    {
        if (!text.StartsWith("\""))
            throw new FormatException($"the option {KeyLines.Shown(name)} has a value without quotation marks, so that the key is not accepted; write {KeyLines.Shown(name)}=\"VALUE\"");
        var value = new StringBuilder();
        for (var i = 1; i < text.Length; i++)
        {
            if (text[i] == '"')
            {
                text = text[(i + 1)..];
                return value.ToString();
            }
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] == '"')
                i++;
            value.Append(text[i]);
        }
        throw new FormatException($"the value of the option {KeyLines.Shown(name)} has no quotation mark at its end, so that the key is not accepted; write one");
    }

    private void Flag(string name)
    {
        var option = name.ToLowerInvariant();
        var isOn = !option.StartsWith("no-", StringComparison.Ordinal);
        if (option == "restrict")
            MayForward = false;
        else if (option is "port-forwarding" or "no-port-forwarding")
            MayForward = isOn;
        else if (option == "cert-authority")
            IsAuthority = true;
        else if (!withoutMeaning.Contains(isOn ? option : option[3..]))
            throw Unknown(name);
    }

    private void Value(string name, string value, TimeZoneInfo zone)
    {
        var option = name.ToLowerInvariant();
        if (option is "from" or "command" or "principals" && !once.Add(option))
            throw new FormatException($"the option {option} is written twice, so that the key is not accepted; write it once");
        switch (option)
        {
            case "from":
                From = FromList.Parse(value);
                if (From.HasNames)
                    Notes.Add("from has names of hosts, which are not looked up and let nobody in; write addresses or networks");
                break;
            case "permitopen":
                mayOpenNothing |= value == ForwardPermission.None;
                Permit(PermitOpen ??= [], option, value, mayOpenNothing, isHostOptional: false);
                break;
            case "permitlisten":
                mayListenNowhere |= value == ForwardPermission.None;
                Permit(PermitListen ??= [], option, value, mayListenNowhere, isHostOptional: true);
                break;
            case "expiry-time":
                var time = ExpiryTime.Parse(value, zone);
                Expires = Expires < time ? Expires : time;
                break;
            case "command":
                Notes.Add("command= does nothing, as no commands are run here; the key may still forward, unless restrict or no-port-forwarding stands with it");
                break;
            case "tunnel":
                Notes.Add("tunnel= does nothing, as there are no tunnels of networks (tun) here");
                break;
            case "environment":
                break;
            case "principals":
                Principals = value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is { Length: > 0 } names ? names
                    : throw new FormatException("principals= names nobody, so that the key is not accepted; write names with commas between them");
                break;
            default:
                throw Unknown(name);
        }
    }

    private static void Permit(List<ForwardPermission> permissions, string option, string value, bool isNone, bool isHostOptional)
    {
        if (!isNone)
            permissions.Add(ForwardPermission.Parse(option, value, isHostOptional));
        else if (value != ForwardPermission.None || permissions.Count > 0)
            throw new FormatException($"{option}=\"none\" stands beside another {option}, so that the key is not accepted; write either");
    }

    private static FormatException Unknown(string name) => new($"the option '{KeyLines.Shown(name)}' is not known, so that the key is not accepted; remove the option if the key may be used without it");
}
