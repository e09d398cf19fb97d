namespace Fairlead;

/// <summary>What a new list of forwards changes in the one that runs: pure. A forward is the same when its name is, or without one its first listen.</summary>
/// <param name="Added">Forwards that did not run.</param>
/// <param name="Removed">Forwards that are not to run any more.</param>
/// <param name="Changed">Forwards that run, and something of which is to be otherwise.</param>
/// <param name="Unchanged">Forwards that run just so.</param>
public sealed record ConfigChange(
    IReadOnlyList<ForwardConfig> Added,
    IReadOnlyList<ForwardConfig> Removed,
    IReadOnlyList<(ForwardConfig Old, ForwardConfig New)> Changed,
    IReadOnlyList<ForwardConfig> Unchanged)
{
    /// <summary>Whether all stays as it is.</summary>
    public bool IsNothing => Added.Count + Removed.Count + Changed.Count == 0;

    /// <summary>The difference; each list keeps the order in which its forwards are written.</summary>
    public static ConfigChange Between(IReadOnlyList<ForwardConfig> running, IReadOnlyList<ForwardConfig> wanted)
    {
        var (old, next) = (ByIdentity(running), ByIdentity(wanted));
        var (added, removed, changed, unchanged) = (new List<ForwardConfig>(), new List<ForwardConfig>(), new List<(ForwardConfig, ForwardConfig)>(), new List<ForwardConfig>());
        foreach (var (identity, forward) in next)
        {
            if (!old.TryGetValue(identity, out var before))
                added.Add(forward);
            else if (before == forward)
                unchanged.Add(forward);
            else
                changed.Add((before, forward));
        }
        foreach (var (identity, forward) in old)
        {
            if (!next.ContainsKey(identity))
                removed.Add(forward);
        }
        return new ConfigChange(added, removed, changed, unchanged);
    }

    /// <summary>The forwards by what makes them the same after a reload, in their order. Of several on "any port" of the same address, the first is the first.</summary>
    internal static OrderedDictionary<string, ForwardConfig> ByIdentity(IReadOnlyList<ForwardConfig> forwards)
    {
        var all = new OrderedDictionary<string, ForwardConfig>(forwards.Count);
        var twins = new Dictionary<string, int>();
        foreach (var forward in forwards)
        {
            if (!all.TryAdd(forward.Title, forward))
                all.Add($"{forward.Title} {twins[forward.Title] = twins.GetValueOrDefault(forward.Title, 1) + 1}", forward);
        }
        return all;
    }

    /// <summary><c>1 added, 2 changed, 7 unchanged</c>, or <c>nothing changed</c>.</summary>
    public override string ToString()
    {
        if (IsNothing)
            return "nothing changed";
        (int Count, string Word)[] parts = [(Added.Count, "added"), (Removed.Count, "removed"), (Changed.Count, "changed"), (Unchanged.Count, "unchanged")];
        return string.Join(", ", parts.Where(part => part.Count > 0).Select(part => $"{part.Count} {part.Word}"));
    }
}
