using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Certificates that say anything, signed by an authority of the tests (PROTOCOL.certkeys).</summary>
internal static class TestCertificates
{
    public static SshPrivateKey Authority { get; } = SshPrivateKey.Generate();

    /// <summary>Makes one.</summary>
    /// <param name="key">Whose it is.</param>
    /// <param name="kind">1: a user's; 2: a host's.</param>
    /// <param name="principals">For whom; null: alice.</param>
    /// <param name="after">From when on it is valid.</param>
    /// <param name="before">Until when.</param>
    /// <param name="critical">Options with a string as their value.</param>
    /// <param name="extensions">Options without one; null: port forwarding is permitted.</param>
    /// <param name="signs">Who signs it in the authority's name; null: the authority.</param>
    public static byte[] Make(SshPublicKey key, uint kind = 1, IEnumerable<string>? principals = null, ulong after = 0, ulong before = ulong.MaxValue, IEnumerable<(string Name, string Value)>? critical = null,
        IEnumerable<string>? extensions = null, SshPrivateKey? signs = null)
    {
        var fields = new SshReader(key.Blob.Span);
        var names = new SshWriter();
        foreach (var name in principals ?? ["alice"])
            names.WriteString(name);
        var options = new SshWriter();
        foreach (var (name, value) in critical ?? [])
            options.WriteString(name).WriteString(new SshWriter().WriteString(value).Written);
        var more = new SshWriter();
        foreach (var name in extensions ?? ["permit-port-forwarding"])
            more.WriteString(name).WriteString("");
        var writer = new SshWriter().WriteString(fields.ReadText() + SignatureAlgorithms.CertificateSuffix).WriteString("nonce").WriteBytes(fields.Rest).WriteUInt64(1).WriteUInt32(kind).WriteString("id")
            .WriteString(names.Written).WriteUInt64(after).WriteUInt64(before).WriteString(options.Written).WriteString(more.Written).WriteString("").WriteString(Authority.PublicKey.Blob.Span);
        signs ??= Authority;
        return writer.WriteString(signs.Sign(signs.PublicKey.Algorithms[0], writer.ToArray())).ToArray();
    }
}
