namespace Fairlead.SystemTests;

/// <summary>Certificates that sign themselves, made by openssl.</summary>
internal static class Certificates
{
    /// <summary>Writes <c>NAME.pem</c>, the certificate and its key.</summary>
    /// <param name="folder">Where.</param>
    /// <param name="name">The name that it is for.</param>
    /// <returns>Its path.</returns>
    public static async Task<string> WriteAsync(Folder folder, string name)
    {
        var openssl = Peers.Require("openssl", "openssl");
        var path = Path.Combine(folder.Path, $"{name}.pem");
        var (status, output) = await Peers.RunAsync(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", $"/CN={name}", "-addext", $"subjectAltName=DNS:{name}", "-keyout", $"{path}.key", "-out", path);
        Assert.True(status == 0, output);
        File.AppendAllText(path, File.ReadAllText($"{path}.key"));
        return path;
    }
}
