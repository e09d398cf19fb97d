namespace Fairlead;

/// <summary>By whom is dialled: the far end of a tunnel, proxies, or proxies that a tunnel's far end dials.</summary>
/// <param name="Tunnel">The tunnel's name; null: none.</param>
/// <param name="Proxies">The proxies, the nearest first.</param>
internal sealed record ViaWay(string? Tunnel, ValueList<ProxyUrl> Proxies)
{
    /// <summary>As it is written, with commas.</summary>
    public override string ToString() => string.Join(", ", Proxies.Select(proxy => proxy.ToString()).Prepend(Tunnel).OfType<string>());
}

/// <summary>One step of a <see cref="ViaWay"/>: one of the two is there.</summary>
/// <param name="Tunnel">A tunnel's name.</param>
/// <param name="Proxy">A proxy.</param>
internal sealed record ViaHop(string? Tunnel, ProxyUrl? Proxy)
{
    /// <summary>What stands for a hop that has an error.</summary>
    public static readonly ViaHop None = new(null, Kinds.NoProxy);

    /// <summary>Reads a hop: an URL, or the name of a tunnel.</summary>
    /// <param name="text">The text.</param>
    /// <param name="kind">What it is for: how errors begin.</param>
    /// <param name="readFile">Gives the text of a secret's file, or throws a <see cref="FormatException"/>.</param>
    /// <exception cref="FormatException">It is neither.</exception>
    public static ViaHop Parse(string text, string kind, Func<string, string> readFile)
    {
        var isUrl = text.Contains("://", StringComparison.Ordinal);
        if (isUrl && text.StartsWith(SshTarget.Scheme, StringComparison.OrdinalIgnoreCase))
            return new ViaHop(TunnelName(text, kind), null);
        // Who writes the place of a proxy is told what is missing before it.
        return isUrl || text.AsSpan().IndexOfAny(":.@/") >= 0 ? new ViaHop(null, ProxyUrl.Parse(text, kind, readFile)) : new ViaHop(TunnelName(text, kind), null);
    }

    /// <summary>The name of a tunnel; of one that is written as an URL, that URL in its shortest form.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static string TunnelName(string text, string kind)
    {
        if (text.StartsWith(SshTarget.Scheme, StringComparison.OrdinalIgnoreCase))
            return SshTarget.Parse(text, kind).Url;
        return EndpointRules.NameFault(text) is { } fault
            ? throw new FormatException($"{kind} '{Printable.Escape(text)}' is not the name of a tunnel, which {fault}; nor is it ssh://[USER@]HOST[:PORT]")
            : text;
    }
}

/// <summary>Hops, of which the first alone may be a tunnel.</summary>
internal sealed class ViaKind : Kind<ViaWay>
{
    private static readonly ListKind<ViaHop> hops = new(new TextKind<ViaHop>("name of a tunnel, or URL", "socks5://10.0.0.9:1080", """{"type":"string","pattern":"^((socks5h?|socks4a|http|ssh)://.+|[a-z0-9-]{1,63})$"}""",
        (text, key, reading) => ViaHop.Parse(text, key, reading.ReadSecret), hop => hop.Tunnel ?? hop.Proxy!.ToString()), ViaHop.None);

    public override string Form => hops.Form;

    public override string Schema => hops.Schema;

    public override ViaWay Read(YamlNode node, string key, ViaWay current, Reading reading)
    {
        var before = reading.ErrorCount;
        var read = hops.Read(node, key, [], reading);
        for (var i = 1; i < read.Count; i++)
        {
            if (read[i].Tunnel is { } tunnel)
                reading.Error(((YamlList)node).Items[i], NotFirst(key, tunnel));
        }
        return reading.ErrorCount == before ? Of(read) : current;
    }

    public override string Show(ViaWay value) => $"[{value}]";

    /// <summary>What hops come to, of which the first alone is a tunnel.</summary>
    public static ViaWay Of(IReadOnlyList<ViaHop> hops) => new(hops.Count > 0 ? hops[0].Tunnel : null, [.. hops.Select(hop => hop.Proxy).OfType<ProxyUrl>()]);

    /// <summary>Why a tunnel cannot stand behind other hops.</summary>
    public static string NotFirst(string key, string tunnel) =>
        $"{key} '{Printable.Escape(tunnel)}' is a tunnel, which this machine connects to itself, so it can only be the first; write it first, or give it a way of its own: jump, in the tunnel";
}
