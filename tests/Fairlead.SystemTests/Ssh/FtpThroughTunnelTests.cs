using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>vsftpd here, which curl uses through a port that a server of OpenSSH listens on for us.</summary>
public sealed partial class FtpThroughTunnelTests
{
    [Theory(Timeout = 120000)]
    [InlineData("--ftp-pasv", "--disable-epsv", "--no-ftp-skip-pasv-ip")]
    [InlineData("--ftp-pasv")]
    public async Task Curl_lists_downloads_and_uploads_by_passive_ports_at_the_far_end(params string[] way)
    {
        using var server = await FtpServer.StartAsync("vsftpd");
        var bytes = RandomNumberGenerator.GetBytes(3_000_000);
        File.WriteAllBytes(Path.Combine(server.Root, "file"), bytes);
        using var sshd = await SshServerRig.StartAsync("LogLevel DEBUG1");
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{sshd.Tunnel}} }
            forwards: [ { name: files, listen: "127.0.0.1:0", at: office, to: "{{server.At}}", protocol: ftp } ]
            """);
        var address = await fairlead.ListenAtAsync();
        var got = Path.Combine(folder.Path, "got");

        Assert.Contains("3000000", await CurlAsync(server, $"ftp://{address}/", way), StringComparison.Ordinal);
        await CurlAsync(server, $"ftp://{address}/file", [.. way, "-o", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));
        await CurlAsync(server, $"ftp://{address}/in/new", [.. way, "-T", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "new"))));

        // Each passive port was a listen of its own there, and is none any more.
        var ports = Listening().Matches(sshd.Log).Select(match => int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)).Where(port => port != address.Port).ToList();
        Assert.Equal(3, ports.Count);
        await Until.TrueAsync(() => ports.All(port => RemoteListenTests.Listens(port).Length == 0));
        Assert.NotEmpty(RemoteListenTests.Listens(address.Port));
    }

    [Fact(Timeout = 120000)]
    public async Task What_is_advertised_stands_in_the_answer_of_the_far_end()
    {
        using var server = await FtpServer.StartAsync("vsftpd");
        using var sshd = await SshServerRig.StartAsync("GatewayPorts clientspecified");
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{sshd.Tunnel}} }
            forwards: [ { name: files, listen: "0.0.0.0:0", at: office, to: "{{server.At}}", protocol: ftp, ftp: { advertise: 127.0.0.9 } } ]
            """);
        var address = await fairlead.ListenAtAsync();

        var said = await CurlAsync(server, $"ftp://127.0.0.1:{address.Port}/", ["-v", "--disable-epsv", "--no-ftp-skip-pasv-ip"]);

        Assert.Contains("227 Entering Passive Mode (127,0,0,9,", said, StringComparison.Ordinal);
        Assert.Contains("226 ", said, StringComparison.Ordinal);
    }

    [GeneratedRegex("Allocated listen port ([0-9]+)")]
    private static partial Regex Listening();

    private static async Task<string> CurlAsync(FtpServer server, string url, string[] arguments)
    {
        var (status, output) = await Peers.RunAsync(Peers.Require("curl", "curl"), ["-sS", "--noproxy", "*", "--max-time", "60", "-u", server.User, .. arguments, url]);
        Assert.True(status == 0, output);
        return output;
    }
}
