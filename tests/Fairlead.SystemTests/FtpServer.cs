using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>An FTP server of others, which serves a folder. It needs root: it becomes somebody else when somebody logs in.</summary>
internal sealed class FtpServer : IDisposable
{
    /// <summary>Neither where clients come from nor where they connect to: what they are told of it would be noticed.</summary>
    public static readonly IPAddress Address = IPAddress.Parse("127.0.0.3");

    private readonly Folder folder = new();
    private Peer? server;

    private FtpServer(IPAddress? at, bool hasTls)
    {
        Peers.RequireRoot();
        (At, HasTls) = (new IPEndPoint(at ?? Address, Free(at ?? Address)), hasTls);
        Passive = FreeRange(20);
        // Whom the server becomes has to get there, and may write into one folder only.
        Directory.CreateDirectory(Uploads, (UnixFileMode)0b111_111_111);
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(Root, (UnixFileMode)0b111_101_101);
        File.SetUnixFileMode(Uploads, (UnixFileMode)0b111_111_111);
        Directory.CreateDirectory(Path.Combine(folder.Path, "empty"));
    }

    public IPEndPoint At { get; }

    /// <summary>The range of its passive ports, free here too when it was started.</summary>
    public PortRange Passive { get; }

    /// <summary>What it serves.</summary>
    public string Root => Path.Combine(folder.Path, "root");

    /// <summary>Where clients may write.</summary>
    public string Uploads => Path.Combine(Root, "in");

    /// <summary>For curl and lftp.</summary>
    public string User { get; private set; } = "anonymous:nobody";

    private bool HasTls { get; }

    /// <summary>Starts one.</summary>
    /// <param name="program"><c>vsftpd</c> or <c>pure-ftpd</c>.</param>
    /// <param name="at">Its address.</param>
    /// <param name="hasTls">Whether it has TLS of its own.</param>
    public static async Task<FtpServer> StartAsync(string program, IPAddress? at = null, bool hasTls = false)
    {
        var server = new FtpServer(at, hasTls);
        try
        {
            server.server = program == "vsftpd" ? await server.VsftpdAsync() : await server.PureFtpdAsync();
            return server;
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>A certificate for the addresses of tests, and its key, in one file.</summary>
    public static async Task<string> CertificateAsync(string folder)
    {
        var (key, file) = (Path.Combine(folder, "key.pem"), Path.Combine(folder, "certificate.pem"));
        var (status, output) = await Peers.RunAsync(Peers.Require("openssl", "openssl"), [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", file, "-subj", "/CN=fairlead test",
            "-addext", "subjectAltName=IP:127.0.0.1,IP:127.0.0.3,IP:::1", "-days", "2"]);
        Assert.True(status == 0, output);
        File.WriteAllText(Path.Combine(folder, "both.pem"), File.ReadAllText(key) + File.ReadAllText(file));
        return file;
    }

    /// <summary>So many ports in a row of which nobody has any now, below those that the system gives to clients.</summary>
    public static PortRange FreeRange(int count)
    {
        while (true)
        {
            var first = Random.Shared.Next(10_000, 30_000);
            if (Enumerable.Range(first, count).All(port => IsFree(new IPEndPoint(IPAddress.Any, port))))
                return new PortRange(first, first + count - 1);
        }
    }

    public void Dispose()
    {
        server?.Dispose();
        folder.Dispose();
    }

    private static int Free(IPAddress address)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static bool IsFree(IPEndPoint at)
    {
        try
        {
            using var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(at);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task<Peer> VsftpdAsync()
    {
        var vsftpd = Peers.Require("vsftpd", "vsftpd");
        var isV6 = At.AddressFamily == AddressFamily.InterNetworkV6;
        if (HasTls)
            await CertificateAsync(folder.Path);
        var tls = $"""
            ssl_enable=YES
            allow_anon_ssl=YES
            require_ssl_reuse=NO
            force_local_data_ssl=NO
            force_local_logins_ssl=NO
            rsa_cert_file={folder.Path}/both.pem
            ssl_ciphers=HIGH

            """;
        var configuration = folder.Write("vsftpd.conf", $"""
            background=NO
            {(isV6 ? "listen=NO\nlisten_ipv6=YES\nlisten_address6=" : "listen=YES\nlisten_address=")}{At.Address}
            listen_port={At.Port}
            seccomp_sandbox=NO
            secure_chroot_dir={folder.Path}/empty
            anonymous_enable=YES
            no_anon_password=YES
            anon_root={Root}
            write_enable=YES
            anon_upload_enable=YES
            anon_mkdir_write_enable=YES
            anon_other_write_enable=YES
            anon_world_readable_only=NO
            anon_umask=022
            async_abor_enable=YES
            pasv_min_port={Passive.First}
            pasv_max_port={Passive.Last}
            {(HasTls ? tls : "")}
            """);
        return await StartAsync(vsftpd, configuration);
    }

    private async Task<Peer> PureFtpdAsync()
    {
        // It cannot be installed beside vsftpd, so ./test unpacks it.
        var unpacked = Path.Combine(Repository(), "artifacts", "peers", "usr");
        var (ftpd, pw) = (Path.Combine(unpacked, "sbin", "pure-ftpd"), Path.Combine(unpacked, "bin", "pure-pw"));
        if (!File.Exists(ftpd))
            (ftpd, pw) = (Peers.Require("pure-ftpd", "pure-ftpd"), Peers.Require("pure-pw", "pure-ftpd"));
        User = "joe:secret";
        // Its own hash costs seconds a login.
        var (_, hash) = await Peers.RunAsync(Peers.Require("openssl", "openssl"), "passwd", "-6", "secret");
        var users = folder.Write("users", $"joe:{hash.Trim()}:65534:65534::{Root}/./::::::::::::\n");
        var (status, output) = await Peers.RunAsync(pw, "mkdb", $"{folder.Path}/users.pdb", "-f", users);
        Assert.True(status == 0, output);
        return await StartAsync(ftpd, [
            "-S", $"{At.Address},{At.Port}", .. At.AddressFamily == AddressFamily.InterNetworkV6 ? (string[])["-6"] : [], "-l", $"puredb:{folder.Path}/users.pdb", "-u", "1", "-H", "-A", "-E",
            "-p", $"{Passive.First}:{Passive.Last}", "-C", "50", "-c", "100", "-g", $"{folder.Path}/pid"]);
    }

    private async Task<Peer> StartAsync(string program, params string[] arguments) => await Peers.StartAsync(At, program, arguments);

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
