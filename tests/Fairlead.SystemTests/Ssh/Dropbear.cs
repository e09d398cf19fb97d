namespace Fairlead.SystemTests;

/// <summary>Dropbear's client, and keys that it has made.</summary>
internal static class Dropbear
{
    /// <summary>Makes a key in Dropbear's own form, and beside it <c>PATH.pub</c>.</summary>
    /// <returns>The path.</returns>
    public static async Task<string> MakeKeyAsync(string path, string type = "ed25519", string bits = "256")
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("dropbearkey", "dropbear-bin"), "-t", type, "-s", bits, "-f", path);
        Assert.True(status == 0, output);
        File.WriteAllText($"{path}.pub", output.Split('\n').Single(line => line.Contains(" AAAA", StringComparison.Ordinal)) + "\n");
        return path;
    }

    /// <summary>Starts <c>dbclient -N</c> to a server on the loopback, as alice. What it forwards is there some time later.</summary>
    /// <param name="key">The user's key; the file of known hosts is made beside it.</param>
    /// <param name="port">The server's.</param>
    /// <param name="options">Further options: forwards.</param>
    public static Peer Start(string key, int port, params string[] options)
    {
        return new Peer(System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/usr/bin/env", [.. Command(key, port), "-N", .. options, "127.0.0.1"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!);
    }

    /// <summary>Runs <c>dbclient</c> to its end: what it has said.</summary>
    /// <param name="key">The user's key.</param>
    /// <param name="port">The server's.</param>
    /// <param name="arguments">Options, the host, and what comes after that.</param>
    public static Task<(int Status, string Output)> RunAsync(string key, int port, params string[] arguments) => Peers.RunAsync("/usr/bin/env", [.. Command(key, port), .. arguments]);

    /// <summary>The same with files as standard input and output: what it has said besides.</summary>
    public static Task<(int Status, string Output)> CopyAsync(string from, string to, string key, int port, params string[] arguments) =>
        Peers.RunAsync("/bin/sh", ["-c", "from=$1 to=$2; shift 2; exec \"$0\" \"$@\" <\"$from\" >\"$to\"", "/usr/bin/env", from, to, .. Command(key, port), .. arguments]);

    /// <summary>The arguments of env(1) that begin it. It has its files in the home that the environment names, and believes whom it meets for the first time.</summary>
    internal static string[] Command(string key, int port) =>
        [$"HOME={Path.GetDirectoryName(key)}", Peers.Require("dbclient", "dropbear-bin"), "-y", "-i", key, "-l", "alice", "-p", $"{port}"];
}
