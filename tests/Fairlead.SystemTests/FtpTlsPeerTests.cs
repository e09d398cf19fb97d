using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>What becomes of clients that ask for TLS: refused, ended here, or carried.</summary>
public sealed class FtpTlsPeerTests
{
    private const int UseSslFailed = 64;

    [Fact(Timeout = 60000)]
    public async Task AUTH_TLS_is_refused_at_once_and_clients_go_on_in_clear_or_stop()
    {
        // The server has TLS, and says so; what it says is of its own side.
        using var server = await FtpServer.StartAsync("vsftpd", hasTls: true);
        File.WriteAllText(Path.Combine(server.Root, "file"), "a file");
        await using var forward = await FtpForward.StartAsync(server);

        Assert.Contains("a file", await forward.CurlWellAsync("file", "--ssl", "-v"), StringComparison.Ordinal);
        var (status, output) = await forward.CurlAsync("file", "--ssl-reqd", "-v");
        Assert.Equal(UseSslFailed, status);
        Assert.Contains("534 ", output, StringComparison.Ordinal);
        Assert.Equal("a file", await forward.LftpAsync("set ftp:ssl-allow true", "cat file"));
    }

    [Theory(Timeout = 120000)]
    [InlineData("vsftpd", "native")]
    [InlineData("pure-ftpd", "native")]
    [InlineData("vsftpd", "portable")]
    public async Task TLS_ends_here_before_a_server_without_any(string program, string engine)
    {
        using var server = await FtpServer.StartAsync(program);
        using var folder = new Folder();
        var bytes = RandomNumberGenerator.GetBytes(5_000_000);
        File.WriteAllBytes(Path.Combine(server.Root, "file"), bytes);
        var certificate = await FtpServer.CertificateAsync(folder.Path);
        await using var forward = await FtpForward.StartAsync(server, "tls: terminate", $"engine: {engine}\n    tls: {{ certificate: '{certificate}', key: '{folder.Path}/key.pem' }}");
        var got = Path.Combine(forward.Files, "got");

        foreach (var way in (string[][])[["--ftp-pasv"], ["--ftp-pasv", "--disable-epsv"], ["--ftp-pasv", "--ftp-ssl-control"]])
        {
            string[] tls = ["--ssl-reqd", "--cacert", certificate, .. way];
            await forward.CurlWellAsync("file", [.. tls, "-o", got]);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
            await forward.CurlWellAsync("in/back", [.. tls, "-T", got]);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "back"))));
            File.Delete(got);
            File.Delete(Path.Combine(server.Uploads, "back"));
        }
        // Who asks for none goes on in clear.
        await forward.CurlWellAsync("file", "-o", got);

        // Active mode with TLS is lftp's alone: curl 7.88 waits for ever, without anybody between too.
        foreach (var passive in (string[])["true", "false"])
        {
            await forward.LftpAsync(
                "set ftp:ssl-allow true", "set ftp:ssl-force true", "set ftp:ssl-protect-data true", $"set ssl:ca-file {certificate}", $"set ftp:passive-mode {passive}",
                $"get file -o {folder.Path}/{passive}", $"put {folder.Path}/{passive} -o in/{passive}");
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, passive))));
        }
    }

    [Fact(Timeout = 120000)]
    public async Task TLS_is_carried_with_the_passive_ports_of_the_server()
    {
        using var server = await FtpServer.StartAsync("vsftpd", hasTls: true);
        var bytes = RandomNumberGenerator.GetBytes(5_000_000);
        File.WriteAllBytes(Path.Combine(server.Root, "file"), bytes);
        await using var forward = await FtpForward.StartAsync(server, $"tls: pass, ports: {server.Passive}");
        var got = Path.Combine(forward.Files, "got");

        // After an upload curl closes without having read the tickets of TLS 1.3, which is a reset, and a reset overtakes what the server has not yet been sent.
        string[] tls = ["--ssl-reqd", "--insecure", "--tls-max", "1.2"];
        foreach (var way in (string[][])[tls, [.. tls, "--disable-epsv"], ["--ftp-pasv"], ["--ftp-pasv", "--disable-epsv"]])
        {
            await forward.CurlWellAsync("file", [.. way, "-o", got]);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
            await forward.CurlWellAsync("in/back", [.. way, "-T", got]);
            Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "back"))));
            File.Delete(got);
        }
    }
}
