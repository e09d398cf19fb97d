using System.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// Whether the key of a tunnel's server is believed: by its pins, or by files of known hosts, which may name an authority. Strict, unless new ones are to be accepted; a changed key
/// never is. What the files say of a server that is believed by them follows what it proves of itself.
/// </summary>
/// <param name="server">The server, with what holds for it.</param>
/// <param name="address">Where it was reached; null where that is not known.</param>
/// <param name="time">By which certificates are valid.</param>
/// <param name="log">Told of keys that are written down.</param>
internal sealed class TunnelTrust(TunnelConfig server, IPAddress? address, TimeProvider time, Action<LogEntry> log)
{
    // Nothing else may be written into the file meanwhile by another tunnel of this process.
    private static readonly Lock gate = new();

    private bool isByFile;

    private string Host => server.Options.HostKeyAlias ?? server.Ssh.Host;

    // Names are of the host alone.
    private int Port => server.Options.HostKeyAlias is null ? server.Ssh.Port : SshTarget.DefaultPort;

    private IEnumerable<string> Files => server.KnownHostsFiles.Concat(server.Options.GlobalKnownHosts);

    private bool IsPinned => server.HostKey.Count > 0;

    // As UpdateHostKeys of ssh_config(5): a file that the user has named is his to change, unless he says so.
    private bool FollowsServer => server.Options.UpdateHostKeys ?? server.KnownHosts.Count == 0;

    /// <summary>The types of the keys that are known of it, and whether certificates of it can be checked. Blocks.</summary>
    /// <exception cref="SshKeyException">A file cannot be read.</exception>
    public (IReadOnlyList<string> Types, bool HasAuthority) Known()
    {
        if (IsPinned)
            return ([], false);
        var hosts = KnownHosts.Read(Files);
        return ([.. hosts.AlgorithmsOf(Host, Port)], hosts.HasAuthority(Host, Port));
    }

    /// <summary>What is to be said against a key; null: nothing. Blocks.</summary>
    public string? Check(SshPresentedKey shown)
    {
        var key = shown.Key;
        if (server.Options.RequiredRsaBits is { } least && key.RsaBits < least)
            return $"{Printable.Escape(server.Ssh.Host)} shows an RSA key of {key.RsaBits} bits, and RequiredRSASize asks for {least}; ask who runs it for another key";
        if (IsPinned)
        {
            return server.HostKey.Contains(HostKeyPin.Of(key.Blob.Span)) ? null
                : $"{Printable.Escape(server.Ssh.Host)} shows the key {key.Type} {key.Fingerprint}, which is none of those in host_key ({string.Join(", ", server.HostKey)}); somebody may stand between, or the server has a new key: ask who runs it";
        }
        // Several connections may meet a new server at once, and write it down once.
        lock (gate)
            return CheckFiles(shown);
    }

    private string? CheckFiles(SshPresentedKey shown)
    {
        var key = shown.Key;
        try
        {
            var hosts = KnownHosts.Read(Files);
            if (shown.Certificate is { } certificate)
            {
                var fault = hosts.CheckCertificate(Host, Port, certificate, time.GetUtcNow(), out var isDecided);
                if (isDecided)
                    return fault ?? SignatureFault(certificate);
            }
            var check = hosts.Check(Host, Port, server.Options.CheckHostIp ? address : null, key);
            isByFile = check.Status == HostKeyStatus.Known;
            if (isByFile)
                return null;
            if (check.Status != HostKeyStatus.Unknown || !server.AcceptNew)
                return check.Explain();
            if (server.KnownHostsFiles is not [var file, ..])
                return "this user has no home, and so no file of known hosts; name one (known_hosts)";
            KnownHosts.Add(file, Host, Port, key, server.Options.HashKnownHosts);
            log(Notice.HostKeyAdded(check.Host, $"{key.Type} {key.Fingerprint}", file));
            return null;
        }
        catch (SshKeyException e)
        {
            return e.Message;
        }
    }

    private string? SignatureFault(SshCertificate certificate) => server.Options.CaSignatureAlgorithms is { } list && !list.Of(SignatureAlgorithms.Names, SignatureAlgorithms.Names).Contains(certificate.SignatureAlgorithm)
        ? $"the certificate that {Printable.Escape(server.Ssh.Host)} shows is signed by {certificate.SignatureAlgorithm}, which CASignatureAlgorithms does not have: {certificate}" : null;

    /// <summary>Writes down which keys the server has, once it has proved those that were not known. Never throws.</summary>
    /// <param name="connection">The connection to it.</param>
    /// <param name="shown">The keys that it says it has.</param>
    public async Task FollowAsync(SshConnection connection, IReadOnlyList<SshPublicKey> shown)
    {
        if (!isByFile || !FollowsServer || server.KnownHostsFiles is not [var file, ..] || connection.HostKey is not { } believed || !shown.Contains(believed))
            return;
        try
        {
            var (added, removed) = await Task.Run(() => Compare(file, believed, shown));
            if (added.Count > 0 && !await connection.ProveHostKeysAsync(added))
                return;
            if (added.Count + removed.Count == 0)
                return;
            await Task.Run(() =>
            {
                lock (gate)
                    KnownHosts.Update(file, Host, Port, added, removed, server.Options.HashKnownHosts);
            });
            log(Notice.HostKeysFollowed(KnownHosts.NameOf(Host, Port), [.. added.Select(key => $"{key.Type} {key.Fingerprint}")], [.. removed.Select(key => $"{key.Type} {key.Fingerprint}")], file));
        }
        catch (SshKeyException e)
        {
            log(Notice.TunnelKeyLeftOut(server.Name, $"the new keys of the server are not written down: {e.Message}"));
        }
    }

    // Only where the file has the key that was believed, in lines of the host alone; what is marked as revoked stays out.
    private (IReadOnlyList<SshPublicKey> Added, IReadOnlyList<SshPublicKey> Removed) Compare(string file, SshPublicKey believed, IReadOnlyList<SshPublicKey> shown)
    {
        var own = KnownHosts.Read(file).OwnLinesOf(Host, Port).Select(line => line.Key).ToList();
        if (!own.Contains(believed))
            return ([], []);
        var all = KnownHosts.Read(Files);
        return ([.. shown.Except(own).Where(key => all.Check(Host, Port, null, key).Status is HostKeyStatus.Changed)], [.. own.Except(shown).Distinct()]);
    }
}
