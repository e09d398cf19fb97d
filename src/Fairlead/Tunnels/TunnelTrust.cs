using System.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Whether the key of a tunnel's server is believed: by its pins, or by files of known hosts. Strict, unless new ones are to be accepted; a changed key never is.</summary>
/// <param name="server">The server, with what holds for it.</param>
/// <param name="address">Where it was reached; null where that is not known.</param>
/// <param name="log">Told of keys that are written down.</param>
internal sealed class TunnelTrust(TunnelConfig server, IPAddress? address, Action<LogEntry> log)
{
    private string Host => server.Options.HostKeyAlias ?? server.Ssh.Host;

    // Names are of the host alone.
    private int Port => server.Options.HostKeyAlias is null ? server.Ssh.Port : SshTarget.DefaultPort;

    private IEnumerable<string> Files => server.KnownHostsFiles.Concat(server.Options.GlobalKnownHosts);

    /// <summary>The types of the keys that are known of it. Blocks.</summary>
    /// <exception cref="SshKeyException">A file cannot be read.</exception>
    public IReadOnlyList<string> KnownTypes() => server.HostKey.Count > 0 ? [] : [.. KnownHosts.Read(Files).AlgorithmsOf(Host, Port)];

    /// <summary>What is to be said against a key; null: nothing. Blocks.</summary>
    public string? Check(SshPublicKey key)
    {
        if (server.Options.RequiredRsaBits is { } least && key.RsaBits < least)
            return $"{Printable.Escape(server.Ssh.Host)} shows an RSA key of {key.RsaBits} bits, and RequiredRSASize asks for {least}; ask who runs it for another key";
        if (server.HostKey.Count > 0)
        {
            return server.HostKey.Contains(HostKeyPin.Of(key.Blob.Span)) ? null
                : $"{Printable.Escape(server.Ssh.Host)} shows the key {key.Type} {key.Fingerprint}, which is none of those in host_key ({string.Join(", ", server.HostKey)}); somebody may stand between, or the server has a new key: ask who runs it";
        }
        try
        {
            var check = KnownHosts.Read(Files).Check(Host, Port, server.Options.CheckHostIp ? address : null, key);
            if (check.Status == HostKeyStatus.Known)
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
}
