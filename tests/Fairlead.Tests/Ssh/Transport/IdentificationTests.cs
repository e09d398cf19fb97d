using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Peers that speak something else than SSH, or nothing at all.</summary>
public sealed class IdentificationTests
{
    [Theory(Timeout = 30000)]
    [InlineData("SSH-1.5-old\r\n", SshDisconnectReason.ProtocolVersionNotSupported)]
    [InlineData("SSH-3.0-new\r\n", SshDisconnectReason.ProtocolVersionNotSupported)]
    [InlineData("SSH-2.0\r\n", SshDisconnectReason.ProtocolVersionNotSupported)]
    [InlineData("SSH-\r\n", SshDisconnectReason.ProtocolVersionNotSupported)]
    [InlineData("SSH-2.0-{300}", SshDisconnectReason.ProtocolError)]
    [InlineData("SSH-2.0-{300}\r\n", SshDisconnectReason.ProtocolError)]
    [InlineData("{256}", SshDisconnectReason.ProtocolError)]
    [InlineData("{5000}", SshDisconnectReason.ProtocolError)]
    public async Task Another_version_or_a_line_without_end_is_refused(string said, SshDisconnectReason reason)
    {
        foreach (var isServer in new[] { false, true })
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.Peer.WriteAsync(Bytes(said));
                await rig.AssertEndAsync(SshEndCause.Protocol, reason);
            });
        }
    }

    [Theory(Timeout = 30000)]
    [InlineData("GET / HTTP/1.1\r\nHost: server\r\n\r\n")]
    [InlineData("\r\n")]
    [InlineData("ssh-2.0-small\r\n")]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003\n")]
    public async Task A_server_takes_nothing_before_the_line_and_a_client_does_not_take_it_for_ever(string said)
    {
        await AttackRig.RunAsync(isServer: true, async rig =>
        {
            await rig.Peer.WriteAsync(Bytes(said));
            await rig.AssertEndAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
        });
        await AttackRig.RunAsync(isServer: false, async rig =>
        {
            await rig.Peer.WriteAsync(Bytes(said));
            await rig.Peer.CompleteAsync();
            await rig.AssertEndAsync(SshEndCause.Lost, SshDisconnectReason.ConnectionLost);
        });
    }

    [Fact(Timeout = 30000)]
    public async Task A_server_may_say_some_lines_before_it_and_not_more()
    {
        await AttackRig.RunAsync(isServer: false, async rig =>
        {
            await rig.Peer.WriteAsync(Bytes(string.Concat(Enumerable.Repeat("a word before\r\n", 64))));
            await rig.OpenAsync();
            await rig.AssertAliveAsync();
        });
        await AttackRig.RunAsync(isServer: false, async rig =>
        {
            await rig.Peer.WriteAsync(Bytes(string.Concat(Enumerable.Repeat("\n", 65))));
            await rig.AssertEndAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
        });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task The_version_that_speaks_both_is_taken(bool isServer) => await AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.Peer.WriteAsync(Bytes("SSH-1.99-between\n"));
        await rig.Peer.WriteAsync(rig.Peer.Seal(Messages.Goodbye));
        await rig.AssertEndAsync(SshEndCause.Disconnected, SshDisconnectReason.ByApplication);
        Assert.Null(rig.Opening.Result.Connection);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Who_says_nothing_is_not_waited_for(bool isServer) => AssertLateAsync(isServer, _ => Task.CompletedTask);

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Nor_is_who_says_half_a_line(bool isServer) => AssertLateAsync(isServer, rig => rig.Peer.WriteAsync(Bytes("SSH-2.0-ha")).AsTask());

    [Theory(Timeout = 30000), MemberData(nameof(MessageOrderTests.Stages), MemberType = typeof(MessageOrderTests))]
    public async Task Nor_who_stops_anywhere_before_the_user_is_in(Stage stage, bool isServer)
    {
        if (stage < Stage.Open)
            await AssertLateAsync(isServer, rig => rig.BringAsync(stage));
    }

    [Theory(Timeout = 30000), MemberData(nameof(MessageOrderTests.Stages), MemberType = typeof(MessageOrderTests))]
    public async Task The_attempt_can_be_given_up_anywhere(Stage stage, bool isServer)
    {
        if (stage == Stage.Open)
            return;
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.BringAsync(stage);
            await rig.Cancel.CancelAsync();
            await rig.AssertEndAsync(SshEndCause.Closed);
            Assert.Null(rig.Opening.Result.Connection);
        });
    }

    private static Task AssertLateAsync(bool isServer, Func<AttackRig, Task> act) => AttackRig.RunAsync(isServer, async rig =>
    {
        await Traffic.UntilAsync(() => rig.Time.ArmedTimers == 1);
        await act(rig);
        rig.Time.Advance(TimeSpan.FromSeconds(19));
        await AttackRig.SettleAsync();
        Assert.False(rig.Opening.IsCompleted);
        rig.Time.Advance(TimeSpan.FromSeconds(1));
        var end = await rig.AssertEndAsync(SshEndCause.NoAnswer);
        Assert.Equal("the peer took longer than 20 s to get to the end of authentication", end.Text);
    });

    private static byte[] Bytes(string said)
    {
        // So many of something in braces.
        var (open, close) = (said.IndexOf('{', StringComparison.Ordinal), said.IndexOf('}', StringComparison.Ordinal));
        return Encoding.Latin1.GetBytes(open < 0 ? said : said[..open] + new string('x', int.Parse(said.AsSpan(open + 1, close - open - 1), null)) + said[(close + 1)..]);
    }
}
