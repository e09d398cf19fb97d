using System.Text.Json;

namespace Fairlead;

/// <summary>A chain of the packet filter.</summary>
/// <param name="Family"><c>ip</c>, <c>ip6</c>, <c>inet</c> or one that no TCP connection comes by.</param>
/// <param name="Table">The table's name, unique within its family.</param>
/// <param name="Name">The chain's, unique within its table.</param>
/// <param name="Hook">Where the kernel calls it; empty if only other chains do.</param>
/// <param name="Priority">Which of a hook's chains comes first: the lower.</param>
/// <param name="Drops">Whether its policy is to drop.</param>
internal sealed record NftChain(string Family, string Table, string Name, string Hook, long Priority, bool Drops)
{
    /// <summary>The statements of each rule, in order.</summary>
    public List<IReadOnlyList<NftStatement>> Rules { get; } = [];

    /// <summary>Whether it is called at all for connections over IPv4 or IPv6.</summary>
    public bool Sees(bool ipv6) => Family == "inet" || Family == (ipv6 ? "ip6" : "ip");
}

/// <summary>What <c>nft -j list ruleset</c> prints (libnftables-json(5)), as far as it decides who gets in.</summary>
internal sealed class Ruleset
{
    /// <summary>The most rules, chains and sets that are read; what is beyond makes the whole unreadable, since half a ruleset says something else.</summary>
    public const int Limit = 1_000_000;

    private readonly Dictionary<(string Family, string Table, string Name), NftChain> chains = [];
    private readonly Dictionary<(string Family, string Table, string Name), NftValue> sets = [];
    private readonly Dictionary<(string Family, string Table, string Name), IReadOnlyList<(NftValue, NftVerdict)>> maps = [];

    /// <summary>All chains.</summary>
    public IEnumerable<NftChain> Chains => chains.Values;

    /// <summary>Reads a listing. What it does not know it takes for undecidable; a ruleset of any shape is safe to read.</summary>
    /// <param name="json">What nft printed; a line before the first brace, where some versions warn, is left out.</param>
    /// <returns>Null if it is not JSON.</returns>
    public static Ruleset? Read(ReadOnlyMemory<byte> json)
    {
        var start = json.Span.IndexOf((byte)'{');
        if (start < 0)
            return null;
        try
        {
            using var document = JsonDocument.Parse(json[start..]);
            var ruleset = new Ruleset();
            return document.RootElement.Member("nftables") is { } objects && ruleset.ReadAll(objects) ? ruleset : null;
        }
        // Half a pair of surrogates is found only when the text is taken out.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The chain that a chain's rule jumps to; null if there is none of the name.</summary>
    public NftChain? Target(NftChain from, string name) => chains.GetValueOrDefault((from.Family, from.Table, name));

    /// <summary>What is in a named set; null if that is not known, or changes with the packets.</summary>
    public NftValue? Set(NftChain from, string name) => sets.GetValueOrDefault((from.Family, from.Table, name));

    /// <summary>What is in a named verdict map; null as for <see cref="Set"/>.</summary>
    public IReadOnlyList<(NftValue Value, NftVerdict Verdict)>? Map(NftChain from, string name) => maps.GetValueOrDefault((from.Family, from.Table, name));

    private bool ReadAll(JsonElement objects)
    {
        HashSet<(string, string)> dormant = [];
        // Rules come behind their chains within a table, yet nobody promised it: two rounds.
        var count = 0;
        foreach (var member in objects.Elements().SelectMany(LooseJson.Members))
        {
            if (++count > Limit)
                return false;
            var (family, table, name) = (member.Value.Text("family"), member.Value.Text("table"), member.Value.Text("name"));
            switch (member.Name)
            {
                case "table" when member.Value.Member("flags") is { } flags && HasFlag(flags, "dormant"):
                    dormant.Add((family, name));
                    break;
                case "chain":
                    chains[(family, table, name)] = new NftChain(family, table, name, member.Value.Text("hook"), Priority(member.Value), member.Value.Text("policy") == "drop");
                    break;
                case "set" when member.Value.Member("flags") is not { } flags || !HasFlag(flags, "dynamic"):
                    sets[(family, table, name)] = new NftValue.Any(member.Value.Member("elem") is { } elements ? [.. elements.Elements().Select(NftValue.Read)] : []);
                    break;
                case "map" when member.Value.Text("map") == "verdict" && (member.Value.Member("flags") is not { } flags || !HasFlag(flags, "dynamic")):
                    maps[(family, table, name)] = member.Value.Member("elem") is { } pairs ? NftStatement.ReadElements(pairs) : [];
                    break;
            }
        }
        foreach (var member in objects.Elements().SelectMany(LooseJson.Members).Where(member => member.Name == "rule"))
        {
            var key = (member.Value.Text("family"), member.Value.Text("table"), member.Value.Text("chain"));
            if (chains.TryGetValue(key, out var chain) && member.Value.Member("expr") is { } expressions)
                chain.Rules.Add(NftStatement.ReadAll(expressions));
        }
        foreach (var key in chains.Keys.Where(key => dormant.Contains((key.Family, key.Table))))
            chains.Remove(key);
        return true;
    }

    private static bool HasFlag(JsonElement flags, string flag)
    {
        return flags.ValueKind == JsonValueKind.String ? flags.GetString() == flag : flags.Elements().Any(one => one.ValueKind == JsonValueKind.String && one.GetString() == flag);
    }

    private static long Priority(JsonElement chain) => chain.Member("prio") is { ValueKind: JsonValueKind.Number } priority && priority.TryGetInt64(out var value) ? value : 0;
}
