namespace Fairlead.SystemTests;

/// <summary>Our own SSH server, with a key of its own and a user whom it lets in.</summary>
internal sealed class HubRig : IAsyncDisposable
{
    private HubRig(Folder folder) => Folder = folder;

    public Folder Folder { get; }

    public Running Running { get; private set; } = null!;

    public int Port { get; private set; }

    /// <summary>The user's key.</summary>
    public string UserKey => Path.Combine(Folder.Path, "user");

    /// <summary>The file of the keys that are let in.</summary>
    public string AuthorizedKeys => Path.Combine(Folder.Path, "authorized_keys");

    /// <summary>A tunnel to it, as it stands in a configuration.</summary>
    public string Tunnel => $"{{ ssh: \"alice@127.0.0.1:{Port}\", identity: {UserKey}, known_hosts: {Path.Combine(Folder.Path, "known_hosts")}, accept_new: true }}";

    /// <summary>Starts one. All tests come from one address, so that it lets those fail who are to fail.</summary>
    /// <param name="options">What the user may do, as it stands before the key (sshd(8)).</param>
    /// <param name="more">Further keys of <c>hub</c>.</param>
    /// <param name="hostKeys">Its keys; null: one that is made for it.</param>
    /// <param name="state">Where it keeps a key that it makes itself instead.</param>
    public static async Task<HubRig> StartAsync(string options = "", string more = "", IEnumerable<string>? hostKeys = null, string? state = null)
    {
        var rig = new HubRig(new Folder());
        try
        {
            await SshKeys.MakeAsync(rig.UserKey);
            rig.Admit(options);
            var hosts = state is not null ? [] : hostKeys ?? [await SshKeys.MakeAsync(Path.Combine(rig.Folder.Path, "host"))];
            rig.Running = await Running.RunAsync(rig.Folder, $$"""
                hub: { listen: "127.0.0.1:0", host_keys: [{{string.Join(", ", hosts)}}], authorized_keys: {{rig.AuthorizedKeys}}, login_penalty: off{{(more.Length > 0 ? $", {more}" : "")}} }
                """, state is null ? null : ("STATE_DIRECTORY", state));
            rig.Port = (await rig.Running.AddressAsync("hub")).Port;
            return rig;
        }
        catch
        {
            await rig.DisposeAsync();
            throw;
        }
    }

    /// <summary>Says what the user may do from now on.</summary>
    public void Admit(string options) => File.WriteAllText(AuthorizedKeys, $"{options} {SshKeys.Public(UserKey)} alice's laptop\n");

    /// <summary>Says what stands in the file from now on.</summary>
    public void AdmitLine(string line) => File.WriteAllText(AuthorizedKeys, $"{line}\n");

    /// <summary>Connects <c>ssh -N</c>, and waits until it is let in.</summary>
    public Task<OpenSshClient> ConnectAsync(params string[] options) => OpenSshClient.StartAsync(UserKey, "alice", Port, options);

    /// <summary>Runs <c>ssh</c> to its end.</summary>
    /// <param name="arguments">Options, the host, and what comes after that.</param>
    public Task<(int Status, string Output)> RunAsync(params string[] arguments) => OpenSshClient.RunAsync(UserKey, "alice", Port, arguments);

    public async ValueTask DisposeAsync()
    {
        if (Running is not null)
            await Running.DisposeAsync();
        Folder.Dispose();
    }
}
