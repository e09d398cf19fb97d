namespace Fairlead;

/// <summary>How a forward ends the TLS of its clients, so that what goes on to the upstream is plain.</summary>
public sealed record TlsConfig
{
    /// <summary>
    /// Files of certificates in PEM: the server's own, then those that lead to its authority. Of several, a client gets the first whose names fit the one that it asks for, else
    /// the first of all.
    /// </summary>
    public required ValueList<string> Certificate { get; init; }

    /// <summary>Files of their private keys in PEM, without a password: as many, in the same order. A key may stand in the file of its certificate.</summary>
    public required ValueList<string> Key { get; init; }

    /// <summary>
    /// A file of the authorities whose certificates let clients in, in PEM; each client then has to show one. The system's authorities mean nothing for it. Null: clients are not
    /// asked.
    /// </summary>
    public string? ClientCa { get; init; }

    /// <summary>The oldest version that is spoken.</summary>
    public TlsVersion Min { get; init; } = TlsVersion.Tls12;

    /// <summary>
    /// The applications' protocols that clients are offered (ALPN), the best first. A client that speaks of it and knows none is turned away, as RFC 7301 has it. Empty: nothing is
    /// said.
    /// </summary>
    public ValueList<string> Alpn { get; init; } = [];
}

/// <summary>A version of TLS.</summary>
public enum TlsVersion
{
    /// <summary>TLS 1.2, written <c>1.2</c>.</summary>
    Tls12,

    /// <summary>TLS 1.3, written <c>1.3</c>.</summary>
    Tls13,
}

/// <summary>How an upstream is spoken to inside TLS. Its certificate is always verified, by an authority or by its key.</summary>
public sealed record UpstreamTlsConfig
{
    /// <summary>The name, or the address, that its certificate has to be for, and that it is asked for; null: the host of its address.</summary>
    public string? Name { get; init; }

    /// <summary>A file of the authorities that may have signed its certificate, in PEM; null: the system's, or none where there is a <see cref="Pin"/>.</summary>
    public string? Ca { get; init; }

    /// <summary>
    /// The keys that its certificate may have, one or, while it is replaced, several. Without <see cref="Ca"/> nothing else of the certificate counts: neither who signed it, nor
    /// its names, nor its dates. Empty: any key.
    /// </summary>
    public ValueList<PublicKeyPin> Pin { get; init; } = [];

    /// <summary>The applications' protocols that it is offered (ALPN), the best first; empty: nothing is said.</summary>
    public ValueList<string> Alpn { get; init; } = [];

    /// <summary>A file of this end's certificate in PEM, with those that lead to its authority, for an upstream that asks for one; null: none is shown.</summary>
    public string? Certificate { get; init; }

    /// <summary>The file of its private key in PEM, without a password.</summary>
    public string? Key { get; init; }
}
