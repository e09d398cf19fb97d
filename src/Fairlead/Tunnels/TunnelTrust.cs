using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Whether the key of a tunnel's server is believed: by its pins, or by files of known hosts. Strict, unless new ones are to be accepted; a changed key never is.</summary>
internal sealed class TunnelTrust(TunnelConfig config, SshTarget server, Action<LogEntry> log)
{
    private string Host => config.Options.HostKeyAlias is { } alias && server == config.Ssh ? alias : server.Host;

    // Pins are those of the tunnel's server; servers on the way are known by files.
    private bool IsPinned => config.HostKey.Count > 0 && server == config.Ssh;

    /// <summary>The types of the keys that are known of it. Blocks.</summary>
    /// <exception cref="SshKeyException">A file cannot be read.</exception>
    public IReadOnlyList<string> KnownTypes() => IsPinned ? [] : [.. KnownHosts.Read(config.KnownHostsFiles).AlgorithmsOf(Host, server.Port)];

    /// <summary>What is to be said against a key; null: nothing. Blocks.</summary>
    public string? Check(SshPublicKey key)
    {
        if (IsPinned)
        {
            return config.HostKey.Contains(HostKeyPin.Of(key.Blob.Span)) ? null
                : $"{Printable.Escape(server.Host)} shows the key {key.Type} {key.Fingerprint}, which is none of those in host_key ({string.Join(", ", config.HostKey)}); somebody may stand between, or the server has a new key: ask who runs it";
        }
        try
        {
            var check = KnownHosts.Read(config.KnownHostsFiles).Check(Host, server.Port, null, key);
            if (check.Status == HostKeyStatus.Known)
                return null;
            if (check.Status != HostKeyStatus.Unknown || !config.AcceptNew)
                return check.Explain();
            if (config.KnownHostsFiles is not [var file, ..])
                return "this user has no home, and so no file of known hosts; name one (known_hosts)";
            KnownHosts.Add(file, Host, server.Port, key, config.Options.HashKnownHosts);
            log(Notice.HostKeyAdded(check.Host, $"{key.Type} {key.Fingerprint}", file));
            return null;
        }
        catch (SshKeyException e)
        {
            return e.Message;
        }
    }
}
