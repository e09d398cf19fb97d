using System.Net;
using System.Security.Cryptography;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.SystemTests;

/// <summary>Each algorithm alone, with OpenSSH at the other end, in both roles: keys are exchanged, a user is let in, and bytes come back as they were sent.</summary>
public sealed class SshAlgorithmTests(SshAlgorithmServers servers) : IClassFixture<SshAlgorithmServers>
{
    private const int Length = 300_000;

    public enum Kind
    {
        KeyExchange,
        Cipher,
        Mac,
        HostKey,
        UserKey,
    }

    public static TheoryData<Kind, string> All
    {
        get
        {
            var all = new TheoryData<Kind, string>();
            var offered = SshAlgorithms.Default;
            foreach (var (kind, names) in new[]
            {
                (Kind.KeyExchange, offered.KeyExchanges), (Kind.Cipher, offered.Ciphers), (Kind.Mac, offered.Macs), (Kind.HostKey, SignatureAlgorithms.Names), (Kind.UserKey, SignatureAlgorithms.Names),
            })
            {
                foreach (var name in names)
                    all.Add(kind, name);
            }
            return all;
        }
    }

    [Fact]
    public void There_are_as_many_as_are_promised()
    {
        var offered = SshAlgorithms.Default;
        Assert.Equal((7, 6, 4, 12), (offered.KeyExchanges.Count, offered.Ciphers.Count, offered.Macs.Count, offered.HostKeys.Count));
    }

    [Theory(Timeout = 60000), MemberData(nameof(All))]
    public async Task Our_client_and_OpenSSHs_server_agree(Kind kind, string name)
    {
        var server = await servers.Server;
        using var key = SshPrivateKey.Load(servers.KeyOf("user", kind == Kind.UserKey ? name : "ssh-ed25519"), null);
        var hostKey = SshKeys.Public(servers.KeyOf("host", kind == Kind.HostKey ? name : "ssh-ed25519"));
        SshPublicKey? shown = null;
        var result = await ConnectAsync(server.Port, new SshClientOptions
        {
            User = "root",
            Keys = [key],
            CheckHostKey = offer =>
            {
                shown = offer.Key;
                return default;
            },
            UserAlgorithms = kind == Kind.UserKey ? [name] : SignatureAlgorithms.Names,
            Algorithms = Offer(kind, name),
        });
        Assert.True(result.Connection is not null, $"{result.End}\n{server.Log}");
        Assert.Equal(hostKey, $"{shown!.Type} {Convert.ToBase64String(shown.Blob.Span)}");
        using var connection = result.Connection;
        await EchoAsync(connection, Length);
    }

    [Fact(Timeout = 60000)]
    public async Task Our_client_exchanges_keys_every_megabyte_while_bytes_go_both_ways()
    {
        using var server = await SshServerRig.StartAsync("LogLevel DEBUG1");
        using var key = SshPrivateKey.Load(server.UserKey, null);
        var result = await ConnectAsync(server.Port, new SshClientOptions { User = "root", Keys = [key], CheckHostKey = static _ => default, RekeyBytes = 1 << 20 });
        Assert.True(result.Connection is not null, $"{result.End}\n{server.Log}");
        using var connection = result.Connection;
        await EchoAsync(connection, 20 << 20);
        Assert.InRange(server.Log.Split("SSH2_MSG_KEXINIT received").Length - 1, 15, 60);
    }

    [Theory(Timeout = 60000), MemberData(nameof(All))]
    public async Task OpenSSHs_client_and_our_server_agree(Kind kind, string name)
    {
        var hub = await servers.Hub;
        using var echo = new Echo();
        using var folder = new Folder();
        var sent = RandomNumberGenerator.GetBytes(Length);
        var (from, to) = (Path.Combine(folder.Path, "sent"), Path.Combine(folder.Path, "got"));
        File.WriteAllBytes(from, sent);
        string[] options = kind switch
        {
            Kind.KeyExchange => ["-o", $"KexAlgorithms={name}"],
            Kind.Cipher => ["-c", name],
            Kind.Mac => ["-c", "aes128-ctr", "-m", name],
            Kind.HostKey => ["-o", $"HostKeyAlgorithms={name}"],
            _ => ["-o", $"PubkeyAcceptedAlgorithms={name}"],
        };
        var key = servers.KeyOf("user", kind == Kind.UserKey ? name : "ssh-ed25519");
        var (status, output) = await OpenSshClient.CopyAsync(from, to, key, "alice", hub.Port, [.. options, "-v", "-W", $"127.0.0.1:{echo.Port}", "127.0.0.1"]);
        Assert.True(status == 0, output);
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(File.ReadAllBytes(to)));
        // Each is told by ssh, so that one that was not used is noticed.
        Assert.Contains(kind switch
        {
            Kind.KeyExchange => $"kex: algorithm: {name}\n",
            Kind.Cipher => $"cipher: {name} MAC:",
            Kind.Mac => $"MAC: {name} compression:",
            Kind.HostKey => $"kex: host key algorithm: {name}\n",
            _ => $"Server accepts key: {key} ",
        }, output.ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    /// <summary>Everything, but of one kind one algorithm alone.</summary>
    internal static SshAlgorithms Offer(Kind kind, string name) => kind switch
    {
        Kind.KeyExchange => SshAlgorithms.Default with { KeyExchanges = [name] },
        Kind.Cipher => SshAlgorithms.Default with { Ciphers = [name] },
        Kind.Mac => SshAlgorithms.Default with { Ciphers = ["aes128-ctr"], Macs = [name] },
        Kind.HostKey => SshAlgorithms.Default with { HostKeys = [name] },
        _ => SshAlgorithms.Default,
    };

    /// <summary>Connects to a server on the loopback.</summary>
    internal static async Task<SshConnectResult> ConnectAsync(int port, SshClientOptions options)
    {
        using var network = new PortableNetwork();
        var dial = await network.Dialer.DialAsync(new IPEndPoint(IPAddress.Loopback, port), TimeSpan.FromSeconds(20));
        return await SshConnection.ConnectAsync(dial.Connection!, options);
    }

    /// <summary>Sends bytes through a channel to a server that sends them back, and compares.</summary>
    internal static async Task EchoAsync(SshConnection connection, int length)
    {
        using var echo = new Echo();
        await connection.Context.RunAsync(async () =>
        {
            var open = await connection.OpenAsync(new SshOpen.DirectTcp("127.0.0.1", echo.Port, "127.0.0.1", 0));
            using var channel = open.Channel!;
            var sent = RandomNumberGenerator.GetBytes(length);
            var sending = SendAsync(channel, sent);
            var got = new byte[length];
            for (var count = 0; count < length;)
                count += await channel.ReadAsync(got.AsMemory(count)) is > 0 and var more ? more : throw new EndOfStreamException();
            await sending;
            Assert.Equal(SHA256.HashData(sent), SHA256.HashData(got));
            Assert.Equal(0, await channel.ReadAsync(new byte[1]));
        });
    }

    private static async Task SendAsync(SshChannel channel, byte[] bytes)
    {
        await channel.WriteAsync(bytes);
        await channel.CompleteWritesAsync();
    }
}
