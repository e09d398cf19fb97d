namespace Fairlead.SystemTests;

/// <summary>Keys that ssh-keygen has made.</summary>
internal static class SshKeys
{
    /// <summary>Of every type that is spoken, by the name of its signature algorithm; RSA keys sign by two.</summary>
    public static readonly (string Algorithm, string Type, string Bits)[] Types =
    [
        ("ssh-ed25519", "ed25519", "256"),
        ("ecdsa-sha2-nistp256", "ecdsa", "256"),
        ("ecdsa-sha2-nistp384", "ecdsa", "384"),
        ("ecdsa-sha2-nistp521", "ecdsa", "521"),
        ("rsa-sha2-256", "rsa", "2048"),
        ("rsa-sha2-512", "rsa", "2048"),
    ];

    /// <summary>Makes one, and beside it <c>PATH.pub</c>.</summary>
    /// <returns>The path.</returns>
    public static async Task<string> MakeAsync(string path, string type = "ed25519", string bits = "256")
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("ssh-keygen", "openssh-client"), "-q", "-t", type, "-b", bits, "-N", "", "-C", Path.GetFileName(path), "-f", path);
        Assert.True(status == 0, output);
        return path;
    }

    /// <summary>The type and the key of the public file beside a private one, without its comment.</summary>
    public static string Public(string path) => string.Join(' ', File.ReadAllText($"{path}.pub").Split(' ')[..2]);

    /// <summary>What is shown of a key, by either of its files.</summary>
    public static async Task<string> FingerprintAsync(string path)
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("ssh-keygen", "openssh-client"), "-l", "-f", path);
        Assert.True(status == 0, output);
        return output.Split(' ')[1];
    }
}
