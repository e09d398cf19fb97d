namespace Fairlead.SystemTests;

/// <summary>A server of OpenSSH and one of ours with a key of each type, and users of each type whom they let in. They are started by the first test that needs them.</summary>
public sealed class SshAlgorithmServers : IAsyncDisposable
{
    private readonly Folder folder = new();
    private readonly Lazy<Task> keys;
    private readonly Lazy<Task<SshServerRig>> server;
    private readonly Lazy<Task<HubRig>> hub;

    public SshAlgorithmServers()
    {
        keys = new(MakeKeysAsync);
        server = new(StartServerAsync);
        hub = new(StartHubAsync);
    }

    internal Task<SshServerRig> Server => server.Value;

    internal Task<HubRig> Hub => hub.Value;

    public async ValueTask DisposeAsync()
    {
        if (server is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            (await server.Value).Dispose();
        if (hub is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await hub.Value).DisposeAsync();
        folder.Dispose();
    }

    /// <summary>The private key of a <c>host</c> or a <c>user</c> which signs by an algorithm.</summary>
    internal string KeyOf(string owner, string algorithm)
    {
        var (_, type, bits) = SshKeys.Types.First(known => known.Algorithm == algorithm);
        return Path.Combine(folder.Path, $"{owner}-{type}-{bits}");
    }

    private string[] Paths(string owner) => [.. SshKeys.Types.Select(known => KeyOf(owner, known.Algorithm)).Distinct()];

    private async Task<SshServerRig> StartServerAsync()
    {
        await keys.Value;
        return await SshServerRig.StartAsync($"""
            {string.Join('\n', Paths("host").Select(path => $"HostKey {path}"))}
            AuthorizedKeysFile {folder.Path}/authorized_keys
            """);
    }

    private async Task<HubRig> StartHubAsync()
    {
        await keys.Value;
        var rig = await HubRig.StartAsync(hostKeys: Paths("host"));
        foreach (var user in Paths("user"))
            File.WriteAllLines($"{user}.known", Paths("host").Select(host => $"[127.0.0.1]:{rig.Port} {SshKeys.Public(host)}"));
        File.WriteAllText(rig.AuthorizedKeys, File.ReadAllText(Path.Combine(folder.Path, "authorized_keys")));
        return rig;
    }

    private async Task MakeKeysAsync()
    {
        foreach (var owner in (string[])["host", "user"])
        {
            foreach (var (algorithm, type, bits) in SshKeys.Types.DistinctBy(known => (known.Type, known.Bits)))
                await SshKeys.MakeAsync(KeyOf(owner, algorithm), type, bits);
        }
        File.WriteAllLines(Path.Combine(folder.Path, "authorized_keys"), Paths("user").Select(SshKeys.Public));
    }
}
