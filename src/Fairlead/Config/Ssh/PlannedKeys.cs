using System.Globalization;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Whom the hub lets in as its file of keys is now, and what each may do.</summary>
/// <param name="Keys">The lines that are accepted, in the order of the file.</param>
/// <param name="Warnings">Lines that are not, options that do nothing here, and that nobody can come in; a line each.</param>
internal sealed record PlannedKeys(IReadOnlyList<PlannedKey> Keys, IReadOnlyList<string> Warnings)
{
    /// <summary>Reads the hub's file of keys. Blocks.</summary>
    /// <param name="hub">The hub.</param>
    /// <param name="now">Whether a key's time is over.</param>
    /// <exception cref="SshKeyException">The file cannot be read; the message names it and the remedy.</exception>
    public static PlannedKeys Of(HubConfig hub, DateTimeOffset now)
    {
        var file = AuthorizedKeys.Read(hub.AuthorizedKeys, TimeZoneInfo.Local);
        var warnings = file.Findings.Select(finding => $"{finding.File}:{finding.Line}: warning: {Printable.Escape(finding.Text, 4096)}");
        if (file.Keys.All(key => key.IsExpired(now)))
            warnings = warnings.Append($"{Printable.Escape(hub.AuthorizedKeys, 4096)}: warning: no key in it is accepted, so that nobody can come in; add a line for each who may, which is the one in id_ed25519.pub on his machine");
        return new PlannedKeys([.. file.Keys.Select(key => PlannedKey.Of(key, hub, now))], [.. warnings]);
    }
}

/// <summary>A line of the hub's file of keys.</summary>
/// <param name="Line">Its number.</param>
/// <param name="Type">The type of the key: <c>ssh-ed25519</c>.</param>
/// <param name="Fingerprint">The key, as <c>ssh-keygen -lf</c> shows it.</param>
/// <param name="Comment">What the file says about it: any text.</param>
/// <param name="From">From where it may be used, as it is written; empty for everywhere.</param>
/// <param name="Connect">Where it may connect to: <c>anywhere</c>, <c>nowhere</c>, or hosts with ports.</param>
/// <param name="Listen">Where it may have the hub listen, in the same way.</param>
/// <param name="Until">When it may be used last; null if that does not end.</param>
/// <param name="IsExpired">Whether that is over.</param>
internal sealed record PlannedKey(int Line, string Type, string Fingerprint, string Comment, string From, string Connect, string Listen, DateTimeOffset? Until, bool IsExpired)
{
    private const string Anywhere = "anywhere", Nowhere = "nowhere";

    /// <summary>Of an authority, whose certificates it signs: <c>the user who logs in</c>, or the names that they may be for; empty for a key that is let in itself.</summary>
    public string SignsFor { get; init; } = "";

    /// <summary><see cref="Until"/> in UTC: <c>2027-01-31T00:00:00Z</c>; empty for null.</summary>
    public string UntilText => Until?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) ?? "";

    public static PlannedKey Of(AuthorizedKey key, HubConfig hub, DateTimeOffset now)
    {
        var listen = hub.MaxListens == 0 ? Nowhere : Shown(key, key.PermitListen, hub.GatewayPorts ? Anywhere : PlannedHub.LoopbackOnly);
        return new PlannedKey(key.Line, key.Key.Type, key.Key.Fingerprint, key.Comment, key.From?.ToString() ?? "", Shown(key, key.PermitOpen, Anywhere), listen, key.Expires, key.IsExpired(now))
        {
            SignsFor = key.IsAuthority ? key.Principals is { } names ? string.Join(", ", names) : "the user who logs in" : "",
        };
    }

    private static string Shown(AuthorizedKey key, IReadOnlyList<ForwardPermission>? permissions, string without) => !key.MayForward || permissions is { Count: 0 } ? Nowhere : permissions is null ? without
        : string.Join(", ", permissions.Select(permission => Shown(permission, without)));

    // A port alone says nothing of where: as without it.
    private static string Shown(ForwardPermission permission, string without)
    {
        var host = permission.IsBare && without != Anywhere ? "loopback" : permission.Host.Contains(':', StringComparison.Ordinal) ? $"[{permission.Host}]" : permission.Host;
        return $"{host}:{permission.Port?.ToString(CultureInfo.InvariantCulture) ?? "*"}";
    }
}
