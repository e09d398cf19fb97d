using System.Diagnostics;
using System.Net.Sockets;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>The admin socket is for its owner and for root, is never somebody else's, and is nowhere where a stranger could reach it.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public class AdminServerTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_socket_is_for_its_owner_only()
    {
        await using var rig = await AdminRig.StartAsync();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(rig.Path));
        Assert.Equal(["admin.sock"], Directory.GetFileSystemEntries(rig.Folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task The_socket_goes_with_its_server()
    {
        var rig = await AdminRig.StartAsync();
        var path = rig.Path;
        await rig.DisposeAsync();

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task A_peer_of_another_user_is_not_answered_and_the_log_says_so_once_a_minute()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SO_PEERCRED is of Linux.");
        Assert.SkipUnless(PeerUser.Own != 0 || File.Exists("/usr/bin/setpriv"), "As root, needs setpriv (Debian package util-linux).");
        // To root everybody else is another user; to others, a server that takes itself for somebody else sees them as such.
        await using var rig = await AdminRig.StartAsync(own: PeerUser.Own == 0 ? 0 : PeerUser.Own + 1);
        if (PeerUser.Own == 0)
        {
            File.SetUnixFileMode(rig.Folder, (UnixFileMode)0b111_101_101);
            File.SetUnixFileMode(rig.Path, (UnixFileMode)0b110_110_110);
        }

        for (var i = 0; i < 3; i++)
            Assert.Equal("", await AskAsOtherUserAsync(rig.Path));

        var warning = Assert.Single(rig.Log);
        Assert.Equal("admin_refused", warning.Event);
        Assert.Matches(@"^user \d+ asked at the admin socket, which is for this process's own user and root; he was not answered$", warning.Message);
    }

    [Theory]
    [InlineData(1000u, 1000u, true)]
    [InlineData(0u, 1000u, true)]
    [InlineData(1001u, 1000u, false)]
    [InlineData(1000u, 0u, false)]
    [InlineData(uint.MaxValue, 1000u, false)]
    public void Only_the_own_user_and_root_are_trusted(uint peer, uint own, bool expected) => Assert.Equal(expected, PeerUser.IsTrusted(peer, own));

    [Fact]
    public async Task Where_another_instance_lives_the_start_is_refused_and_it_lives_on()
    {
        await using var rig = await AdminRig.StartAsync();

        var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync(new AdminConfig { Listen = new UnixEndpoint(rig.Path) }));

        Assert.Equal($"another instance runs that listens on {rig.Path}; give this one an admin socket of its own, or end that one (fairlead stop --admin unix:{rig.Path})", refusal.Message);
        Assert.Equal(200, (await rig.AskAsync("GET", "/v1/status")).Status);
    }

    [Fact]
    public async Task A_second_instance_of_a_name_is_told_to_take_another()
    {
        // A name of its own, since the default place is one for all.
        var name = $"test-{Guid.NewGuid():n}"[..20];
        var first = await StartAsync(new AdminConfig(), name);
        try
        {
            var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync(new AdminConfig(), name));

            Assert.Equal(
                $"another instance named {name} runs (it listens on {first.Address["unix:".Length..]}); give this one a name of its own (name: in its file), or end that one (fairlead stop --name {name})",
                refusal.Message);
        }
        finally
        {
            await first.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_socket_that_nobody_serves_is_replaced()
    {
        using var folder = new Folder();
        var path = Path.Combine(folder.Path, "admin.sock");
        LeaveDeadSocket(path);

        await using var server = await StartAsync(new AdminConfig { Listen = new UnixEndpoint(path) });

        Assert.Equal($"unix:{path}", server.Address);
    }

    [Fact]
    public async Task What_is_no_socket_is_left_alone()
    {
        using var folder = new Folder();
        var path = Path.Combine(folder.Path, "admin.sock");
        await File.WriteAllTextAsync(path, "mine", Cancel);

        var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync(new AdminConfig { Listen = new UnixEndpoint(path) }));

        Assert.Equal($"the admin socket cannot be had: Cannot listen on {path}: something is there that is no socket; remove it or choose another path; choose another place (admin: {{ listen: unix:PATH }}), or admin: off", refusal.Message);
        Assert.Equal("mine", await File.ReadAllTextAsync(path, Cancel));
    }

    [Fact]
    public async Task A_missing_folder_is_made_private()
    {
        using var folder = new Folder();
        var path = Path.Combine(folder.Path, "run", "admin.sock");

        await using var server = await StartAsync(new AdminConfig { Listen = new UnixEndpoint(path) });

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
    }

    [Fact]
    public void A_default_folder_that_others_may_write_is_refused()
    {
        using var folder = new Folder();
        File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_111_111);

        var refusal = Assert.Throws<StartException>(() => AdminPlace.MakeFolder(Path.Combine(folder.Path, "main.sock"), mustBePrivate: true));

        Assert.Equal($"the admin socket's folder {folder.Path} is not private: it is writable by others, or another user's; remove it (it is made again), or set admin: {{ listen: unix:PATH }}", refusal.Message);
    }

    [Fact]
    public void A_default_folder_that_is_a_link_is_refused()
    {
        using var folder = new Folder();
        var link = Path.Combine(folder.Path, "link");
        Directory.CreateSymbolicLink(link, Directory.CreateDirectory(Path.Combine(folder.Path, "elsewhere")).FullName);

        Assert.Contains("is not private: it is a link;", Assert.Throws<StartException>(() => AdminPlace.MakeFolder(Path.Combine(link, "main.sock"), mustBePrivate: true)).Message);
    }

    [Theory]
    [InlineData(0u, "", "/run/fairlead/main.sock")]
    [InlineData(0u, "XDG_RUNTIME_DIR=/run/user/0", "/run/fairlead/main.sock")]
    [InlineData(1000u, "XDG_RUNTIME_DIR=/run/user/1000", "/run/user/1000/fairlead/main.sock")]
    [InlineData(1000u, "XDG_RUNTIME_DIR=relative", "/run/user/1000/fairlead/main.sock")]
    [InlineData(1000u, "", "/run/user/1000/fairlead/main.sock")]
    [InlineData(1001u, "", "/tmp/fairlead-1001/main.sock")]
    [InlineData(990u, "RUNTIME_DIRECTORY=/run/fairlead:/run/other", "/run/fairlead/main.sock")]
    public void The_default_place_depends_on_the_user(uint user, string variable, string expected)
    {
        Assert.Equal(expected, AdminPlace.Default("main", user, Variables(variable), folder => folder == "/run/user/1000"));
    }

    [Theory]
    [InlineData(1000u, "XDG_RUNTIME_DIR=/run/user/1000", "/run/user/1000/fairlead/main.sock /run/fairlead/main.sock")]
    [InlineData(1001u, "", "/tmp/fairlead-1001/main.sock /run/fairlead/main.sock")]
    [InlineData(0u, "", "/run/fairlead/main.sock")]
    [InlineData(0u, "SUDO_UID=1000", "/run/fairlead/main.sock /run/user/1000/fairlead/main.sock")]
    [InlineData(0u, "XDG_RUNTIME_DIR=/run/user/0", "/run/fairlead/main.sock /run/user/0/fairlead/main.sock")]
    public void An_instance_is_looked_for_at_the_users_place_and_at_roots(uint user, string variable, string expected)
    {
        Assert.Equal(expected.Split(' '), AdminPlace.Candidates("main", user, Variables(variable), folder => folder == "/run/user/1000"));
    }

    [Theory]
    [InlineData("127.0.0.1:9000", true, null)]
    [InlineData("[::1]:9000", true, null)]
    [InlineData("unix:/run/x.sock", false, null)]
    [InlineData("127.0.0.1:9000", false, "admin: 127.0.0.1:9000 can be reached by every user of this machine; add a token (token: file:/etc/fairlead/token), or use a Unix socket (listen: unix:PATH)")]
    [InlineData(":9000", true, "admin: :9000 is not the address of a loopback, and without TLS the token would be read on the way; write 127.0.0.1:9000, and go there by ssh -L")]
    [InlineData("10.0.0.1:9000", true, "admin: 10.0.0.1:9000 is not the address of a loopback, and without TLS the token would be read on the way; write 127.0.0.1:9000, and go there by ssh -L")]
    [InlineData("localhost:9000", true, null)]
    [InlineData("localhost:0", true, "admin: localhost:0 is two addresses, for which the system does not choose one port; write one, or 127.0.0.1:0")]
    [InlineData("localhost.example:9000", true, "admin: localhost.example:9000 is not the address of a loopback, and without TLS the token would be read on the way; write 127.0.0.1:9000, and go there by ssh -L")]
    [InlineData("127.0.0.1:9000-9001", true, "admin: 127.0.0.1:9000-9001 is a range, and the API has one port; write one")]
    [InlineData("127.0.0.1:9000/udp", true, "admin: 127.0.0.1:9000/udp is not TCP, and the API is HTTP; leave the protocol out")]
    public void Tcp_needs_a_loopback_and_a_token(string listen, bool hasToken, string? expected)
    {
        Assert.Equal(expected, AdminRules.Fault(new AdminConfig { Listen = Endpoint.Parse(listen), Token = hasToken ? new Secret("sesame") : null }));
    }

    [Fact]
    public async Task Localhost_is_both_loopbacks()
    {
        var port = FreePorts.One();
        await using var server = await AdminServer.StartAsync(new AdminConfig { Listen = Endpoint.Parse($"localhost:{port}"), Token = new Secret("sesame") }, "main", new FakeInstance(), _ => { });

        Assert.Equal($"localhost:{port}", server.Address);
        foreach (var loopback in Socket.OSSupportsIPv6 ? ["127.0.0.1", "[::1]"] : new[] { "127.0.0.1" })
        {
            using var client = new HttpClient { DefaultRequestHeaders = { Authorization = new("Bearer", "sesame") } };
            Assert.Contains("\"name\":\"main\"", await client.GetStringAsync(new Uri($"http://{loopback}:{port}/v1/status"), Cancel));
        }
    }

    [Fact]
    public async Task What_the_rules_refuse_is_not_started()
    {
        await Assert.ThrowsAsync<StartException>(() => StartAsync(new AdminConfig { Listen = Endpoint.Parse("127.0.0.1:0") }));
    }

    [Fact(Timeout = 30000)]
    public async Task Wrong_tokens_are_answered_late_and_a_few_at_once()
    {
        var time = new ManualTime();
        await using var rig = await AdminRig.StartTcpAsync("sesame", time);
        Task<(int Status, string Body, HttpResponseMessage Response)> AskAsync(string token) => rig.AskAsync("GET", "/v1/status", headers => headers.Authorization = new("Bearer", token));

        var guesses = Enumerable.Range(0, TokenGuesses.MostWaiting).Select(i => AskAsync($"sesame{i}")).ToList();
        await Traffic.UntilAsync(() => time.ArmedTimers == TokenGuesses.MostWaiting);
        Assert.Equal((429, 429), ((await AskAsync("more")).Status, (await AskAsync("sesame")).Status));
        time.Advance(TimeSpan.FromMilliseconds(999));
        Assert.DoesNotContain(guesses, guess => guess.IsCompleted);

        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.All(await Task.WhenAll(guesses), answer => Assert.Equal(401, answer.Status));
        Assert.Equal(200, (await AskAsync("sesame")).Status);
    }

    [Fact(Timeout = 30000)]
    public async Task Connections_that_say_nothing_are_closed_and_leave_their_places()
    {
        await using var rig = await AdminRig.StartAsync(silence: TimeSpan.FromMilliseconds(1));
        var silent = new List<Socket>();
        for (var i = 0; i < 16; i++)
        {
            silent.Add(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified));
            await silent[i].ConnectAsync(new UnixDomainSocketEndPoint(rig.Path), Cancel);
        }

        // Each sees the end, and then there is room.
        var buffer = new byte[1];
        foreach (var socket in silent)
        {
            Assert.Equal(0, await socket.ReceiveAsync(buffer, Cancel));
            socket.Dispose();
        }
        Assert.Equal(200, (await rig.AskAsync("GET", "/v1/status")).Status);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_refused_with_the_remedy()
    {
        await using var rig = await AdminRig.StartTcpAsync("sesame");

        var refusal = await Assert.ThrowsAsync<StartException>(() => StartAsync(new AdminConfig { Listen = Endpoint.Parse(rig.Address), Token = new Secret("x") }));

        Assert.StartsWith($"the admin API cannot listen on {rig.Address}: ", refusal.Message);
        Assert.EndsWith("; choose another port, or a Unix socket (listen: unix:PATH)", refusal.Message);
    }

    [Fact]
    public async Task Beyond_the_bound_connections_are_closed_and_later_ones_are_served()
    {
        await using var rig = await AdminRig.StartAsync();
        var sockets = new List<Socket>();
        for (var i = 0; i < 16; i++)
        {
            sockets.Add(Connect(rig.Path));
            // Served, so that it counts.
            await sockets[i].SendAsync("GET /v1/x HTTP/1.1\r\nHost: x\r\n\r\n"u8.ToArray(), Cancel);
            Assert.NotEqual(0, await sockets[i].ReceiveAsync(new byte[4096], Cancel));
        }
        using (var refused = Connect(rig.Path))
            Assert.Equal(0, await ReceiveAsync(refused));
        sockets[0].Dispose();

        int status;
        do
        {
            // Until the server has noticed that a place is free.
            try
            {
                status = (await rig.AskAsync("GET", "/v1/status")).Status;
            }
            catch (HttpRequestException)
            {
                status = 0;
            }
        }
        while (status != 200);
        sockets.ForEach(socket => socket.Dispose());
    }

    [Theory]
    [InlineData(5000, 20)]
    [InlineData(100, 20_000)]
    public async Task A_request_that_does_not_fit_is_refused(int line, int header)
    {
        await using var rig = await AdminRig.StartAsync();
        using var socket = Connect(rig.Path);
        var request = $"GET /{new string('x', line)} HTTP/1.1\r\nHost: localhost\r\nX: {new string('y', header)}\r\n\r\n";

        await socket.SendAsync(System.Text.Encoding.ASCII.GetBytes(request), Cancel);
        using var reader = new StreamReader(new NetworkStream(socket));
        Assert.Matches("^HTTP/1.1 4(14|31) ", await reader.ReadLineAsync(Cancel));
    }

    [Fact(Timeout = 30000)]
    public async Task Curl_can_talk_to_it()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/curl"), "curl is not installed (Debian package curl).");
        await using var rig = await AdminRig.StartAsync();

        Assert.Contains("\"name\":\"main\"", await CurlAsync("--unix-socket", rig.Path, "http://localhost/v1/status"));
        Assert.Equal("204", await CurlAsync("--unix-socket", rig.Path, "-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", "http://localhost/v1/connections/17"));
        Assert.Equal("202", await CurlAsync("--unix-socket", rig.Path, "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", "-d", "", "http://localhost/v1/stop?at_once=true"));
        Assert.Equal(["close 17", "stop at once"], rig.Instance.Told);
    }

    private static Task<AdminServer> StartAsync(AdminConfig config, string name = "main") => AdminServer.StartAsync(config, name, new FakeInstance(), _ => { });

    private static Socket Connect(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    private static async Task<int> ReceiveAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[100], Cancel);
        }
        catch (SocketException)
        {
            return 0;
        }
    }

    private static void LeaveDeadSocket(string path)
    {
        var temporary = path + ".first";
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            socket.Bind(new UnixDomainSocketEndPoint(temporary));
            socket.Listen();
            // .NET removes only the name that it bound.
            File.Move(temporary, path);
        }
    }

    private static async Task<string> AskAsOtherUserAsync(string path)
    {
        const string Client = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\ntry:\n s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')\n print(s.recv(100).decode(),end='')\nexcept OSError: pass";
        if (PeerUser.Own == 0)
        {
            Assert.SkipUnless(File.Exists("/usr/bin/python3"), "Needs python3.");
            return await RunAsync("/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "/usr/bin/python3", "-c", Client, path);
        }
        using var socket = Connect(path);
        return await ReceiveAsync(socket) == 0 ? "" : "an answer";
    }

    private static Task<string> CurlAsync(params string[] arguments) => RunAsync("/usr/bin/curl", ["-sS", .. arguments]);

    private static async Task<string> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync(Cancel);
        var output = await process.StandardOutput.ReadToEndAsync(Cancel);
        Assert.Equal("", await errors);
        return output;
    }

    private static Func<string, string?> Variables(string one) => name => one.StartsWith($"{name}=", StringComparison.Ordinal) ? one[(name.Length + 1)..] : null;

    private sealed class Folder : IDisposable
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");

        public string Path => folder.FullName;

        public void Dispose() => folder.Delete(recursive: true);
    }
}
