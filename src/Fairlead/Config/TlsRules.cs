using System.Globalization;

namespace Fairlead;

/// <summary>How TLS is ended and begun, as far as that can be told without opening the files.</summary>
internal static class TlsRules
{
    /// <summary>What is wrong with the TLS of a forward's clients.</summary>
    /// <param name="tls">It.</param>
    /// <param name="key">Where it stands.</param>
    public static IEnumerable<Fault> Faults(TlsConfig tls, string key = "tls")
    {
        if (tls.Certificate.Count == 0)
            yield return new Fault($"{key}.certificate", "tls has no certificate; write the path of one in PEM") { Lacks = $"{key}.certificate" };
        else if (tls.Key.Count == 0)
            yield return new Fault($"{key}.key", "tls has a certificate without its key; write key: and the path of it, which may be the same file") { Lacks = $"{key}.key" };
        else if (tls.Certificate.Count != tls.Key.Count)
            yield return new Fault($"{key}.key", string.Create(CultureInfo.InvariantCulture, $"tls has {Count(tls.Certificate.Count, "certificate")} and {Count(tls.Key.Count, "key")}; write as many, in the same order"));
        for (var i = 0; i < tls.Certificate.Count; i++)
        {
            if (PathFault(tls.Certificate[i]) is { } fault)
                yield return new Fault($"{key}.certificate[{i}]", $"certificate {fault}");
            else if (tls.Certificate.ToList().IndexOf(tls.Certificate[i]) < i)
                yield return new Fault($"{key}.certificate[{i}]", $"certificate {Printable.Escape(tls.Certificate[i])} is written twice; keep one");
        }
        for (var i = 0; i < tls.Key.Count; i++)
        {
            if (PathFault(tls.Key[i]) is { } fault)
                yield return new Fault($"{key}.key[{i}]", $"key {fault}");
        }
        if (tls.ClientCa is { } ca && PathFault(ca) is { } caFault)
            yield return new Fault($"{key}.client_ca", $"client_ca {caFault}");
        foreach (var fault in AlpnFaults(tls.Alpn, $"{key}.alpn"))
            yield return fault;
    }

    /// <summary>What is wrong with the TLS to an upstream.</summary>
    /// <param name="tls">It.</param>
    /// <param name="address">The upstream's address.</param>
    /// <param name="key">Where it stands, like <c>to[0].tls</c>.</param>
    public static IEnumerable<Fault> Faults(UpstreamTlsConfig tls, Endpoint address, string key)
    {
        if (address is PortEndpoint { Protocols: PortProtocols.Udp })
            yield return new Fault(key, "tls is for TCP, and the upstream is one of UDP; leave it out");
        if (tls.Name is { } name && (name.Length == 0 ? "is empty; write the name that the certificate is for" : HostText.Fault(name)) is { } nameFault)
            yield return new Fault($"{key}.name", $"name {nameFault}");
        if (tls.Name is null && address is UnixEndpoint && (tls.Pin.Count == 0 || tls.Ca is not null))
            yield return new Fault(key, "a Unix socket has no name that a certificate could be for; write name: and the name in its certificate, or pin: and its key") { Lacks = $"{key}.name" };
        if (tls.Certificate is not null && tls.Key is null)
            yield return new Fault($"{key}.key", "tls has a certificate without its key; write key: and the path of it, which may be the same file") { Lacks = $"{key}.key" };
        if (tls.Key is not null && tls.Certificate is null)
            yield return new Fault($"{key}.certificate", "tls has a key without its certificate; write certificate: and the path of it") { Lacks = $"{key}.certificate" };
        foreach (var (part, path) in ((string, string?)[])[("ca", tls.Ca), ("certificate", tls.Certificate), ("key", tls.Key)])
        {
            if (path is not null && PathFault(path) is { } fault)
                yield return new Fault($"{key}.{part}", $"{part} {fault}");
        }
        foreach (var fault in AlpnFaults(tls.Alpn, $"{key}.alpn"))
            yield return fault;
    }

    // RFC 7301 section 3.1: 1 to 255 bytes each. The registered ones are ASCII, but for greasing.
    private static IEnumerable<Fault> AlpnFaults(ValueList<string> protocols, string key)
    {
        for (var i = 0; i < protocols.Count; i++)
        {
            if (protocols[i].Length is 0 or > 255 || protocols[i].AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0)
                yield return new Fault($"{key}[{i}]", $"alpn '{Printable.Escape(protocols[i])}' is not the name of a protocol; write one like h2 or http/1.1, of 1 to 255 characters");
            else if (protocols.ToList().IndexOf(protocols[i]) < i)
                yield return new Fault($"{key}[{i}]", $"alpn {protocols[i]} is written twice; keep one");
        }
    }

    private static string? PathFault(string path)
    {
        if (path.Length == 0)
            return "is an empty path; write the path of a file in PEM";
        return path.Contains('\0', StringComparison.Ordinal) ? $"'{Printable.Escape(path)}' has a NUL character; a path has none" : null;
    }

    private static string Count(int count, string word) => string.Create(CultureInfo.InvariantCulture, $"{count} {word}{(count == 1 ? "" : "s")}");
}
