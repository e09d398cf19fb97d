using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Strict key exchange (PROTOCOL of OpenSSH, section 1.10), which closes the gap of CVE-2023-48795, in both roles.</summary>
public sealed class StrictExchangeTests
{
    private static readonly byte[] harmless = [Message.SSH_MSG_IGNORE, Message.SSH_MSG_UNIMPLEMENTED, Message.SSH_MSG_DEBUG];

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Harmless_messages_before_the_first_exchange_are_refused_where_both_are_strict_and_only_there(bool isServer)
    {
        foreach (var number in harmless)
        {
            await RunAsync(isServer, isStrict: true, async rig =>
            {
                await rig.Peer.SayAsync();
                await rig.Peer.SendAsync(Messages.Of(number));
                await rig.Peer.SendKexInitAsync();
                var end = await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.KeyExchangeFailed);
                Assert.Equal("a message came before the key exchange, which is strict", end.Text);
            });
            await RunAsync(isServer, isStrict: false, async rig =>
            {
                await rig.Peer.SayAsync();
                await rig.Peer.SendAsync(Messages.Of(number));
                await rig.Peer.ExchangeAsync();
                await rig.Peer.AuthenticateAsync();
                await rig.PingAsync();
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task So_are_they_inside_of_it(bool isServer)
    {
        foreach (var number in harmless)
        {
            foreach (var stage in new[] { Stage.InExchange, Stage.BeforeNewKeys })
            {
                await RunAsync(isServer, isStrict: true, async rig =>
                {
                    await rig.BringAsync(stage);
                    await rig.Peer.SendAsync(Messages.Of(number));
                    await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                });
            }
            await RunAsync(isServer, isStrict: false, async rig =>
            {
                await rig.BringAsync(Stage.InExchange);
                await rig.Peer.SendAsync(Messages.Of(number));
                await rig.Peer.AgreeAsync();
                await rig.Peer.SendAsync(Messages.Of(number));
                await rig.Peer.SendNewKeysAsync();
                await rig.Peer.ReadNewKeysAsync();
                await rig.Peer.AuthenticateAsync();
                await rig.PingAsync();
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false, true), InlineData(false, false), InlineData(true, true), InlineData(true, false)]
    public Task In_a_later_exchange_they_are_harmless(bool isServer, bool isStrict) => RunAsync(isServer, isStrict, async rig =>
    {
        await rig.OpenAsync();
        await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_DEBUG));
        await rig.Peer.SendKexInitAsync();
        await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_IGNORE));
        await rig.Peer.ReadKexInitAsync();
        Assert.DoesNotContain(rig.Peer.PeerInit.KeyExchanges, name => name is KexInit.StrictClient or KexInit.StrictServer or KexInit.ExtInfoClient or KexInit.ExtInfoServer);
        await rig.Peer.AgreeAsync();
        await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_UNIMPLEMENTED));
        await rig.Peer.SendNewKeysAsync();
        await rig.Peer.ReadNewKeysAsync();
        await rig.PingAsync();
        Assert.Equal((2, isStrict), (rig.Connection.Transport.Exchanges, rig.Connection.Transport.IsStrict));
    });

    // The cipher has the number in its nonce: it is seen at once whether it was what it should be.
    [Theory(Timeout = 30000), InlineData(false, true), InlineData(false, false), InlineData(true, true), InlineData(true, false)]
    public async Task Sequence_numbers_begin_anew_with_each_exchange_where_both_are_strict_and_only_there(bool isServer, bool isStrict)
    {
        var algorithms = SshAlgorithms.Default with { Ciphers = ["chacha20-poly1305@openssh.com"] };
        foreach (var isRight in new[] { true, false })
        {
            await RunAsync(isServer, isStrict, async rig =>
            {
                rig.Peer.Algorithms = algorithms;
                await rig.OpenAsync();
                await rig.PingAsync();
                await rig.Peer.SendKexInitAsync();
                await rig.Peer.ReadKexInitAsync();
                await rig.Peer.AgreeAsync();
                var before = rig.Peer.Sequence;
                await rig.Peer.SendNewKeysAsync();
                await rig.Peer.ReadNewKeysAsync();
                Assert.Equal(isStrict ? 0 : before + 1, rig.Peer.Sequence);
                if (isRight)
                {
                    await rig.PingAsync();
                    return;
                }
                rig.Peer.Sequence = isStrict ? before + 1 : 0;
                await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_IGNORE));
                await rig.Peer.ReadToAsync(Message.SSH_MSG_DISCONNECT);
                Assert.Equal(SshEndCause.Protocol, (await rig.EndedAsync()).Cause);
            });
        }
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_peer_that_is_not_strict_can_be_refused(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        rig.Peer.IsStrict = false;
        await rig.BringAsync(Stage.InExchange);
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.KeyExchangeFailed);
    }, options => options with { Algorithms = SshAlgorithms.Default with { IsStrictRequired = true } });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task The_mark_of_the_other_role_is_none(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        rig.Peer.IsStrict = false;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = [.. SshAlgorithms.Default.KeyExchanges, isServer ? KexInit.StrictServer : KexInit.StrictClient] };
        await rig.OpenAsync();
        Assert.False(rig.Connection.Transport.IsStrict);
    });

    private static Task RunAsync(bool isServer, bool isStrict, Func<AttackRig, Task> test) => AttackRig.RunAsync(isServer, rig =>
    {
        rig.Peer.IsStrict = isStrict;
        return test(rig);
    });
}
