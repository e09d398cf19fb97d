using System.Text.Json;

namespace Fairlead;

/// <summary>A part of a rule, as far as it decides whether a connection gets in.</summary>
internal abstract record NftStatement
{
    /// <summary>Fields that are compared with a value; the rule ends here for whom it does not hold.</summary>
    public sealed record Condition(IReadOnlyList<NftField> Fields, string Operator, NftValue Value) : NftStatement;

    public sealed record Decision(NftVerdict Verdict) : NftStatement;

    /// <summary>A verdict for each value; null where the map has a name.</summary>
    public sealed record Choice(IReadOnlyList<NftField> Fields, IReadOnlyList<(NftValue Value, NftVerdict Verdict)>? Elements, string Map) : NftStatement;

    /// <summary>A rate, a quota: holds or not by what a ruleset does not tell.</summary>
    public sealed record Doubt : NftStatement;

    /// <summary>A match of iptables, of which a listing has the name and nothing else.</summary>
    public sealed record Extension(string Name) : NftStatement;

    /// <summary>Nothing is known of it, so it may let in whom it sees.</summary>
    public sealed record Riddle : NftStatement;

    /// <summary>The statements of a rule that matter, in their order.</summary>
    public static IReadOnlyList<NftStatement> ReadAll(JsonElement expressions)
    {
        NftStatement[] rule = [.. expressions.Elements().SelectMany(Read)];
        return LetsAnswersIn(rule) ? [] : rule;
    }

    /// <summary>
    /// Whether a rule accepts by iptables' conntrack match and nothing else but an interface. Which states it takes is not listed; that they
    /// are ESTABLISHED and RELATED can be told, since with NEW among them the rule would switch the filter off.
    /// </summary>
    private static bool LetsAnswersIn(NftStatement[] rule)
    {
        return rule is [.. var matches, Decision { Verdict.Kind: NftVerdictKind.Accept }]
            && matches.Any(match => match is Extension { Name: "conntrack" or "state" })
            && matches.All(match => match is Extension { Name: "conntrack" or "state" } or Condition { Fields: [{ Kind: NftFieldKind.Interface }] });
    }

    private static IEnumerable<NftStatement> Read(JsonElement json)
    {
        var any = false;
        foreach (var member in json.Members())
        {
            any = true;
            switch (member.Name)
            {
                case "counter" or "log" or "comment" or "mangle" or "notrack" or "set" or "map" or "flow" or "dup" or "secmark" or "ct helper" or "ct timeout" or "ct expectation" or "last":
                    break;
                case "limit" or "quota" or "ct count" or "meter":
                    yield return new Doubt();
                    break;
                case "match":
                    yield return new Condition(NftField.ReadAll(member.Value.Member("left")), member.Value.Text("op"), member.Value.Member("right") is { } right ? NftValue.Read(right) : NftValue.Unknown);
                    break;
                case "vmap":
                    yield return ReadChoice(member.Value);
                    break;
                case "reject" when member.Value.Text("type") is "icmp" or "icmpv6":
                    // The listing leaves out the family that such an answer implies.
                    yield return new Condition([new NftField(NftFieldKind.Family)], "==", new NftValue.Word(member.Value.Text("type") == "icmp" ? "ipv4" : "ipv6"));
                    yield return new Decision(NftVerdict.Drop);
                    break;
                case "xt" when member.Value.Text("type") == "match":
                    if (member.Value.Text("name") != "comment")
                        yield return new Extension(member.Value.Text("name"));
                    break;
                case "xt" when member.Value.Text("name") is "LOG" or "NFLOG" or "MARK" or "CONNMARK" or "TCPMSS" or "CT" or "TOS" or "DSCP" or "SECMARK" or "CONNSECMARK" or "AUDIT":
                    break;
                case "xt" when member.Value.Text("name") is "REJECT" or "TARPIT":
                    yield return new Decision(NftVerdict.Drop);
                    break;
                default:
                    yield return NftVerdict.Read(member) is { } verdict ? new Decision(verdict) : new Riddle();
                    break;
            }
        }
        if (!any)
            yield return new Riddle();
    }

    private static Choice ReadChoice(JsonElement json)
    {
        var fields = NftField.ReadAll(json.Member("key"));
        if (json.Member("data") is { } data)
        {
            if (data.ValueKind == JsonValueKind.String)
                return new Choice(fields, null, data.GetString()!.TrimStart('@'));
            if (data.Member("set") is { } set)
                return new Choice(fields, ReadElements(set), "");
        }
        return new Choice(fields, null, "");
    }

    /// <summary>The elements of a verdict map: pairs of a key and a verdict.</summary>
    public static IReadOnlyList<(NftValue, NftVerdict)> ReadElements(JsonElement elements)
    {
        return
        [
            .. elements.Elements().Where(pair => pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() == 2)
                .Select(pair => (NftValue.Read(pair[0]), pair[1].Members().Select(NftVerdict.Read).FirstOrDefault(verdict => verdict is not null) ?? NftVerdict.Accept)),
        ];
    }
}

internal enum NftVerdictKind
{
    Accept,
    Drop,
    Continue,
    Return,
    Jump,
    Goto,
}

/// <summary>Where a connection goes on.</summary>
/// <param name="Kind">What happens to it.</param>
/// <param name="Target">The chain of a jump or goto, else empty.</param>
internal sealed record NftVerdict(NftVerdictKind Kind, string Target = "")
{
    public static readonly NftVerdict Accept = new(NftVerdictKind.Accept);
    public static readonly NftVerdict Drop = new(NftVerdictKind.Drop);

    /// <summary>Null if it is no verdict that is known here.</summary>
    public static NftVerdict? Read(JsonProperty member) => member.Name switch
    {
        // Whoever is translated or handed to a program is not dropped here.
        "accept" or "queue" or "dnat" or "snat" or "masquerade" or "redirect" or "tproxy" or "synproxy" => Accept,
        "drop" or "reject" => Drop,
        "continue" => new NftVerdict(NftVerdictKind.Continue),
        "return" => new NftVerdict(NftVerdictKind.Return),
        "jump" => new NftVerdict(NftVerdictKind.Jump, member.Value.Text("target")),
        "goto" => new NftVerdict(NftVerdictKind.Goto, member.Value.Text("target")),
        _ => null,
    };
}
