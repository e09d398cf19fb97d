using System.Buffers.Binary;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Requests about the whole connection: many at once, none answered, or answered by what nobody asked for.</summary>
public sealed class RequestAttackTests
{
    private static readonly byte[] success = [Message.SSH_MSG_REQUEST_SUCCESS], failure = [Message.SSH_MSG_REQUEST_FAILURE];

    [Fact(Timeout = 30000)]
    public Task A_hundred_listens_at_once_get_the_right_ports_at_a_client() => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.OpenAsync();
        var arrived = new List<(int Listen, SshIncoming Incoming)>();
        var listens = Enumerable.Range(0, 100).Select(number => rig.Connection.ListenAsync(new SshBind.Tcp("localhost", 0), incoming => arrived.Add((number, incoming)))).ToArray();
        for (var number = 0; number < 100; number++)
            Assert.Equal(Messages.Listen("localhost", 0), await rig.Peer.ReadAsync());
        // Some are refused, and somebody arrives right behind the last answer.
        await rig.Peer.SendAllAsync(Enumerable.Range(0, 100).Select(number => number % 10 == 3 ? failure : Success((uint)(5000 + number)))
            .Append(Arrival("localhost", 5099)).Append(Arrival("localhost", 5003)).Append(Arrival("localhost", 5001)));
        for (var number = 0; number < 100; number++)
            Assert.Equal(new SshListenResult(number % 10 == 3 ? null : 5000 + number, false), await listens[number]);
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        await Traffic.UntilAsync(() => arrived.Count == 2);
        Assert.Equal([99, 1], arrived.Select(each => each.Listen));
        // As it was asked for and no otherwise; and no longer once it is not wanted.
        await rig.Peer.SendAsync(Arrival("127.0.0.1", 5001));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        var cancel = rig.Connection.CancelAsync(new SshBind.Tcp("localhost", 5001));
        Assert.Equal(Messages.Listen("localhost", 5001, "cancel-tcpip-forward"), await rig.Peer.ReadAsync());
        await rig.Peer.SendAllAsync([success, Arrival("localhost", 5001)]);
        Assert.True(await cancel);
        await rig.Peer.ExpectAsync(Message.SSH_MSG_CHANNEL_OPEN_FAILURE);
        Assert.Equal(2, arrived.Count);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_peer_that_answers_no_question_is_given_up(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var probes = Enumerable.Range(0, 1025).Select(_ => rig.Connection.ProbeAsync()).ToArray();
        await rig.AssertEndAsync(SshEndCause.NoAnswer);
        Assert.All(await Task.WhenAll(probes), Assert.False);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task After_the_goodbye_nothing_more_is_said(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var leaving = rig.Connection.DisconnectAsync();
        await rig.Peer.SendAllAsync([Messages.Of(Message.SSH2_MSG_PING), Messages.Open(0), Messages.GlobalRequest("keepalive@openssh.com").ToArray(), Messages.Of(Message.SSH_MSG_KEXINIT)]);
        await rig.Peer.ReadToAsync(Message.SSH_MSG_DISCONNECT);
        Assert.Null(await rig.Peer.ReadAsync());
        await leaving;
    });

    [Fact(Timeout = 30000)]
    public async Task A_hundred_listens_at_once_get_the_right_ports_at_a_server_and_others_their_answer_in_between()
    {
        var (asked, atOnce) = (0, 0);
        await AttackRig.RunAsync(isServer: true, async rig =>
        {
            await rig.OpenAsync();
            await rig.Peer.SendAllAsync(Enumerable.Range(0, 100).SelectMany(_ => new[]
            {
                Messages.Listen("localhost", 0), Messages.GlobalRequest("keepalive@openssh.com").ToArray(), Messages.Listen("localhost", 0, "cancel-tcpip-forward"),
                Messages.GlobalRequest("no-more-sessions@openssh.com", wantsAnswer: false).ToArray(), Messages.Listen("localhost", 80),
            }));
            for (var number = 1; number <= 100; number++)
            {
                Assert.Equal(Success((uint)(5000 + number)), await rig.Peer.ExpectAsync(Message.SSH_MSG_REQUEST_SUCCESS));
                Assert.Equal(failure, await rig.Peer.ReadAsync());
                Assert.Equal(success, await rig.Peer.ReadAsync());
                Assert.Equal(failure, await rig.Peer.ReadAsync());
            }
        }, options => ((SshServerOptions)options) with
        {
            OnListen = async bind =>
            {
                Assert.Equal(1, ++atOnce);
                for (var turns = asked % 7; turns > 0; turns--)
                    await Task.Yield();
                atOnce--;
                return ((SshBind.Tcp)bind).Port == 0 ? 5000 + ++asked : null;
            },
            OnCancel = async _ =>
            {
                await Task.Yield();
                return true;
            },
        });
    }

    [Fact(Timeout = 30000)]
    public async Task A_client_listens_for_nobody()
    {
        byte[][] requests =
        [
            Messages.Listen("", 0), Messages.Listen("", 80, "cancel-tcpip-forward"), Messages.GlobalRequest("any").ToArray(),
            Messages.GlobalRequest("streamlocal-forward@openssh.com").WriteString("/run/x").ToArray(),
        ];
        await AttackRig.RunAsync(isServer: false, async rig =>
        {
            await rig.OpenAsync();
            foreach (var request in requests)
            {
                await rig.Peer.SendAsync(request);
                Assert.Equal(failure, await rig.Peer.ReadAsync());
            }
        });
    }

    [Fact(Timeout = 30000)]
    public async Task More_than_1024_requests_before_one_is_answered_end_it()
    {
        var never = new TaskCompletionSource<int?>();
        await AttackRig.RunAsync(isServer: true, async rig =>
        {
            await rig.OpenAsync();
            await rig.Peer.SendAllAsync(Enumerable.Repeat(Messages.Listen("localhost", 0), 1 + 1024));
            await rig.PingAsync();
            await rig.Peer.SendAsync(Messages.GlobalRequest("keepalive@openssh.com"));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            // Who has listened in vain is not answered.
            never.SetResult(80);
            await AttackRig.SettleAsync();
        }, options => ((SshServerOptions)options) with { OnListen = _ => new ValueTask<int?>(never.Task) });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Requests_that_make_no_sense_end_it(bool isServer)
    {
        byte[][] requests =
        [
            Messages.Listen("", 65536), Messages.Listen("", uint.MaxValue, "cancel-tcpip-forward"), Messages.Listen("", 0)[..^1], Messages.Listen(new string('h', 5000), 0),
            [Message.SSH_MSG_GLOBAL_REQUEST],
            Messages.GlobalRequest("streamlocal-forward@openssh.com").WriteString(new string('p', 5000)).ToArray(),
        ];
        foreach (var request in requests)
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                await rig.Peer.SendAsync(request);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task An_answer_that_is_none_ends_it_and_whoever_waits_for_it_hears_of_that(bool isServer)
    {
        byte[][] answers = [success, [Message.SSH_MSG_REQUEST_SUCCESS, 0, 0, 1], Success(65536)];
        foreach (var answer in answers)
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var listens = Enumerable.Range(0, 3).Select(_ => rig.Connection.ListenAsync(new SshBind.Tcp("localhost", 0), _ => { })).ToArray();
                await rig.Peer.SendAsync(answer);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                Assert.All(await Task.WhenAll(listens), result => Assert.Equal(new SshListenResult(null, true), result));
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task An_answer_more_than_there_were_questions_ends_it(bool isServer)
    {
        foreach (var answer in new[] { success, failure })
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.OpenAsync();
                var probe = rig.Connection.ProbeAsync();
                await rig.Peer.SendAsync(answer);
                Assert.True(await probe);
                await rig.Peer.SendAsync(answer);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Who_does_not_say_anything_any_more_is_given_up_and_everybody_hears_of_it(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var listen = rig.Connection.ListenAsync(new SshBind.Tcp("localhost", 0), _ => { });
        var cancel = rig.Connection.CancelAsync(new SshBind.Tcp("localhost", 80));
        var probe = rig.Connection.ProbeAsync();
        for (var seconds = 0; seconds < 45; seconds += 15)
        {
            rig.Time.Advance(TimeSpan.FromSeconds(15));
            await AttackRig.SettleAsync();
            Assert.False(rig.Connection.Ended.IsCompleted);
        }
        rig.Time.Advance(TimeSpan.FromSeconds(15));
        await rig.AssertEndAsync(SshEndCause.NoAnswer);
        Assert.Equal((new SshListenResult(null, true), false, false), (await listen, await cancel, await probe));
    }, options => options with { Keepalive = TimeSpan.FromSeconds(15) });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Many_who_ask_whether_the_peer_is_there_share_one_question(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        var patience = TimeSpan.FromSeconds(5);
        var asked = rig.Connection.ProbeAsync(patience);
        Assert.Same(asked, rig.Connection.ProbeAsync(patience));
        await rig.Peer.ReadToAsync(Message.SSH_MSG_GLOBAL_REQUEST);
        await rig.Peer.SendAsync(failure);
        Assert.True(await asked);
        asked = rig.Connection.ProbeAsync(patience);
        rig.Time.Advance(patience);
        Assert.False(await asked);
        await rig.AssertEndAsync(SshEndCause.NoAnswer);
        Assert.False(await rig.Connection.ProbeAsync(patience));
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Who_says_anything_is_there(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.OpenAsync();
        for (var round = 0; round < 20; round++)
        {
            rig.Time.Advance(TimeSpan.FromSeconds(15));
            await rig.Peer.ReadToAsync(Message.SSH_MSG_GLOBAL_REQUEST);
            await rig.Peer.SendAsync(round % 2 == 0 ? failure : Messages.Of(Message.SSH_MSG_IGNORE));
            await AttackRig.SettleAsync();
        }
        await rig.AssertAliveAsync();
    }, options => options with { Keepalive = TimeSpan.FromSeconds(15) });

    private static byte[] Success(uint port)
    {
        byte[] answer = [Message.SSH_MSG_REQUEST_SUCCESS, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(1), port);
        return answer;
    }

    private static byte[] Arrival(string host, uint port) =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString("forwarded-tcpip").WriteUInt32(port).WriteUInt32(1000).WriteUInt32(1000)
            .WriteString(host).WriteUInt32(port).WriteString("192.0.2.1").WriteUInt32(1).ToArray();
}
