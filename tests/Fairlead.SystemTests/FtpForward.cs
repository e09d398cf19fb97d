using System.Net;

namespace Fairlead.SystemTests;

/// <summary>A <c>fairlead run</c> with one forward of FTP, and clients for it.</summary>
internal sealed class FtpForward : IAsyncDisposable
{
    private readonly Folder folder = new();

    private FtpForward()
    {
    }

    public Running Run { get; private set; } = null!;

    public IPEndPoint Address { get; private set; } = null!;

    public string Files => folder.Path;

    private string User { get; set; } = "";

    /// <param name="server">Where it leads.</param>
    /// <param name="ftp">The keys of <c>ftp</c>.</param>
    /// <param name="more">Other keys of the forward.</param>
    /// <param name="listen">Its address; the loopback of IPv4 by default.</param>
    public static async Task<FtpForward> StartAsync(FtpServer server, string ftp = "", string more = "", IPAddress? listen = null)
    {
        var forward = new FtpForward { User = server.User };
        var at = new IPEndPoint(listen ?? IPAddress.Loopback, 0);
        var file = forward.folder.Write("fairlead.yaml", $"""
            admin: {"{"} listen: 'unix:{forward.Files}/admin.sock' {"}"}
            forwards:
              - name: files
                listen: '{at}'
                to: '{server.At}'
                protocol: ftp
                ftp: {"{"} {ftp} {"}"}
                {more}

            """);
        forward.Run = Running.Start("run", "--log-format", "json", file);
        forward.Address = await forward.Run.AddressAsync();
        return forward;
    }

    /// <summary>Runs curl on a path of the server.</summary>
    public Task<(int Status, string Output)> CurlAsync(string path, params IEnumerable<string> arguments) =>
        Peers.RunAsync(Peers.Require("curl", "curl"), ["-sS", "--max-time", "60", "-u", User, .. arguments, $"ftp://{Address}/{path}"]);

    /// <summary>The same, which has to end well: its output.</summary>
    public async Task<string> CurlWellAsync(string path, params IEnumerable<string> arguments)
    {
        var (status, output) = await CurlAsync(path, arguments);
        Assert.True(status == 0, $"curl {string.Join(' ', arguments)} {path}: {status} {output}\n{Run.Errors}");
        return output;
    }

    /// <summary>Runs commands of lftp, which have to end well: its output.</summary>
    public async Task<string> LftpAsync(params string[] commands)
    {
        var script = folder.Write("script", string.Join('\n', [
            "set cmd:fail-exit true", "set net:max-retries 2", "set net:timeout 20", "set ftp:ssl-allow false", $"open -u {User.Replace(':', ',')} ftp://{Address}", .. commands, ""]));
        var (status, output) = await Peers.RunAsync(Peers.Require("lftp", "lftp"), "-f", script);
        Assert.True(status == 0, $"{output}\n{Run.Errors}");
        return output;
    }

    public async ValueTask DisposeAsync()
    {
        await Run.DisposeAsync();
        folder.Dispose();
    }
}
