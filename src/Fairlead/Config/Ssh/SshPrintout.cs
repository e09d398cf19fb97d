using System.Globalization;
using System.Net.Sockets;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What holds for a server of all that is honoured of ssh_config(5), as <c>ssh -G</c> prints it.</summary>
internal static class SshPrintout
{
    /// <summary>A line for each keyword, in lower case, and its value.</summary>
    /// <param name="draft">What is said.</param>
    /// <param name="tunnel">What it comes to.</param>
    public static IReadOnlyList<string> Of(SshDraft draft, TunnelConfig tunnel)
    {
        var (options, initial) = (tunnel.Options, SshAlgorithms.Default);
        var lines = new List<string>();
        Add("host", draft.Host);
        Add("user", tunnel.Ssh.Login);
        Add("hostname", tunnel.Ssh.Host);
        Add("port", Number(tunnel.Ssh.Port));
        Add("addressfamily", options.AddressFamily switch { AddressFamily.InterNetwork => "inet", AddressFamily.InterNetworkV6 => "inet6", _ => "any" });
        Add("batchmode", Truth(options.BatchMode));
        Add("bindaddress", options.BindAddress?.ToString());
        Add("bindinterface", draft.BindInterface);
        Add("casignaturealgorithms", options.CaSignatureAlgorithms?.Written);
        foreach (var file in options.CertificateFiles.Union(options.OtherCertificates))
            Add("certificatefile", file);
        Add("checkhostip", Truth(options.CheckHostIp));
        Add("ciphers", Names(options.Ciphers, initial.Ciphers));
        Add("clearallforwardings", Truth(draft.ClearAllForwardings == true));
        Add("connecttimeout", options.ConnectTimeout is { } timeout && timeout != Timeout.InfiniteTimeSpan ? Seconds(timeout) : "none");
        Add("exitonforwardfailure", Truth(options.ExitOnForwardFailure));
        Add("gatewayports", Truth(draft.GatewayPorts == true));
        Add("globalknownhostsfile", options.GlobalKnownHosts.Count > 0 ? string.Join(' ', options.GlobalKnownHosts) : "none");
        Add("hashknownhosts", Truth(options.HashKnownHosts));
        Add("hostkeyalgorithms", Names(options.HostKeyAlgorithms, initial.HostKeys));
        Add("hostkeyalias", options.HostKeyAlias);
        Add("identitiesonly", Truth(options.IdentitiesOnly));
        Add("identityagent", draft.IdentityAgent is null ? null : tunnel.Agent switch { TunnelConfig.NoAgent => "none", TunnelConfig.AutoAgent => "SSH_AUTH_SOCK", var path => path });
        foreach (var file in tunnel.IdentityFiles)
            Add("identityfile", file);
        Add("kbdinteractiveauthentication", Truth(options.KbdInteractiveAuthentication));
        Add("kexalgorithms", Names(options.KexAlgorithms, initial.KeyExchanges));
        Add("macs", Names(options.Macs, initial.Macs));
        Add("passwordauthentication", Truth(options.PasswordAuthentication));
        Add("permitremoteopen", draft.PermitRemoteOpen is { } opens ? opens.Count == 0 ? "none" : string.Join(' ', opens.Select(Shown)) : "any");
        Add("preferredauthentications", options.PreferredAuthentications.Count > 0 ? string.Join(',', options.PreferredAuthentications) : null);
        Add("proxycommand", draft.ProxyCommand is { Text: not "none" } ? draft.ProxyCommand.Value.Text : null);
        Add("proxyjump", draft.ProxyJump is { } jump && !jump.Text.Equals("none", StringComparison.OrdinalIgnoreCase) ? jump.Text : null);
        Add("pubkeyacceptedalgorithms", options.PubkeyAcceptedAlgorithms?.Written);
        Add("pubkeyauthentication", options.PubkeyAuthentication ? "true" : "false");
        Add("rekeylimit", $"{Number(options.RekeyBytes ?? 0)} {Seconds(options.RekeyAfter ?? TimeSpan.Zero)}");
        Add("requiredrsasize", Number(options.RequiredRsaBits ?? 1024));
        Add("serveralivecountmax", Number(options.KeepaliveCount));
        Add("serveraliveinterval", Seconds(tunnel.Keepalive));
        Add("stricthostkeychecking", tunnel.AcceptNew ? "accept-new" : "true");
        Add("tag", draft.Tag);
        Add("tcpkeepalive", Truth(options.TcpKeepAlive));
        Add("updatehostkeys", options.UpdateHostKeys is { } update ? update ? "true" : "false" : null);
        Add("userknownhostsfile", string.Join(' ', tunnel.KnownHostsFiles));
        var tokens = new SshTokens(draft, tunnel.Ssh.Host);
        foreach (var (forwarding, value) in draft.ClearAllForwardings == true ? [] : draft.Forwardings)
            lines.Add(Shown(forwarding.WithTokens(path => tokens.Text(value with { Text = path }, SshTokens.All))));
        return lines;

        void Add(string keyword, string? value)
        {
            if (value is not null)
                lines.Add($"{keyword} {Printable.Escape(value, 4096)}");
        }
    }

    private static string Shown(SshForwarding forwarding)
    {
        var listen = forwarding.Path ?? (forwarding.Bind is null ? Number(forwarding.Port) : $"[{forwarding.Bind}]:{Number(forwarding.Port)}");
        var keyword = forwarding.Kind switch { SshForwardingKind.Local => "localforward", SshForwardingKind.Remote => "remoteforward", _ => "dynamicforward" };
        var protocols = forwarding.Protocols.HasFlag(PortProtocols.Udp) ? forwarding.Protocols.HasFlag(PortProtocols.Tcp) ? "/tcp+udp" : "/udp" : "";
        var to = forwarding.To switch
        {
            UnixEndpoint unix => $" {unix.Path}",
            PortEndpoint port => $" [{port.Host}]:{port.Ports}{protocols}",
            _ => forwarding.Kind == SshForwardingKind.Remote ? " [socks]:0" : "",
        };
        return Printable.Escape($"{keyword} {listen}{to}", 4096);
    }

    private static string Shown(DestinationPattern pattern)
    {
        var host = (pattern with { Ports = null }).ToString();
        return pattern is { IsAny: true, Ports: null } ? "any" : $"{(pattern.IsAny ? "*" : host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{pattern.Ports?.ToString() ?? "*"}";
    }

    private static string Names(AlgorithmList? list, IReadOnlyList<string> all) => string.Join(',', list?.Of(all, all) ?? all);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(TimeSpan time) => time == Timeout.InfiniteTimeSpan ? "0" : Number((long)time.TotalSeconds);

    private static string Truth(bool value) => value ? "yes" : "no";
}
