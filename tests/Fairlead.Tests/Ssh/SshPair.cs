using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>A client and a server of SSH that talk to each other. The server takes every channel.</summary>
internal sealed class SshPair : IDisposable
{
    /// <summary>A key of the server, and one of a user whom it lets in.</summary>
    public static readonly SshPrivateKey HostKey = SshPrivateKey.Generate(), UserKey = SshPrivateKey.Generate();

    private readonly Queue<TaskCompletionSource<SshChannel>> awaited = [];

    private SshPair()
    {
    }

    public SshConnection Client { get; private set; } = null!;

    public SshConnection Server { get; private set; } = null!;

    /// <summary>A client that believes the server and shows the user's key.</summary>
    public static SshClientOptions ClientOptions { get; } = new()
    {
        User = "alice",
        Keys = [UserKey],
        CheckHostKey = key => new ValueTask<string?>(key.Key.Equals(HostKey.PublicKey) ? null : "another key"),
        Keepalive = Timeout.InfiniteTimeSpan,
    };

    /// <summary>A server with that key that lets that user in.</summary>
    public static SshServerOptions ServerOptions { get; } = new()
    {
        HostKeys = [HostKey],
        Authenticate = request => new ValueTask<bool>(UserKey.PublicKey.Equals(request.Key)),
        Keepalive = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Connects two ends.</summary>
    public static async Task<SshPair> ConnectAsync(Connection near, Connection far, Func<SshClientOptions, SshClientOptions>? client = null, Func<SshServerOptions, SshServerOptions>? server = null)
    {
        var pair = new SshPair();
        var serverOptions = ServerOptions with { OnOpen = pair.OnOpen };
        var accepting = SshConnection.AcceptAsync(far, server?.Invoke(serverOptions) ?? serverOptions);
        var connecting = SshConnection.ConnectAsync(near, client?.Invoke(ClientOptions) ?? ClientOptions);
        var (connected, accepted) = (await connecting, await accepting);
        Assert.Null(connected.End);
        Assert.Null(accepted.End);
        (pair.Client, pair.Server) = (connected.Connection!, accepted.Connection!);
        return pair;
    }

    /// <summary>The same inside the process, where it is called.</summary>
    public static Task<SshPair> ConnectAsync(Func<SshClientOptions, SshClientOptions>? client = null, Func<SshServerOptions, SshServerOptions>? server = null)
    {
        var (near, far) = MemoryConnection.CreatePair();
        return ConnectAsync(near, far, client, server);
    }

    /// <summary>Opens a channel.</summary>
    public async Task<(SshChannel Opened, SshChannel Accepted)> OpenAsync()
    {
        var accepted = new TaskCompletionSource<SshChannel>();
        awaited.Enqueue(accepted);
        var opened = await Client.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
        Assert.NotNull(opened.Channel);
        return (opened.Channel, await accepted.Task);
    }

    public void Dispose()
    {
        Client.Dispose();
        Server.Dispose();
    }

    private void OnOpen(SshIncoming incoming)
    {
        var channel = incoming.Accept();
        if (awaited.TryDequeue(out var waiting))
            waiting.SetResult(channel);
        else
            channel.Dispose();
    }
}
