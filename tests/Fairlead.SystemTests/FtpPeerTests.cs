using System.Globalization;
using System.Net;
using System.Security.Cryptography;

namespace Fairlead.SystemTests;

/// <summary>vsftpd and pure-ftpd behind a forward, with curl and lftp before it.</summary>
public sealed class FtpPeerTests
{
    private const int HundredMegabytes = 100_000_000;

    public static TheoryData<string, string, string> Ways
    {
        get
        {
            var ways = new TheoryData<string, string, string>();
            foreach (var server in (string[])["vsftpd", "pure-ftpd"])
            {
                foreach (var way in (string[])["PASV", "EPSV", "PORT", "EPRT"])
                    ways.Add(server, way, "native");
            }
            ways.Add("vsftpd", "PASV", "portable");
            ways.Add("vsftpd", "EPRT", "portable");
            return ways;
        }
    }

    [Theory(Timeout = 120000), MemberData(nameof(Ways))]
    public async Task Curl_lists_downloads_uploads_and_resumes(string program, string way, string engine)
    {
        using var server = await FtpServer.StartAsync(program);
        var bytes = RandomNumberGenerator.GetBytes(3_000_000);
        File.WriteAllBytes(Path.Combine(server.Root, "file"), bytes);
        await using var forward = await FtpForward.StartAsync(server, more: $"engine: {engine}");
        var got = Path.Combine(forward.Files, "got");

        var list = await forward.CurlWellAsync("", Curl(way));
        Assert.Contains("3000000", list, StringComparison.Ordinal);
        var names = (await forward.CurlWellAsync("", [.. Curl(way), "-l"])).Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["file", "in"], names.Except([".", ".."]).Order());
        await forward.CurlWellAsync("file", [.. Curl(way), "-o", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));

        File.WriteAllBytes(got, bytes[..1_234_567]);
        await forward.CurlWellAsync("file", [.. Curl(way), "-C", "-", "-o", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(got)));

        await forward.CurlWellAsync("in/new", [.. Curl(way), "-T", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "new"))));
        File.SetUnixFileMode(Path.Combine(server.Uploads, "new"), (UnixFileMode)0b110_110_110);
        File.WriteAllBytes(Path.Combine(server.Uploads, "new"), bytes[..2_345_678]);
        await forward.CurlWellAsync("in/new", [.. Curl(way), "-C", "-", "-T", got]);
        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "new"))));
    }

    [Theory(Timeout = 120000)]
    [InlineData("vsftpd", "PASV", "native")]
    [InlineData("vsftpd", "PORT", "native")]
    [InlineData("pure-ftpd", "EPSV", "native")]
    [InlineData("pure-ftpd", "EPSV", "portable")]
    public async Task A_hundred_megabytes_arrive_with_their_hash_both_ways_through_the_forward(string program, string way, string engine)
    {
        using var server = await FtpServer.StartAsync(program);
        var (file, got) = (Path.Combine(server.Root, "file"), Path.Combine(server.Uploads, "back"));
        WriteRandom(file, HundredMegabytes);
        await using var forward = await FtpForward.StartAsync(server, more: $"engine: {engine}");
        var between = Path.Combine(forward.Files, "between");

        await forward.CurlWellAsync("file", [.. Curl(way), "-o", between]);
        Assert.Equal(Hash(file), Hash(between));
        await forward.CurlWellAsync("in/back", [.. Curl(way), "-T", between]);
        Assert.Equal(Hash(file), Hash(got));

        // The data went this way, and the session says so.
        await forward.Run.WaitForAsync(_ => Sessions(forward.Run).Any(session => session is { End: "closed", FromUpstream: > HundredMegabytes }));
        await forward.Run.WaitForAsync(_ => Sessions(forward.Run).Any(session => session is { End: "closed", FromClient: > HundredMegabytes }));
    }

    [Theory(Timeout = 120000)]
    [InlineData("vsftpd", "::1", "::1", "EPSV")]
    [InlineData("vsftpd", "::1", "::1", "EPRT")]
    [InlineData("pure-ftpd", "::1", "::1", "EPSV")]
    [InlineData("pure-ftpd", "::1", "::1", "EPRT")]
    [InlineData("vsftpd", "127.0.0.1", "::1", "PASV")]
    [InlineData("pure-ftpd", "127.0.0.1", "::1", "PORT")]
    [InlineData("pure-ftpd", "::1", "127.0.0.3", "EPSV")]
    [InlineData("vsftpd", "::1", "127.0.0.3", "EPRT")]
    public async Task Over_IPv6_and_between_the_families(string program, string listen, string at, string way)
    {
        using var server = await FtpServer.StartAsync(program, IPAddress.Parse(at));
        var bytes = RandomNumberGenerator.GetBytes(300_000);
        File.WriteAllBytes(Path.Combine(server.Root, "file"), bytes);
        await using var forward = await FtpForward.StartAsync(server, listen: IPAddress.Parse(listen));
        var got = Path.Combine(forward.Files, "got");

        await forward.CurlWellAsync("file", [.. Curl(way), "-o", got]);
        await forward.CurlWellAsync("in/back", [.. Curl(way), "-T", got]);

        Assert.True(bytes.AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(server.Uploads, "back"))));
    }

    [Theory(Timeout = 120000)]
    [InlineData("vsftpd", "true")]
    [InlineData("vsftpd", "false")]
    [InlineData("pure-ftpd", "true")]
    [InlineData("pure-ftpd", "false")]
    public async Task Lftp_mirrors_a_tree_with_four_connections_both_ways(string program, string passive)
    {
        using var server = await FtpServer.StartAsync(program);
        for (var i = 0; i < 100; i++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(server.Root, "tree", $"{i % 7}", $"{i % 3}")).FullName;
            File.WriteAllBytes(Path.Combine(folder, $"file {i}"), RandomNumberGenerator.GetBytes(i * 1000));
        }
        await using var forward = await FtpForward.StartAsync(server);

        await forward.LftpAsync($"set ftp:passive-mode {passive}", $"mirror --parallel=4 tree {forward.Files}/tree", $"mirror --parallel=4 -R {forward.Files}/tree in/tree");

        Assert.Equal(Tree(Path.Combine(server.Root, "tree")), Tree(Path.Combine(forward.Files, "tree")));
        Assert.Equal(Tree(Path.Combine(server.Root, "tree")), Tree(Path.Combine(server.Uploads, "tree")));
    }

    [Fact(Timeout = 120000)]
    public async Task Passive_ports_are_of_the_range_and_taken_again_when_a_transfer_has_ended()
    {
        using var server = await FtpServer.StartAsync("vsftpd");
        File.WriteAllText(Path.Combine(server.Root, "file"), "a file");
        var ports = FtpServer.FreeRange(2);
        await using var forward = await FtpForward.StartAsync(server, $"ports: {ports}");

        var told = await forward.CurlWellAsync("file", ["-v", "--parallel", "--parallel-max", "1", .. Enumerable.Repeat($"ftp://{forward.Address}/file", 20)]);

        var named = told.Split('\n').Where(line => line.Contains("229 Entering", StringComparison.Ordinal)).Select(line => line[(line.IndexOf("(|||", StringComparison.Ordinal) + 4)..line.LastIndexOf('|')]).ToList();
        Assert.NotEmpty(named);
        Assert.All(named, port => Assert.InRange(int.Parse(port, CultureInfo.InvariantCulture), ports.First, ports.Last));
    }

    private static string[] Curl(string way) => way switch
    {
        "PASV" => ["--ftp-pasv", "--disable-epsv", "--no-ftp-skip-pasv-ip"],
        "EPSV" => ["--ftp-pasv"],
        "PORT" => ["--ftp-port", "-", "--disable-eprt"],
        _ => ["--ftp-port", "-"],
    };

    // The lines of the access log: time, client, listen, upstream, end, by whom, duration, bytes from the client, bytes from the upstream.
    private static IEnumerable<(string End, long FromClient, long FromUpstream)> Sessions(Running run) =>
        run.Output.Split('\n').Select(line => line.Split(' ')).Where(fields => fields.Length > 9).Select(fields => (fields[4], long.Parse(fields[7], CultureInfo.InvariantCulture), long.Parse(fields[8], CultureInfo.InvariantCulture)));

    private static void WriteRandom(string path, int length)
    {
        using var file = File.Create(path);
        var bytes = new byte[1 << 20];
        for (var left = length; left > 0; left -= bytes.Length)
        {
            Random.Shared.NextBytes(bytes);
            file.Write(bytes, 0, Math.Min(left, bytes.Length));
        }
    }

    private static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }

    private static IEnumerable<string> Tree(string root) =>
        Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(path => $"{Path.GetRelativePath(root, path)} {Hash(path)}").Order(StringComparer.Ordinal);
}
