using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.SystemTests;

/// <summary>Dropbear at the other end, in both roles: what it does otherwise than OpenSSH. Its data and its ends are with everybody's: <see cref="SshDataTests"/>, <see cref="SshEndTests"/>.</summary>
public sealed class DropbearTests(DropbearServers servers) : IClassFixture<DropbearServers>
{
    private const int Length = 300_000;

    /// <summary>What both can: version 2022.83 has neither GCM, nor MACs of what is encrypted, nor a group of more than 2048 bits, nor SHA-512 with RSA.</summary>
    public static TheoryData<SshAlgorithmTests.Kind, string> Common
    {
        get
        {
            var all = new TheoryData<SshAlgorithmTests.Kind, string>();
            foreach (var name in SshAlgorithms.Default.KeyExchanges.Where(name => name != "diffie-hellman-group16-sha512"))
                all.Add(SshAlgorithmTests.Kind.KeyExchange, name);
            foreach (var name in (string[])["chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"])
                all.Add(SshAlgorithmTests.Kind.Cipher, name);
            all.Add(SshAlgorithmTests.Kind.Mac, "hmac-sha2-256");
            foreach (var name in SignatureAlgorithms.Names.Where(name => name != "rsa-sha2-512"))
            {
                all.Add(SshAlgorithmTests.Kind.HostKey, name);
                all.Add(SshAlgorithmTests.Kind.UserKey, name);
            }
            return all;
        }
    }

    [Theory(Timeout = 60000), MemberData(nameof(Common))]
    public async Task Our_client_and_Dropbears_server_agree(SshAlgorithmTests.Kind kind, string name)
    {
        var server = await servers.ServerAsync(kind == SshAlgorithmTests.Kind.HostKey ? name : "ssh-ed25519");
        using var key = SshPrivateKey.Load(server.UserKey(kind == SshAlgorithmTests.Kind.UserKey ? name : "ssh-ed25519"), null);
        SshPublicKey? shown = null;
        var result = await SshAlgorithmTests.ConnectAsync(server.Port, new SshClientOptions
        {
            User = "root",
            Keys = [key],
            CheckHostKey = offer =>
            {
                shown = offer.Key;
                return default;
            },
            Algorithms = SshAlgorithmTests.Offer(kind, name),
        });
        Assert.True(result.Connection is not null, $"{result.End}");
        if (kind == SshAlgorithmTests.Kind.HostKey)
            Assert.Equal(SshKeys.Public(server.HostKey(name)), $"{shown!.Type} {Convert.ToBase64String(shown.Blob.Span)}");
        using var connection = result.Connection;
        await SshAlgorithmTests.EchoAsync(connection, Length);
    }

    [Theory(Timeout = 60000), MemberData(nameof(Common))]
    public async Task Dropbears_client_and_our_server_agree(SshAlgorithmTests.Kind kind, string name)
    {
        var server = await servers.Server;
        var user = await servers.UserAsync(kind == SshAlgorithmTests.Kind.UserKey ? name : "ssh-ed25519");
        // A key of the type that is asked for, which this end reads: that of somebody else.
        using var hostKey = SshPrivateKey.Load(server.UserKey(kind == SshAlgorithmTests.Kind.HostKey ? name : "ssh-ed25519"), null);
        await ServeAsync(user, hostKey, SshAlgorithmTests.Offer(kind, name), Length);
    }

    [Fact(Timeout = 60000)]
    public async Task Our_client_exchanges_keys_with_it_every_megabyte_while_bytes_go_both_ways()
    {
        var server = await servers.Server;
        using var key = SshPrivateKey.Load(server.UserKey("ssh-ed25519"), null);
        var result = await SshAlgorithmTests.ConnectAsync(server.Port, new SshClientOptions { User = "root", Keys = [key], CheckHostKey = static _ => default, RekeyBytes = 1 << 20 });
        Assert.True(result.Connection is not null, $"{result.End}");
        using var connection = result.Connection;
        await SshAlgorithmTests.EchoAsync(connection, 20 << 20);
        Assert.InRange(connection.Transport.Exchanges, 15, 60);
    }

    [Fact(Timeout = 60000)]
    public async Task Our_server_exchanges_keys_with_it_every_megabyte_while_bytes_go_both_ways()
    {
        var server = await servers.Server;
        using var hostKey = SshPrivateKey.Load(server.UserKey("ssh-ed25519"), null);
        Assert.InRange(await ServeAsync(await servers.UserAsync("ssh-ed25519"), hostKey, SshAlgorithms.Default, 20 << 20, rekeyBytes: 1 << 20), 15, 60);
    }

    [Fact(Timeout = 60000)]
    public async Task Its_server_may_choose_the_port_of_a_remote_listen()
    {
        var server = await servers.Server;
        using var echo = new Echo();
        await using var fairlead = Start(server, server.KnownHosts, "-R", $"0:127.0.0.1:{echo.Port}", "-R", $"0:127.0.0.1:{echo.Port}");
        var ports = new HashSet<int>();
        await fairlead.WaitForAsync(entry => entry.GetProperty("event").GetString() == "tunnel_listening" && ports.Add(int.Parse(entry.GetProperty("listen").GetString()!.Split(':')[^1], CultureInfo.InvariantCulture)) && ports.Count == 2);
        foreach (var port in ports)
        {
            using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Its_server_refuses_a_listen_of_a_port_that_is_taken_and_the_rest_goes_on()
    {
        var server = await servers.Server;
        using var echo = new Echo();
        // Of both families: one that is free is enough for it.
        using var taken = TcpListener.Create(0);
        taken.Start();
        var port = FreePorts.One();
        await using var fairlead = Start(server, server.KnownHosts, "-R", $"{((IPEndPoint)taken.LocalEndpoint).Port}:127.0.0.1:1", "-L", $"{port}:127.0.0.1:{echo.Port}");
        await fairlead.WaitForAsync("tunnel_listen_refused");
        using var client = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
    }

    [Fact(Timeout = 60000)]
    public async Task A_target_that_refuses_resets_whoever_comes_to_its_listen()
    {
        var server = await servers.Server;
        var (port, closed) = (FreePorts.One(), FreePorts.One());
        await using var fairlead = Start(server, server.KnownHosts, "-L", $"{port}:127.0.0.1:{closed}");
        await fairlead.WaitForAsync("tunnel_up");
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port, TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<SocketException>(async () => await client.Client.ReceiveAsync(new byte[1]));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact(Timeout = 60000)]
    public async Task A_server_with_another_key_is_not_believed()
    {
        var server = await servers.Server;
        using var folder = new Folder();
        var other = await SshKeys.MakeAsync(Path.Combine(folder.Path, "other"));
        var known = folder.Write("known_hosts", $"[127.0.0.1]:{server.Port} {SshKeys.Public(other)}\n");
        await using var fairlead = Start(server, known, "-L", $"{FreePorts.One()}:127.0.0.1:1");
        Assert.Equal(1, await fairlead.WhenOverAsync());
        Assert.Contains(fairlead.Entries, entry => entry.GetProperty("event").GetString() == "tunnel_host_key");
    }

    [Fact(Timeout = 60000)]
    public async Task Its_client_believes_a_hub_whose_key_it_knows_and_not_one_with_another()
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        var user = await AdmitAsync(hub, "");
        var known = Path.Combine(Directory.CreateDirectory(Path.Combine(hub.Folder.Path, ".ssh")).FullName, "known_hosts");
        File.WriteAllText(known, $"127.0.0.1 {SshKeys.Public(Path.Combine(hub.Folder.Path, "host"))}\n");
        Assert.Equal((0, "hello"), await AskAsync(hub, user, echo.Port));
        File.WriteAllText(known, $"127.0.0.1 {SshKeys.Public(user)}\n");
        var (status, output) = await AskAsync(hub, user, echo.Port);
        Assert.NotEqual(0, status);
        Assert.Contains("mismatch", output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("", true)]
    [InlineData("permitopen=\"127.0.0.1:PORT\"", true)]
    [InlineData("permitopen=\"127.0.0.1:1\"", false)]
    [InlineData("restrict", false)]
    [InlineData("restrict,port-forwarding", true)]
    public async Task Options_decide_where_its_client_may_connect(string options, bool mayConnect)
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        var user = await AdmitAsync(hub, options.Replace("PORT", $"{echo.Port}", StringComparison.Ordinal));
        var (status, output) = await AskAsync(hub, user, echo.Port);
        if (mayConnect)
        {
            Assert.Equal((0, "hello"), (status, output));
            return;
        }
        Assert.DoesNotContain("hello", output, StringComparison.Ordinal);
        Assert.Equal($"connect to 127.0.0.1:{echo.Port}", HubOptionTests.Refusal(await hub.Running.WaitForAsync("hub_refused")));
    }

    [Theory(Timeout = 60000)]
    [InlineData("", true)]
    [InlineData("permitlisten=\"PORT\"", true)]
    [InlineData("permitlisten=\"1\"", false)]
    [InlineData("no-port-forwarding", false)]
    public async Task Options_decide_where_its_client_may_listen(string options, bool mayListen)
    {
        await using var hub = await HubRig.StartAsync();
        using var echo = new Echo();
        var port = FreePorts.One();
        var user = await AdmitAsync(hub, options.Replace("PORT", $"{port}", StringComparison.Ordinal));
        using var client = Dropbear.Start(user, hub.Port, "-R", $"{port}:127.0.0.1:{echo.Port}");
        if (mayListen)
        {
            await hub.Running.WaitForAsync("hub_listening");
            using var through = await Echo.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            return;
        }
        // Nobody has asked for more than that, and it stays connected.
        Assert.StartsWith($"listen on localhost:{port}", HubOptionTests.Refusal(await hub.Running.WaitForAsync("hub_refused")));
        Assert.Empty(RemoteListenTests.Listens(port));
        Assert.False(client.HasExited);
    }

    [Theory(Timeout = 60000)]
    [InlineData("-T", "127.0.0.1")]
    [InlineData("127.0.0.1", "uname", "-a")]
    [InlineData("-s", "127.0.0.1", "sftp")]
    public async Task Its_client_is_told_that_there_is_no_shell(params string[] arguments)
    {
        await using var hub = await HubRig.StartAsync();
        var (status, output) = await Dropbear.RunAsync(await AdmitAsync(hub, ""), hub.Port, arguments);
        Assert.Equal(1, status);
        Assert.Contains("This server forwards ports; it has no shell and runs nothing. Connect with: ssh -N", output, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_stranger_is_not_let_in()
    {
        await using var hub = await HubRig.StartAsync();
        using var folder = new Folder();
        var (status, output) = await Dropbear.RunAsync(await Dropbear.MakeKeyAsync(Path.Combine(folder.Path, "stranger")), hub.Port, "-N", "127.0.0.1");
        Assert.Equal(1, status);
        Assert.Contains("No auth methods could be used", output, StringComparison.Ordinal);
        Assert.DoesNotContain(hub.Running.Entries, entry => entry.GetProperty("event").GetString() == "hub_login");
    }

    [Fact(Timeout = 60000)]
    public async Task Its_questions_whether_our_server_is_there_are_answered()
    {
        var server = await servers.Server;
        using var hostKey = SshPrivateKey.Load(server.UserKey("ssh-ed25519"), null);
        var user = await servers.UserAsync("ssh-ed25519");
        using var network = new PortableNetwork();
        using var listener = network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
        using var client = Dropbear.Start(user, ((IPEndPoint)listener.LocalEndPoint).Port, "-K", "1");
        using var connection = (await AcceptAsync(listener, user, hostKey, SshAlgorithms.Default)).Connection;
        // It gives up after three without an answer, and says nothing else.
        for (var questions = 0; questions < 6; questions++)
        {
            var heard = connection!.Transport.LastReceived;
            await Until.TrueAsync(() => client.HasExited || connection.Transport.LastReceived != heard);
            Assert.False(client.HasExited);
        }
    }

    private static Running Start(DropbearServerRig server, string knownHosts, params string[] arguments) => Running.Start(
        ["ssh", "--log-format", "json", "-F", "none", "-i", server.UserKey("ssh-ed25519"), "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", $"UserKnownHostsFile={knownHosts}", "-p", $"{server.Port}",
        .. arguments, "root@127.0.0.1"]);

    private static async Task<string> AdmitAsync(HubRig hub, string options)
    {
        var user = await Dropbear.MakeKeyAsync(Path.Combine(hub.Folder.Path, "dropbear"));
        hub.AdmitLine($"{options} {SshKeys.Public(user)}");
        return user;
    }

    // Sends a word to a server that sends it back, over standard input and output.
    private static async Task<(int Status, string Output)> AskAsync(HubRig hub, string user, int port)
    {
        var (from, to) = (hub.Folder.Write("sent", "hello"), Path.Combine(hub.Folder.Path, "got"));
        var (status, output) = await Dropbear.CopyAsync(from, to, user, hub.Port, "-B", $"127.0.0.1:{port}", "127.0.0.1");
        return (status, status == 0 ? File.ReadAllText(to) : output);
    }

    // Lets dbclient send bytes through one channel of a server of this process, which sends them back: how often keys were exchanged.
    private static async Task<int> ServeAsync(string user, SshPrivateKey hostKey, SshAlgorithms algorithms, int length, long rekeyBytes = 1 << 30)
    {
        using var network = new PortableNetwork();
        using var listener = network.ListenHere(new IPEndPoint(IPAddress.Loopback, 0), new ListenOptions());
        var sent = RandomNumberGenerator.GetBytes(length);
        var (from, to) = ($"{user}-{Guid.NewGuid():N}", $"{user}-{Guid.NewGuid():N}");
        File.WriteAllBytes(from, sent);
        var running = Dropbear.CopyAsync(from, to, user, ((IPEndPoint)listener.LocalEndPoint).Port, "-y", "-B", "target:7", "127.0.0.1");
        var result = await AcceptAsync(listener, user, hostKey, algorithms, rekeyBytes);
        var (status, output) = await running;
        Assert.True(result.Connection is not null && status == 0, $"{result.End}\n{output}");
        using var connection = result.Connection;
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(File.ReadAllBytes(to)));
        return connection.Transport.Exchanges;
    }

    private static async Task<SshConnectResult> AcceptAsync(IAcceptor listener, string user, SshPrivateKey hostKey, SshAlgorithms algorithms, long rekeyBytes = 1 << 30)
    {
        Assert.True(await listener.WaitAsync());
        return await SshConnection.AcceptAsync(listener.TryAccept()!, new SshServerOptions
        {
            HostKeys = [hostKey],
            Authenticate = request => new ValueTask<bool>(request.Key is { } key && SshKeys.Public(user) == $"{key.Type} {Convert.ToBase64String(key.Blob.Span)}"),
            OnOpen = incoming => _ = EchoAsync(incoming.Accept()),
            Algorithms = algorithms,
            RekeyBytes = rekeyBytes,
        });
    }

    private static async Task EchoAsync(SshChannel channel)
    {
        using (channel)
        {
            var buffer = new byte[16 << 10];
            int count;
            while ((count = await channel.ReadAsync(buffer)) > 0)
                await channel.WriteAsync(buffer.AsMemory(0, count));
            await channel.CompleteWritesAsync();
        }
    }
}

/// <summary>Servers of Dropbear, and users whose keys it has made. They are started by the first test that needs them.</summary>
public sealed class DropbearServers : IDisposable
{
    private readonly Folder folder = new();
    private readonly Lazy<Task<DropbearServerRig>> server = new(() => DropbearServerRig.StartAsync());
    private readonly Lazy<Task<DropbearServerRig>> other = new(() => DropbearServerRig.StartAsync("ecdsa-sha2-nistp521"));

    internal Task<DropbearServerRig> Server => server.Value;

    public void Dispose()
    {
        foreach (var one in new[] { server, other })
        {
            if (one is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
                one.Value.Result.Dispose();
        }
        folder.Dispose();
    }

    /// <summary>One with a key that signs by an algorithm.</summary>
    internal async Task<DropbearServerRig> ServerAsync(string algorithm) => (await Server).HasHostKey(algorithm) ? await Server : await other.Value;

    /// <summary>A new key that signs by an algorithm, in a home of its own.</summary>
    internal async Task<string> UserAsync(string algorithm)
    {
        var (_, type, bits) = SshKeys.Types.First(known => known.Algorithm == algorithm);
        return await Dropbear.MakeKeyAsync(Path.Combine(Directory.CreateDirectory(Path.Combine(folder.Path, Guid.NewGuid().ToString("N"))).FullName, "user"), type, bits);
    }
}
