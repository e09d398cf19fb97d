using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>This end of a recorded session, the same when it is recorded and when it is replayed: a login by key, a channel through which bytes come back, twice, with new keys in between, and an orderly end.</summary>
internal static class TranscriptSession
{
    /// <summary>How many bytes go through the channel each time.</summary>
    public const int Length = 300;

    private static readonly TimeSpan rekeyAfter = TimeSpan.FromSeconds(1);

    /// <summary>What goes through the channel, the first time and the second.</summary>
    public static byte[] Payload(int round) => [.. Enumerable.Range(0, Length).Select(i => (byte)(i + round))];

    /// <summary>Leads it over a connection to its end.</summary>
    /// <param name="connection">It is the session's from now on.</param>
    /// <param name="about">What it is about.</param>
    /// <param name="target">As a client: the port of a server on the peer's loopback that sends back what it gets.</param>
    /// <param name="key">This end's key.</param>
    public static Task RunAsync(Connection connection, TranscriptCase about, int target, SshPrivateKey key) => new SerialContext().RunAsync(async () =>
    {
        var time = new ManualTime();
        var opened = new TaskCompletionSource<SshChannel>();
        Fairlead.Ssh.SshOptions options = about.IsServer
            ? new SshServerOptions { HostKeys = [key], Authenticate = request => new ValueTask<bool>(request.Key?.Algorithms.Contains(about.UserKeyAlgorithm) == true), OnOpen = incoming => opened.SetResult(incoming.Accept()) }
            : new SshClientOptions
            {
                User = "root",
                Keys = [key],
                UserAlgorithms = [about.UserKeyAlgorithm],
                CheckHostKey = offer => new ValueTask<string?>(offer.Key.Algorithms.Contains(about.HostKeyAlgorithm) ? null : "another type of key"),
            };
        var result = await SshConnection.OpenAsync(connection, options with { Algorithms = about.Offer, Time = time, RekeyAfter = rekeyAfter, Keepalive = Timeout.InfiniteTimeSpan }, new TranscriptRandom(about.Name));
        Assert.True(result.Connection is not null, $"{result.End}");
        using var ssh = result.Connection;
        var channel = about.IsServer ? await opened.Task : (await ssh.OpenAsync(new SshOpen.DirectTcp("127.0.0.1", target, "127.0.0.1", 0))).Channel!;
        for (var round = 0; round < 2; round++)
        {
            var payload = Payload(round);
            if (!about.IsServer)
                await channel.WriteAsync(payload);
            await ExpectAsync(channel, payload);
            if (about.IsServer)
                await channel.WriteAsync(payload);
            if (round > 0)
                break;
            time.Advance(rekeyAfter);
            ssh.Transport.RekeyIfDue();
        }
        if (!about.IsServer)
            await channel.CompleteWritesAsync();
        Assert.Equal(0, await channel.ReadAsync(new byte[1]));
        if (about.IsServer)
            await channel.CompleteWritesAsync();
        // The peer closes the channel too; and a client's side the connection.
        while (ssh.ChannelCount > 0)
            await Task.Yield();
        if (!about.IsServer)
            await ssh.DisconnectAsync();
        await ssh.Ended;
        Assert.Equal(2, ssh.Transport.Exchanges);
        channel.Dispose();
    });

    /// <summary>Replays a session, and holds it to the record.</summary>
    public static async Task ReplayAsync(Transcript transcript, TranscriptCase about, SshPrivateKey key)
    {
        var connection = new ReplayedConnection(transcript);
        var error = await Record.ExceptionAsync(() => RunAsync(connection, about, transcript.Target, key));
        Assert.True(connection.Difference is null, connection.Difference);
        Assert.Null(error);
        connection.AssertOver();
    }

    /// <summary>This end's key, which was made for the recordings and lies among them.</summary>
    public static SshPrivateKey ReadKey(string folder, TranscriptCase about) => SshPrivateKey.Read(File.ReadAllBytes(Path.Combine(folder, about.KeyName)), []);

    private static async Task ExpectAsync(SshChannel channel, byte[] expected)
    {
        var got = new byte[expected.Length];
        for (var count = 0; count < got.Length;)
            count += await channel.ReadAsync(got.AsMemory(count)) is > 0 and var more ? more : throw new EndOfStreamException("the channel ended early");
        Assert.Equal(expected, got);
    }
}
