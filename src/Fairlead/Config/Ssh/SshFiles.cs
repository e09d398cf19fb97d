using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The files that tunnels and the hub live by: keys, and lists of keys. They are not read with the configuration, and without them it is not run.</summary>
internal static class SshFiles
{
    /// <summary>What files cannot be used, a line each: those that are named and missing, for root those that others could change, and a list of keys for the hub that cannot be read. Blocks.</summary>
    public static IReadOnlyList<string> Faults(Configuration configuration) => [.. Find(configuration, FileTrust.Fault)];

    /// <param name="configuration">The configuration.</param>
    /// <param name="distrust">What is wrong with using the file at an absolute path; null if nothing is.</param>
    internal static IEnumerable<string> Find(Configuration configuration, Func<string, string?> distrust)
    {
        foreach (var tunnel in configuration.Tunnels)
        {
            foreach (var (key, path, mustExist) in tunnel.Servers.SelectMany(FilesOf).Distinct())
            {
                if (Fault(path, mustExist, distrust) is { } fault)
                    yield return $"tunnel {Printable.Escape(tunnel.Name)}: {key} {fault}";
            }
        }
        if (configuration.Hub is not { } hub)
            yield break;
        foreach (var path in hub.HostKeys)
        {
            if (Fault(path, mustExist: true, distrust) is { } fault)
                yield return $"hub: host_keys {fault}";
        }
        if ((Fault(hub.AuthorizedKeys, mustExist: true, distrust) ?? ReadFault(hub.AuthorizedKeys)) is { } keysFault)
            yield return $"hub: authorized_keys {keysFault}";
    }

    // Of no use to whoever logs in later: nobody would be let in.
    private static string? ReadFault(string authorizedKeys)
    {
        try
        {
            AuthorizedKeys.Read(authorizedKeys, TimeZoneInfo.Local);
            return null;
        }
        catch (SshKeyException error)
        {
            return error.Message;
        }
    }

    private static IEnumerable<(string Key, string Path, bool MustExist)> FilesOf(TunnelConfig tunnel)
    {
        foreach (var path in tunnel.IdentityFiles)
            yield return ("identity", path, tunnel.Identity.Contains(path));
        if (tunnel.HostKey.Count > 0)
            yield break;
        var files = tunnel.KnownHostsFiles;
        for (var i = 0; i < files.Count; i++)
            yield return ("known_hosts", files[i], tunnel.KnownHosts.Count > 0 && !tunnel.Options.MayLackKnownHosts && !(i == 0 && tunnel.AcceptNew));
        foreach (var file in tunnel.Options.GlobalKnownHosts)
            yield return ("known_hosts", file, false);
    }

    private static string? Fault(string path, bool mustExist, Func<string, string?> distrust)
    {
        var shown = Printable.Escape(path, 4096);
        // Knows nobody, which may be meant.
        if (path == "/dev/null")
            return null;
        try
        {
            var absolute = Path.GetFullPath(path);
            if (!Path.Exists(absolute))
                return mustExist ? $"{shown} does not exist; write the path of a file that is there" : null;
            return Directory.Exists(absolute) ? $"{shown} is a folder; write the path of a file" : distrust(absolute);
        }
        catch (IOException error)
        {
            return $"{shown} cannot be looked at: {Printable.Escape(error.Message.TrimEnd('.'))}";
        }
    }
}
