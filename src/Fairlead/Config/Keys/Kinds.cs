using System.Globalization;
using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>The kinds of values that keys have.</summary>
internal static class Kinds
{
    private const string DurationSchema = """{"type":"string","pattern":"^([0-9]+(ms|s|m|h|d)|off)$"}""";

    public static readonly Kind<string> Name = new TextKind<string>("name", "web", """{"type":"string","pattern":"^[a-z0-9-]{1,63}$"}""", text => text, text => text);

    public static readonly Kind<bool> Truth = new ChoiceKind<bool>(("true", true), ("false", false));

    public static readonly Kind<TimeSpan> Time = new TextKind<TimeSpan>("duration", "10s", DurationSchema, Duration.Parse, Duration.ToText);

    public static readonly Kind<int> Count = new TextKind<int>("whole number", "100", """{"type":"integer","minimum":0}""", Number, value => value.ToString(CultureInfo.InvariantCulture));

    public static readonly Kind<long> BytesPerSecond = new TextKind<long>("rate", "20MB/s", """{"type":"string","pattern":"^[0-9]+ *([kMGT]|[KMGT]i)?(B|bit)/s$"}""", Rate.Parse, Rate.ToText);

    public static readonly Kind<int> Size = new TextKind<int>("size", "64KiB", """{"type":"string","pattern":"^[0-9]+ *([KMG]i)?B$"}""", ByteSize.Parse, ByteSize.ToText);

    public static readonly Kind<Endpoint> Endpoint = new TextKind<Endpoint>("endpoint", ":8080",
        """{"type":"string","pattern":"^(unix:.+|.*:[0-9]+(-[0-9]+)?(/tcp|/udp|/tcp\\+udp)?)$"}""", (text, key, _) => Fairlead.Endpoint.Parse(text, key), endpoint => endpoint.ToString()!);

    public static readonly Kind<DialSource> Source = new TextKind<DialSource>("address, or address:port[-port]", "192.0.2.7",
        """{"type":"string","pattern":"^[0-9a-fA-F.:\\[\\]]+(-[0-9]+)?$"}""", AddressText.Source, source => source.ToString());

    public static readonly Kind<ValueList<IPNetwork>> Networks = new NetworksKind();

    public static readonly Kind<PortRange> Ports = new TextKind<PortRange>("port or range", "40000-40100", """{"anyOf":[{"type":"integer","minimum":1},{"type":"string","pattern":"^[0-9]+-[0-9]+$"}]}""", (text, key, _) => new EndpointText(key, text).Ports(text, ""), ports => ports.ToString());

    public static readonly Kind<IPAddress> Address = new TextKind<IPAddress>("address", "203.0.113.7", """{"type":"string","pattern":"^[0-9a-fA-F.:]+$"}""", AddressText.One, address => address.ToString());

    /// <summary>What stands for a proxy that has an error.</summary>
    public static readonly ProxyUrl NoProxy = ProxyUrl.Parse("socks5://invalid:1080");

    public static readonly Kind<NamePattern> Pattern = new TextKind<NamePattern>("name, or `*.` and a name", "\"*.example.com\"", """{"type":"string","pattern":"^(\\*\\.)?[A-Za-z0-9_.-]+$"}""", NamePattern.Parse, pattern => pattern.ToString());

    public static readonly Kind<DestinationPattern> Destination = new TextKind<DestinationPattern>("destination", "\"*.example.com:443\"", """{"type":"string","minLength":1}""", DestinationPattern.Parse, pattern => pattern.ToString());

    public static readonly Kind<string> Glob = new TextKind<string>("path with `*` and `?`", "conf.d/*.yaml", """{"type":"string","minLength":1}""", text => text, text => text);

    public static readonly Kind<string> Path = new TextKind<string>("path, or `-`", "/var/log/fairlead/access.log", """{"type":"string","minLength":1}""", text => text, text => text == "-" ? "\"-\"" : text);

    public static readonly Kind<string> File = new TextKind<string>("path", "/etc/fairlead/cert.pem", """{"type":"string","minLength":1}""", (text, _, reading) => reading.Beside(text), text => text);

    public static readonly Kind<string> Word = new TextKind<string>("text", "h2", """{"type":"string","minLength":1}""", text => text, text => text);

    /// <summary>What stands for a pin that has an error.</summary>
    public static readonly PublicKeyPin NoPin = PublicKeyPin.Of(new byte[32]);

    public static readonly Kind<PublicKeyPin> Pin = new TextKind<PublicKeyPin>("pin", "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", """{"type":"string","pattern":"^sha256//[A-Za-z0-9+/]{43}=$"}""", PublicKeyPin.Parse, pin => pin.ToString());

    public static readonly Kind<Secret?> Secret = new TextKind<Secret?>("secret", "env:FAIRLEAD_TOKEN", """{"type":"string","minLength":1}""",
        (text, _, reading) => ReadSecret(text, reading.ReadSecret), secret => secret is null ? "" : "***");

    /// <summary>A whole number, whose bounds are for <see cref="ForwardRules"/> to say.</summary>
    private static int Number(string text)
    {
        if (int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
            return number;
        var isNumber = text.Length > 0 && text.AsSpan(text[0] == '-' ? 1 : 0) is { IsEmpty: false } digits && digits.IndexOfAnyExceptInRange('0', '9') < 0;
        throw new FormatException($"'{Printable.Escape(text)}' is {(isNumber ? $"beyond {int.MaxValue}; write a smaller number" : "not a whole number; write one like 100")}");
    }

    /// <summary>A secret as it is written: <c>env:NAME</c>, <c>file:/path</c> or the secret itself.</summary>
    /// <param name="text">The text.</param>
    /// <param name="readFile">Gives the text of a secret's file, or throws.</param>
    /// <exception cref="FormatException">It cannot be had; the message shows the text only where that is not the secret.</exception>
    internal static Secret ReadSecret(string text, Func<string, string> readFile)
    {
        const string Variable = "env:", File = "file:";
        var value = text;
        if (text.StartsWith(Variable, StringComparison.Ordinal))
        {
            var name = text[Variable.Length..];
            value = name.Length == 0 || name.AsSpan().ContainsAny('=', '\0') ? null : Environment.GetEnvironmentVariable(name);
            if (string.IsNullOrEmpty(value))
                throw new FormatException($"'{Printable.Escape(text)}' names an environment variable that is not set; set it, or write file:/path");
        }
        else if (text.StartsWith(File, StringComparison.Ordinal))
        {
            value = readFile(text[File.Length..]);
            if (value.Length == 0)
                throw new FormatException($"'{Printable.Escape(text)}' names an empty file; write the secret into it");
        }
        return value.Length > 0 ? new Secret(value) : throw new FormatException("'' is empty; write env:NAME, file:/path or the secret itself");
    }

    /// <summary>Networks: one, or a list; <c>any</c> is two.</summary>
    private sealed class NetworksKind : Kind<ValueList<IPNetwork>>
    {
        private static readonly ListKind<IReadOnlyList<IPNetwork>> lists = new(new TextKind<IReadOnlyList<IPNetwork>>("network", "10.0.0.0/8",
            """{"type":"string","pattern":"^(any|[0-9.]+(/[0-9]+)?|[0-9a-fA-F:.]+(/[0-9]+)?)$"}""", AddressText.Networks, networks => string.Join(", ", networks.Select(AddressText.ToText))), []);

        public override string Form => lists.Form;

        public override string Schema => lists.Schema;

        public override ValueList<IPNetwork> Read(YamlNode node, string key, ValueList<IPNetwork> current, Reading reading)
        {
            return [.. lists.Read(node, key, [], reading).SelectMany(network => network).Distinct()];
        }

        public override string Show(ValueList<IPNetwork> value) => $"[{string.Join(", ", value.Select(AddressText.ToText))}]";
    }
}
