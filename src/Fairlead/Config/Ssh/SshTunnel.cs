namespace Fairlead;

/// <summary>Makes a tunnel of what is said of a server, and of what files of ssh_config(5) say of it and of the servers on the way, each by its own lines.</summary>
internal static class SshTunnel
{
    private const int MostServers = 16;

    /// <summary>Reads the files. Blocks.</summary>
    /// <param name="typed">What is said of the server itself; it holds before what files say, and for the servers on the way too. Not changed.</param>
    /// <param name="name">How the tunnel is called.</param>
    /// <param name="file">The file; <c>none</c> for none, and null for the user's and the system's.</param>
    /// <returns>What is said in all, and the tunnel.</returns>
    /// <exception cref="FormatException">There are errors, or it cannot be had like this; the message has a line for each.</exception>
    public static (SshDraft Draft, TunnelConfig Tunnel) Read(SshDraft typed, string name, string? file)
    {
        var draft = ReadFiles(typed.Copy(), file);
        var tunnel = draft.Tunnel(name);
        return (draft, tunnel with { Hops = [.. Way(draft, typed, name, file, MostServers)] });
    }

    /// <summary>Has the file that a tunnel names say what is not written there. Blocks.</summary>
    /// <param name="written">The tunnel as it is written.</param>
    /// <returns>The tunnel, what somebody may miss, and the files that were read.</returns>
    /// <exception cref="FormatException">There are errors, or it cannot be had like this; the message has a line for each.</exception>
    public static (TunnelConfig Tunnel, IReadOnlyList<string> Notes, IReadOnlyList<string> Files) Complete(TunnelConfig written)
    {
        var initial = new TunnelConfig { Name = "", Ssh = written.Ssh };
        var typed = new SshDraft
        {
            Host = written.Ssh.Host,
            User = written.Ssh.User,
            // The usual values cannot be told from none.
            Port = written.Ssh.Port == SshTarget.DefaultPort ? null : written.Ssh.Port,
            Keepalive = written.Keepalive == initial.Keepalive ? null : written.Keepalive,
            StrictHostKeyChecking = written.AcceptNew ? HostKeyStrictness.AcceptNew : null,
        };
        if (written.Jump.Count > 0)
            typed.SetProxy(jump: new SshValue("jump", string.Join(',', written.Jump)));
        var (draft, found) = Read(typed, written.Name, written.SshConfig == TunnelConfig.UsersFiles ? null : written.SshConfig);
        var tunnel = Written(found) with
        {
            Password = written.Password,
            HostKey = written.HostKey,
            // Not asked where there is a key.
            KnownHosts = written.HostKey.Count > 0 ? written.KnownHosts : Written(found).KnownHosts,
            AcceptNew = written.HostKey.Count > 0 ? written.AcceptNew : found.AcceptNew,
            Jump = written.Jump,
            Connections = written.Connections,
            Hops = [.. found.Hops.Select(Written)],
            SshConfig = written.SshConfig,
        };
        return (tunnel, draft.Notes, draft.Files);

        TunnelConfig Written(TunnelConfig server) => server with
        {
            Identity = written.Identity,
            Passphrase = written.Passphrase,
            Agent = written.Agent == initial.Agent ? server.Agent : written.Agent,
            KnownHosts = written.KnownHosts.Count > 0 ? written.KnownHosts : server.KnownHosts,
            Options = written.KnownHosts.Count > 0 ? server.Options with { MayLackKnownHosts = false } : server.Options,
        };
    }

    private static SshDraft ReadFiles(SshDraft draft, string? file) =>
        SshConfigReader.Read(draft, file) is { Count: > 0 } errors ? throw (errors.Count == 1 ? errors[0] : new FormatException(string.Join('\n', errors.Select(error => error.Message)))) : draft;

    // The nearest first. As ssh(1) does it, who is named behind another is reached through that one, whatever its own lines say.
    private static IEnumerable<TunnelConfig> Way(SshDraft draft, SshDraft typed, string name, string? file, int room)
    {
        if (draft.ProxyJump is not { } jump)
            return [];
        var servers = Servers(draft, jump);
        if (servers.Count > room)
            throw jump.Error($"'{Printable.Escape(jump.Text)}' leads through more than {MostServers} servers, or to itself; write who is on the way as an exception, like Host * !door");
        var way = new List<TunnelConfig>();
        foreach (var server in servers)
        {
            var own = ReadFiles(typed.ForJump(server), file);
            var hop = own.Tunnel(name);
            if (way.Count == 0)
                way.AddRange(Way(own, typed, name, file, room - servers.Count));
            else
                hop = hop with { Options = hop.Options with { ProxyCommand = null } };
            way.Add(hop);
        }
        return way;
    }

    private static ValueList<SshTarget> Servers(SshDraft draft, SshValue jump)
    {
        try
        {
            return SshKeywords.Jump(new SshTokens(draft, draft.ResolvedHost).Text(jump, SshTokens.OfProxies), jump.Option);
        }
        catch (FormatException error) when (error is not SshConfigException)
        {
            throw new SshConfigException(jump.Place, error.Message);
        }
    }
}
