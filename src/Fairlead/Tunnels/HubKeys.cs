using Fairlead.Ssh;

namespace Fairlead;

/// <summary>The keys of the hub itself.</summary>
internal sealed class HubKeys : IDisposable
{
    private readonly Lock gate = new();
    private ValueList<string> files = [];
    private IReadOnlyList<SshPrivateKey> keys = [];

    /// <summary>The hub's own keys. They are read once; a reload that names others reads those.</summary>
    public IReadOnlyList<SshPrivateKey> Own
    {
        get
        {
            lock (gate)
                return keys;
        }
    }

    /// <summary>Reads the keys, or makes one, once. Blocks.</summary>
    /// <exception cref="ForwardException">They cannot be had; the message names the file and the remedy.</exception>
    public void Prepare(HubConfig hub)
    {
        lock (gate)
        {
            if (keys.Count > 0 && files == hub.HostKeys)
                return;
            try
            {
                // Who is logged in now goes on with the old ones, which are left to the collector.
                keys = hub.HostKeys.Count > 0 ? [.. hub.HostKeys.Select(file => SshPrivateKey.Load(file, null))] : [MadeOnce()];
                files = hub.HostKeys;
            }
            catch (SshKeyException e)
            {
                throw new ForwardException($"hub: {e.Message}", e);
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var key in keys)
                key.Dispose();
            keys = [];
        }
    }

    private static SshPrivateKey MadeOnce()
    {
        var path = Path.Combine(StateFolder.Get("the hub's key"), "hub_ed25519");
        if (File.Exists(path))
            return SshPrivateKey.Load(path, null);
        var made = SshPrivateKey.Generate();
        // Under another name first: nobody ever reads half a key. The name is taken by whoever is first, and the others have that key.
        var beside = $"{path}.{Path.GetRandomFileName()}";
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            using (var file = new FileStream(beside, options))
                file.Write(made.WriteOpenSsh("fairlead hub"));
            File.Move(beside, path, overwrite: false);
        }
        catch (IOException) when (File.Exists(path))
        {
            made.Dispose();
            File.Delete(beside);
            return SshPrivateKey.Load(path, null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ForwardException($"hub: its key cannot be written to {Printable.Escape(path)} ({Printable.Escape(e.Message)}); name one in hub.host_keys, made with: ssh-keygen -t ed25519 -f FILE", e);
        }
        return made;
    }
}
