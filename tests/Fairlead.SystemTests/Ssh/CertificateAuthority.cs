namespace Fairlead.SystemTests;

/// <summary>A key that signs others by ssh-keygen.</summary>
internal sealed class CertificateAuthority : IDisposable
{
    private CertificateAuthority(Folder folder) => Folder = folder;

    public Folder Folder { get; }

    public string Key => Path.Combine(Folder.Path, "ca");

    public static async Task<CertificateAuthority> MakeAsync(string type = "ed25519", string bits = "256")
    {
        var authority = new CertificateAuthority(new Folder());
        await SshKeys.MakeAsync(authority.Key, type, bits);
        return authority;
    }

    /// <summary>Signs a key, and calls it <c>test</c>.</summary>
    /// <param name="key">The key; what is signed is <c>KEY.pub</c>.</param>
    /// <param name="options">Further options of ssh-keygen.</param>
    /// <returns>The file of the certificate, <c>KEY-cert.pub</c>.</returns>
    public async Task<string> SignAsync(string key, params string[] options)
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("ssh-keygen", "openssh-client"), ["-q", "-s", Key, "-I", "test", "-z", "7", .. options, $"{key}.pub"]);
        Assert.True(status == 0, output);
        return $"{key}-cert.pub";
    }

    public void Dispose() => Folder.Dispose();
}
