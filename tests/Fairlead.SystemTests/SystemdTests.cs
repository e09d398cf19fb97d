using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary><c>fairlead run</c> under stand-ins for systemd: a datagram socket for NOTIFY_SOCKET, systemd-socket-activate for LISTEN_FDS.</summary>
public sealed class SystemdTests
{
    private const int SIGHUP = 1;

    [Fact(Timeout = 60000)]
    public async Task The_manager_is_told_of_readiness_reload_and_stop()
    {
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var configuration = folder.Write("fairlead.yaml", Configuration("web", "127.0.0.1:0", echo.Port));
        await using var running = Running.Start(["run", configuration], readErrors: true, ("NOTIFY_SOCKET", manager.Address));

        await manager.WaitForAsync("READY=1");
        running.Signal(SIGHUP);
        var reloading = await manager.WaitForAsync("RELOADING=1");
        var moment = long.Parse(reloading.Single(line => line.StartsWith("MONOTONIC_USEC=", StringComparison.Ordinal))["MONOTONIC_USEC=".Length..], CultureInfo.InvariantCulture);
        Assert.InRange(moment, 1, Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000));
        await manager.WaitForAsync("READY=1");

        // A file that is refused is a reload that has ended, too.
        File.WriteAllText(configuration, "nonsense: 1\n");
        running.Signal(SIGHUP);
        await manager.WaitForAsync("RELOADING=1");
        await manager.WaitForAsync("READY=1");

        running.Signal(Running.SIGTERM);
        var stopping = await manager.WaitForAsync("STOPPING=1");
        Assert.Contains(stopping, line => line.StartsWith("EXTEND_TIMEOUT_USEC=", StringComparison.Ordinal));
        Assert.Equal(0, await running.WhenOverAsync());
    }

    [Fact(Timeout = 60000)]
    public async Task Readiness_is_told_when_the_listen_answers_and_not_for_a_start_that_fails()
    {
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var port = FreePorts.One();
        await using (var running = Running.Start(["run", folder.Write("good.yaml", Configuration("web", $"127.0.0.1:{port}", echo.Port))], readErrors: true, ("NOTIFY_SOCKET", manager.Address)))
        {
            await manager.WaitForAsync("READY=1");
            using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            await Echo.ExchangeAsync(client, 42);
            manager.Forget();
            // The port is taken now.
            await using var second = Running.Start(["run", folder.Write("same.yaml", $"name: second\n{Configuration("web", $"127.0.0.1:{port}", echo.Port)}")], readErrors: true, ("NOTIFY_SOCKET", manager.Address));
            Assert.Equal(2, await second.WhenOverAsync());
            Assert.DoesNotContain("READY=1", manager.Lines());
        }
    }

    [Fact(Timeout = 60000)]
    public async Task The_watchdog_is_pinged_again_and_again()
    {
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var configuration = folder.Write("fairlead.yaml", Configuration("web", "127.0.0.1:0", echo.Port));
        await using var running = Running.StartBy(
            $"NOTIFY_SOCKET={manager.Address} WATCHDOG_USEC=200000 WATCHDOG_PID=$$ exec \"$0\" \"$@\"", "run", configuration);

        await manager.WaitForAsync("READY=1");
        for (var ping = 0; ping < 3; ping++)
            await manager.WaitForAsync("WATCHDOG=1");
    }

    [Fact(Timeout = 60000)]
    public async Task A_watchdog_of_another_process_is_not_pinged()
    {
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var configuration = folder.Write("fairlead.yaml", Configuration("web", "127.0.0.1:0", echo.Port));
        await using var running = Running.StartBy($"NOTIFY_SOCKET={manager.Address} WATCHDOG_USEC=2000 WATCHDOG_PID=1 exec \"$0\" \"$@\"", "run", configuration);

        await manager.WaitForAsync("READY=1");
        running.Signal(Running.SIGTERM);
        await running.WhenOverAsync();
        Assert.DoesNotContain("WATCHDOG=1", manager.Lines());
    }

    [Theory(Timeout = 60000)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_socket_of_systemd_is_used_by_its_name_or_its_address(bool byName)
    {
        var activate = Peers.Require("systemd-socket-activate", "systemd");
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var port = FreePorts.One();
        // By name: the configuration says another address, which would be refused if it were bound.
        var configuration = folder.Write("fairlead.yaml", Configuration("web", byName ? "192.0.2.1:80" : $"127.0.0.1:{port}", echo.Port));
        using var peer = new Peer(Process.Start(new ProcessStartInfo(activate,
            ["-l", $"127.0.0.1:{port}", $"--fdname={(byName ? "web" : "fairlead.socket")}", "-E", $"NOTIFY_SOCKET={manager.Address}", Running.Binary, "run", configuration])
        { RedirectStandardError = true, RedirectStandardOutput = true })!);

        // It starts the program with the first client, which waits in the backlog meanwhile.
        using var client = await ConnectAsync(port);
        await manager.WaitForAsync("READY=1");
        await Echo.ExchangeAsync(client, 42);
        using var next = await ConnectAsync(port);
        await Echo.ExchangeAsync(next, 43);
    }

    [Theory(Timeout = 60000)]
    [InlineData(true, "native")]
    [InlineData(false, "native")]
    [InlineData(true, "portable")]
    [InlineData(false, "portable")]
    public async Task A_socket_of_datagrams_of_systemd_is_used_by_its_name_or_its_address(bool byName, string engine)
    {
        var activate = Peers.Require("systemd-socket-activate", "systemd");
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var upstream = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var port = FreePorts.One();
        var configuration = folder.Write("fairlead.yaml",
            $"forwards: [{{ name: dns, engine: {engine}, listen: \"{(byName ? "192.0.2.1:53" : $"127.0.0.1:{port}")}/udp\", to: \"{upstream.Client.LocalEndPoint}\" }}]\nadmin: off\n");
        using var peer = new Peer(Process.Start(new ProcessStartInfo(activate,
            ["--datagram", "-l", $"127.0.0.1:{port}", $"--fdname={(byName ? "dns" : "fairlead.socket")}", "-E", $"NOTIFY_SOCKET={manager.Address}", Running.Binary, "run", configuration])
        { RedirectStandardError = true, RedirectStandardOutput = true })!);
        await UntilBoundAsync(port);

        // It starts the program with the first datagram, which waits in the socket meanwhile.
        using var client = new UdpClient();
        client.Connect(IPAddress.Loopback, port);
        for (var round = 0; round < 3; round++)
        {
            await client.SendAsync(new byte[] { (byte)round }, TestContext.Current.CancellationToken);
            var asked = await upstream.ReceiveAsync(TestContext.Current.CancellationToken);
            Assert.Equal([(byte)round], asked.Buffer);
            await upstream.SendAsync(asked.Buffer, asked.RemoteEndPoint, TestContext.Current.CancellationToken);
            Assert.Equal([(byte)round], (await client.ReceiveAsync(TestContext.Current.CancellationToken)).Buffer);
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Sockets_for_another_process_are_left_alone_and_bad_values_are_warned_of()
    {
        using var folder = new Folder();
        using var echo = new Echo();
        var configuration = folder.Write("fairlead.yaml", $"log: {{ format: json }}\n{Configuration("web", "127.0.0.1:0", echo.Port)}");
        await using (var other = Running.StartBy("LISTEN_PID=1 LISTEN_FDS=1 exec \"$0\" \"$@\"", "run", configuration))
        {
            await other.WaitForAsync("listening");
            Assert.DoesNotContain("LISTEN_", other.Errors, StringComparison.Ordinal);
            other.Signal(Running.SIGTERM);
            Assert.Equal(0, await other.WhenOverAsync());
        }
        await using var bad = Running.StartBy("LISTEN_PID=$$ LISTEN_FDS=many exec \"$0\" \"$@\"", "run", configuration);
        await bad.WaitForAsync("listening");
        Assert.Contains("LISTEN_FDS is 'many', not a number: no inherited socket is used", bad.Errors, StringComparison.Ordinal);
    }

    /// <summary>The program as the unit starts it: its ExecStart with another file, its Type, its reload and its way to stop.</summary>
    [Fact(Timeout = 60000)]
    public async Task The_unit_file_starts_reloads_and_stops_it()
    {
        using var folder = new Folder();
        using var manager = new Manager(folder);
        using var echo = new Echo();
        var unit = File.ReadAllLines($"{Repository()}/packaging/systemd/fairlead.service").Where(line => line.Contains('=')).ToLookup(line => line.Split('=')[0], line => line[(line.IndexOf('=') + 1)..]);
        Assert.Equal("notify", unit["Type"].Single());
        var configuration = folder.Write("fairlead.yaml", Configuration("web", "127.0.0.1:0", echo.Port));
        var start = unit["ExecStart"].Single().Split(' ');
        Assert.Equal("/usr/bin/fairlead", start[0]);
        var arguments = start[1..].Select(argument => argument.Replace("/etc/fairlead/fairlead.yaml", configuration, StringComparison.Ordinal)).ToArray();
        await using var running = Running.StartBy(
            $"NOTIFY_SOCKET={manager.Address} WATCHDOG_USEC={int.Parse(unit["WatchdogSec"].Single(), CultureInfo.InvariantCulture) * 1_000_000L} RUNTIME_DIRECTORY={folder.Path} STATE_DIRECTORY={folder.Path} LOGS_DIRECTORY={folder.Path} exec \"$0\" \"$@\"", arguments);

        await manager.WaitForAsync("READY=1");
        Assert.Equal(0, (await Peers.RunAsync("/bin/sh", "-c", unit["ExecReload"].Single().Replace("$MAINPID", $"{running.Id}", StringComparison.Ordinal))).Status);
        await manager.WaitForAsync("RELOADING=1");
        await manager.WaitForAsync("READY=1");
        running.Signal(Running.SIGTERM);
        await manager.WaitForAsync("STOPPING=1");
        Assert.Equal(0, await running.WhenOverAsync());
    }

    private static async Task UntilBoundAsync(int port)
    {
        var bound = $":{port:X4} ";
        while (!File.ReadLines("/proc/net/udp").Any(line => line.Contains(bound, StringComparison.Ordinal)))
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    private static string Configuration(string name, string listen, int target) => $$"""
        forwards:
          - { name: {{name}}, listen: "{{listen}}", to: "127.0.0.1:{{target}}" }
        admin: off

        """;

    private static async Task<Socket> ConnectAsync(int port)
    {
        while (true)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
                return client;
            }
            catch (SocketException)
            {
                // The stand-in has not bound it yet.
                client.Dispose();
                await Task.Yield();
            }
        }
    }

    private static string Repository()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Fairlead.slnx")))
            folder = folder.Parent!;
        return folder.FullName;
    }

    /// <summary>Stands in for the service manager: keeps what is told.</summary>
    private sealed class Manager : IDisposable
    {
        private readonly Socket socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);

        public Manager(Folder folder)
        {
            Address = Path.Combine(folder.Path, "notify");
            socket.Bind(new UnixDomainSocketEndPoint(Address));
        }

        public string Address { get; }

        /// <summary>Waits for a message with a line, and passes over those before it: the lines of that message.</summary>
        public async Task<string[]> WaitForAsync(string line)
        {
            var buffer = new byte[4096];
            using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
            while (true)
            {
                var lines = Encoding.UTF8.GetString(buffer, 0, await socket.ReceiveAsync(buffer, deadline.Token)).Split('\n');
                if (lines.Contains(line))
                    return lines;
            }
        }

        /// <summary>The lines that have arrived and not been waited for.</summary>
        public IReadOnlyList<string> Lines()
        {
            List<string> lines = [];
            var buffer = new byte[4096];
            while (socket.Available > 0)
                lines.AddRange(Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer)).Split('\n'));
            return lines;
        }

        public void Forget() => Lines();

        public void Dispose() => socket.Dispose();
    }
}
