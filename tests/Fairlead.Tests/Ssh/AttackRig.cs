using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>How far a connection has come when it is attacked.</summary>
public enum Stage
{
    /// <summary>Both have said who they are.</summary>
    BeforeExchange,

    /// <summary>Both have said what they offer.</summary>
    InExchange,

    /// <summary>The peer alone has not begun to use the new keys.</summary>
    BeforeNewKeys,

    /// <summary>A client has asked for authentication, and a server waits for that.</summary>
    BeforeAuthentication,

    /// <summary>A client has asked to be let in, and a server waits for that.</summary>
    InAuthentication,

    /// <summary>The user is in.</summary>
    Open,
}

/// <summary>One end of an SSH connection that is attacked, and the peer that does it, both in one context, by a clock that stands.</summary>
internal sealed class AttackRig
{
    private AttackRig(bool isServer, Func<Fairlead.Ssh.SshOptions, Fairlead.Ssh.SshOptions>? with)
    {
        IsServer = isServer;
        var (near, far) = MemoryConnection.CreatePair();
        Peer = new ScriptedPeer(far, !isServer);
        Fairlead.Ssh.SshOptions options = isServer ? SshPair.ServerOptions : SshPair.ClientOptions;
        options = options with { Time = Time, OnOpen = incoming => Accepted.Add(incoming.Accept()) };
        options = with?.Invoke(options) ?? options;
        Opening = options is SshServerOptions server ? SshConnection.AcceptAsync(near, server, Cancel.Token)
            : SshConnection.ConnectAsync(near, (SshClientOptions)options, Cancel.Token);
    }

    /// <summary>Whether it is a server that is attacked.</summary>
    public bool IsServer { get; }

    public ManualTime Time { get; } = new();

    public ScriptedPeer Peer { get; }

    public CancellationTokenSource Cancel { get; } = new();

    /// <summary>The attacked end as it opens.</summary>
    public Task<SshConnectResult> Opening { get; }

    /// <summary>The attacked end once it is open.</summary>
    public SshConnection Connection => Opening.Result.Connection!;

    /// <summary>Channels that the peer has opened.</summary>
    public List<SshChannel> Accepted { get; } = [];

    /// <summary>Runs a test, and looks whether anything is left behind once the connection has ended.</summary>
    /// <param name="isServer">Whether it is a server that is attacked.</param>
    /// <param name="test">What is done to it. Where it does not end the connection, that is closed behind it.</param>
    /// <param name="with">Changes the options of the attacked end.</param>
    public static Task RunAsync(bool isServer, Func<AttackRig, Task> test, Func<Fairlead.Ssh.SshOptions, Fairlead.Ssh.SshOptions>? with = null) => new SerialContext().RunAsync(async () =>
    {
        var rig = new AttackRig(isServer, with);
        await test(rig);
        await rig.EndAsync();
    });

    /// <summary>Leads the peer so far.</summary>
    public async Task BringAsync(Stage stage)
    {
        await Peer.SayAsync();
        if (stage == Stage.BeforeExchange)
            return;
        await Peer.SendKexInitAsync();
        await Peer.ReadKexInitAsync();
        if (stage == Stage.InExchange)
            return;
        await Peer.AgreeAsync();
        await Peer.ReadNewKeysAsync();
        if (stage == Stage.BeforeNewKeys)
            return;
        await Peer.SendNewKeysAsync();
        if (stage == Stage.InAuthentication)
            await Peer.BeginAuthenticationAsync();
        if (stage != Stage.Open)
            return;
        await Peer.AuthenticateAsync();
        await Opening;
    }

    /// <summary>Leads the peer through everything.</summary>
    public Task OpenAsync() => BringAsync(Stage.Open);

    /// <summary>The peer opens a channel, which is taken.</summary>
    /// <param name="window">How much it lets itself be sent.</param>
    /// <param name="packet">And at once.</param>
    /// <param name="number">Its own number for it.</param>
    public async Task<SshChannel> OpenChannelAsync(uint window = 1 << 20, uint packet = 32 << 10, uint number = 0)
    {
        if (!IsServer)
        {
            var opening = Connection.OpenAsync(new SshOpen.DirectTcp("target", 80, "127.0.0.1", 1));
            var asked = await Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN);
            var fields = new SshReader(asked.AsSpan(1));
            fields.ReadString();
            await Peer.SendAsync(Messages.Confirm(fields.ReadUInt32(), number, window, packet));
            return (await opening).Channel!;
        }
        await Peer.SendAsync(Messages.Open(number, window, packet));
        await Peer.ReadToAsync(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION);
        return Accepted[^1];
    }

    /// <summary>How the attacked end ended.</summary>
    public async Task<SshEnd> EndedAsync() => await Opening is { Connection: { } connection } ? await connection.Ended : Opening.Result.End!;

    /// <summary>It has ended, told the peer why, and left nothing behind.</summary>
    public async Task<SshEnd> AssertToldAsync(SshEndCause cause, SshDisconnectReason reason)
    {
        var told = await Peer.ReadToAsync(Message.SSH_MSG_DISCONNECT);
        Assert.Null(await Peer.ReadAsync());
        var end = await AssertEndAsync(cause, reason);
        var fields = new SshReader(told.AsSpan(1));
        Assert.Equal((end.Reason, end.Text), ((SshDisconnectReason)fields.ReadUInt32(), fields.ReadText()));
        return end;
    }

    /// <summary>It has ended so.</summary>
    public async Task<SshEnd> AssertEndAsync(SshEndCause cause, SshDisconnectReason? reason = null)
    {
        var end = await EndedAsync();
        Assert.True((cause, reason) == (end.Cause, end.Reason), $"It ended with {end}, and not with {cause} and {reason}.");
        return end;
    }

    /// <summary>It goes on: it still hears the peer's goodbye, and takes it for one.</summary>
    public async Task AssertAliveAsync()
    {
        await Peer.SendAsync(Messages.Goodbye);
        Assert.Equal("enough", (await AssertEndAsync(SshEndCause.Disconnected, SshDisconnectReason.ByApplication)).Text);
    }

    /// <summary>Gives it the time to do what it does by itself.</summary>
    public static Task SettleAsync() => Traffic.UntilStillAsync(() => 0);

    /// <summary>It still answers.</summary>
    public async Task PingAsync()
    {
        await Peer.SendAsync(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString("there?"));
        Assert.Equal("there?"u8.ToArray(), ScriptedPeer.StringOf(await Peer.ReadToAsync(Message.SSH2_MSG_PONG)));
    }

    // Nothing is left: no channel, no timer, nobody who waits.
    private async Task EndAsync()
    {
        if (!Opening.IsCompleted)
            await Cancel.CancelAsync();
        (await Opening).Connection?.Dispose();
        var end = await EndedAsync();
        Assert.DoesNotContain("fault of this program", end.Text, StringComparison.Ordinal);
        Assert.Equal(0, Opening.Result.Connection?.ChannelCount ?? 0);
        foreach (var channel in Accepted)
        {
            var write = await Record.ExceptionAsync(() => channel.WriteAsync(new byte[1]).AsTask());
            Assert.True(write is ConnectionException or InvalidOperationException, $"A channel that is over was written to: {write?.Message}");
            await Traffic.DrainAsync(channel);
        }
        await Traffic.UntilAsync(() => Time.ArmedTimers == 0);
        Peer.Dispose();
        Cancel.Dispose();
    }
}
