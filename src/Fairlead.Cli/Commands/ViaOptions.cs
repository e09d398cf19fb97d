using System.CommandLine;
using System.Net;

namespace Fairlead.Cli;

/// <summary>Options that say who is let in, and through which proxies is dialled.</summary>
internal static class ViaOptions
{
    public static readonly Option<IReadOnlyList<IPNetwork>[]?> Allow = Values.List("--allow", "CIDR", "Networks whose clients alone are let in. Repeat it for more", AddressText.Networks);

    public static readonly Option<IReadOnlyList<IPNetwork>[]?> Deny = Values.List("--deny", "CIDR", "Networks whose clients are refused, before --allow is asked", AddressText.Networks);

    public static readonly Option<ViaHop[]?> Via = Values.List("--via", "URL",
        "A proxy to dial through: socks5://[USER:PASSWORD@]HOST:PORT, socks5h://, socks4a:// or http://; or an SSH server, ssh://[USER@]HOST[:PORT]. Repeat it for a chain, which such a server can only begin", Hop);

    /// <summary>The forward with what they say.</summary>
    /// <param name="forward">The forward.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="warnings">What is worth a warning.</param>
    public static ForwardConfig Apply(ForwardConfig forward, ParseResult parsed, List<string> warnings)
    {
        var hops = parsed.Written(Via) ?? [];
        if (hops.Skip(1).FirstOrDefault(hop => hop.Tunnel is not null) is { Tunnel: { } late })
            throw new UsageException([ViaKind.NotFirst(Via.Name, late)]);
        if (parsed.GetResult(Via) is { } written && hops.Zip(written.Tokens).Any(pair => pair.First.Proxy?.Password is not null && !IsElsewhere(PasswordIn(pair.Second.Value))))
            warnings.Add("the password of --via stands on the command line, where every user of this machine can read it; write USER:env:VARIABLE@ or USER:file:PATH@ instead");
        var way = ViaKind.Of(hops);
        return WithNetworks(forward with { Tunnel = way.Tunnel, Via = way.Proxies }, parsed);
    }

    /// <summary>The forward with whom the command line lets in.</summary>
    public static ForwardConfig WithNetworks(ForwardConfig forward, ParseResult parsed)
    {
        return forward with
        {
            Deny = [.. (parsed.Written(Deny) ?? []).SelectMany(networks => networks)],
            Allow = parsed.Written(Allow) is { } allowed ? [.. allowed.SelectMany(networks => networks)] : null,
        };
    }

    /// <summary>Whether a secret names where it is, instead of being it.</summary>
    public static bool IsElsewhere(string secret) => secret.StartsWith("env:", StringComparison.Ordinal) || secret.StartsWith("file:", StringComparison.Ordinal);

    /// <summary>The text of a secret's file, if it can be trusted.</summary>
    /// <exception cref="FormatException">It cannot be had.</exception>
    public static string ReadFile(string path) => new ConfigurationFiles(FileTrust.Fault).ReadSecret(path);

    // Tunnels with names are written in a file.
    private static ViaHop Hop(string text)
    {
        return text.Contains("://", StringComparison.Ordinal) ? ViaHop.Parse(text, "proxy", ReadFile) : new ViaHop(null, ProxyUrl.Parse(text, "proxy", ReadFile));
    }

    private static string PasswordIn(string url)
    {
        var (start, at) = (url.IndexOf("://", StringComparison.Ordinal) + 3, url.LastIndexOf('@'));
        var colon = at > start ? url.IndexOf(':', start, at - start) : -1;
        return colon < 0 ? "" : url[(colon + 1)..at];
    }
}
