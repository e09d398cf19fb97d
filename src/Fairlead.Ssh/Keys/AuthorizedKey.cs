using System.Net;

namespace Fairlead.Ssh;

/// <summary>A key that may come in, and what it may do. Immutable.</summary>
internal sealed class AuthorizedKey
{
    private AuthorizedKey(string file, int line, SshPublicKey key, string comment, KeyOptions options)
    {
        (File, Line, Key, Comment) = (file, line, key, comment);
        (From, PermitOpen, PermitListen, MayForward, Expires, Notes) = (options.From, options.PermitOpen, options.PermitListen, options.MayForward, options.Expires, options.Notes);
        (IsAuthority, Principals) = (options.IsAuthority, options.Principals);
    }

    // What a certificate of an authority lets its key do.
    private AuthorizedKey(AuthorizedKey authority, SshCertificate certificate)
    {
        (File, Line, Key, Comment, Certificate) = (authority.File, authority.Line, certificate.Key, authority.Comment, certificate);
        (From, PermitOpen, PermitListen, Expires, Notes) = (authority.From, authority.PermitOpen, authority.PermitListen, authority.Expires, authority.Notes);
        MayForward = authority.MayForward && certificate.HasExtension("permit-port-forwarding");
    }

    /// <summary>The file it stands in, as a message may have it.</summary>
    public string File { get; }

    public int Line { get; }

    public SshPublicKey Key { get; }

    /// <summary>What the file says about it: any text, to be shown escaped.</summary>
    public string Comment { get; }

    /// <summary>Whether it is let in only as the authority that has signed a certificate, and never itself.</summary>
    public bool IsAuthority { get; }

    /// <summary>Of an authority: whom its certificates have to be for; null: the user who logs in.</summary>
    public IReadOnlyList<string>? Principals { get; }

    /// <summary>By what it is let in that does not stand in the file itself; null if it does.</summary>
    public SshCertificate? Certificate { get; }

    /// <summary>From where it may be used; null is from everywhere.</summary>
    public FromList? From { get; }

    /// <summary>Where it may connect to; null is everywhere, and an empty list nowhere.</summary>
    public IReadOnlyList<ForwardPermission>? PermitOpen { get; }

    /// <summary>Where it may listen; null is wherever the server lets it, and an empty list nowhere.</summary>
    public IReadOnlyList<ForwardPermission>? PermitListen { get; }

    /// <summary>Whether it may forward at all.</summary>
    public bool MayForward { get; }

    /// <summary>When it was to be used last; null if it does not end.</summary>
    public DateTimeOffset? Expires { get; }

    /// <summary>What is not done that its options ask for, in sentences.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Reads a line that is neither empty nor a comment: <c>[OPTIONS] TYPE BASE64 [COMMENT]</c>.</summary>
    /// <exception cref="FormatException">It is not accepted; the message says why and what to do.</exception>
    public static AuthorizedKey Parse(string file, int number, string line, TimeZoneInfo zone)
    {
        if (KeyLines.Fault(line) is { } fault)
            throw new FormatException(fault);
        var rest = line.AsSpan();
        var options = ReadOnlySpan<char>.Empty;
        if (!BeginsWithKey(rest))
        {
            options = rest[..KeyOptions.EndOf(rest)];
            rest = rest[options.Length..].TrimStart(KeyLines.WhiteSpace);
        }

        // Options first: of one that is not known, or quoted wrongly, the rest of the line does not look like a key either.
        var read = KeyOptions.Parse(options, zone);
        return SshPublicKey.TryParse(rest.ToString(), out var key, out var comment, out var keyFault) ? new AuthorizedKey(file, number, key, comment, read) : throw new FormatException(keyFault);
    }

    /// <summary>Whether it may be used from there.</summary>
    /// <param name="client">The client's address; null if it has none, when a list of addresses does not let it in.</param>
    public bool MayConnectFrom(IPAddress? client) => From is null || (client is not null && From.Allows(client));

    /// <summary>What a certificate of this authority may do; null: it lets nobody in, for the reason that is told. Takes longer than an event loop may.</summary>
    /// <param name="certificate">The certificate, whose authority this is.</param>
    /// <param name="user">The name that is asked for; a stranger's text.</param>
    /// <param name="client">The client's address; null if it has none.</param>
    /// <param name="now">The time.</param>
    /// <param name="fault">Why not, as a clause.</param>
    public AuthorizedKey? Admit(SshCertificate certificate, string user, IPAddress? client, DateTimeOffset now, out string? fault)
    {
        fault = !certificate.IsSigned() ? "its signature is not that of the authority"
            : certificate.Kind != SshCertificateKind.User ? "it is a host's"
            : !certificate.IsValidAt(now) ? "it is not valid at this time"
            : !certificate.Principals.Any(Principals is null ? user.Equals : Principals.Contains) ? $"it is for {(certificate.Principals.Count == 0 ? "nobody by name" : KeyLines.Shown(string.Join(", ", certificate.Principals), 255))}"
            : certificate.CriticalOptions.Select(option => OptionFault(option.Name, option.Value.Span, client)).FirstOrDefault(static found => found is not null);
        return fault is null ? new AuthorizedKey(this, certificate) : null;
    }

    /// <summary>Whether its time is over.</summary>
    public bool IsExpired(DateTimeOffset now) => Expires < now;

    /// <summary>Whether it may have a connection opened.</summary>
    /// <param name="host">The host as the client wrote it, an IPv6 address without brackets: it has to be written the same in the file.</param>
    /// <param name="port">The port.</param>
    public bool MayOpen(string host, int port) => MayForward && (PermitOpen is null || PermitOpen.Any(permission => permission.Opens(host, port)));

    /// <summary>Whether its line names the host that a connection is to be opened to, and not any.</summary>
    /// <inheritdoc cref="MayOpen"/>
    public bool NamesTarget(string host, int port) => MayForward && PermitOpen?.Any(permission => permission.Host != "*" && permission.Opens(host, port)) == true;

    /// <summary>Whether it may have a port listened on. What the server allows of itself is another matter.</summary>
    /// <param name="host">The address to bind as the client wrote it (RFC 4254 section 7.1), which may be empty or a name.</param>
    /// <param name="port">The port; 0, any that is free, is allowed only where any port is.</param>
    public bool MayListen(string host, int port) => MayForward && (PermitListen is null || PermitListen.Any(permission => permission.Listens(host, port)));

    /// <summary>Whether its line says by a host where a port may be listened on, and not by a port alone.</summary>
    /// <inheritdoc cref="MayListen"/>
    public bool NamesHost(string host, int port) => PermitListen?.Any(permission => !permission.IsBare && permission.Listens(host, port)) == true;

    // Of a certificate (PROTOCOL.certkeys). A forced command is one that nobody can run here.
    private static string? OptionFault(string name, ReadOnlySpan<byte> value, IPAddress? client)
    {
        switch (name)
        {
            case "force-command":
                return null;
            case "source-address":
                try
                {
                    var fields = new SshReader(value);
                    var list = fields.ReadText();
                    fields.End();
                    // Addresses and networks; what else a list in the file may have is not for certificates.
                    if (list.AsSpan().IndexOfAny("!*?") < 0 && client is not null && FromList.Parse(list).Allows(client))
                        return null;
                }
                catch (Exception error) when (error is SshFormatException or FormatException)
                {
                }
                return "it is not for who comes from there";
            default:
                return $"it has the option {KeyLines.Shown(name)}, which is not known and has to be heeded";
        }
    }

    // A blob begins with the length of the type's name, whose upper bytes are zero: AAAA. No option does, and none is called as types are.
    private static bool BeginsWithKey(ReadOnlySpan<char> line)
    {
        var type = KeyLines.Field(ref line);
        return type.IndexOfAny("\"=,") < 0
            && (line.StartsWith("AAAA", StringComparison.Ordinal) || type.StartsWith("ssh-", StringComparison.Ordinal) || type.StartsWith("ecdsa-", StringComparison.Ordinal) || type.StartsWith("sk-", StringComparison.Ordinal));
    }
}
