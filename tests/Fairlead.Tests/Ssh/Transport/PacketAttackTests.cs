using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Packets that are none, before there are keys and with each kind of them.</summary>
public sealed class PacketAttackTests
{
    private const string None = "none", Gcm = "aes128-gcm@openssh.com", ChaCha = "chacha20-poly1305@openssh.com", Etm = "hmac-sha2-256-etm@openssh.com", EncryptAndMac = "hmac-sha2-256";

    public static TheoryData<string, bool> Everywhere() => With(None, Gcm, ChaCha, Etm, EncryptAndMac);

    public static TheoryData<string, bool> WithKeys() => With(Gcm, ChaCha, Etm, EncryptAndMac);

    [Theory(Timeout = 30000), MemberData(nameof(Everywhere))]
    public async Task Packets_of_every_wrong_length_are_refused(string protection, bool isServer)
    {
        int[] lengths = [.. Enumerable.Range(0, 16), 17, 29, PacketReader.MostPacket - 1, PacketReader.MostPacket + 1, PacketReader.MostPacket + 12, PacketReader.MostPacket + 16, 1 << 20, int.MaxValue, int.MinValue, -1];
        foreach (var length in lengths.Where(length => !IsLength(protection, length)))
        {
            await RunAsync(protection, isServer, async rig =>
            {
                await rig.Peer.WriteAsync(rig.Peer.Seal(length, 4, new byte[32])[..^Math.Max(0, 31 - (int)(uint)length)]);
                var end = await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                Assert.Equal($"a packet of {(uint)length} bytes is none", end.Text);
            });
        }
    }

    [Theory(Timeout = 30000), MemberData(nameof(Everywhere))]
    public async Task Packets_with_too_little_padding_or_nothing_but_that_are_refused(string protection, bool isServer)
    {
        var length = protection is None or EncryptAndMac ? 28 : 32;
        foreach (var padding in new[] { 0, 1, 2, 3, length - 1, length, 255 })
        {
            await RunAsync(protection, isServer, async rig =>
            {
                await rig.Peer.WriteAsync(rig.Peer.Seal(length, padding, [Message.SSH_MSG_IGNORE, .. new byte[length - 2]]));
                var end = await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                Assert.Equal($"a packet of {length} bytes with {padding} of padding is none", end.Text);
            });
        }
    }

    [Theory(Timeout = 30000), MemberData(nameof(Everywhere))]
    public Task The_shortest_and_the_longest_packet_with_the_least_and_the_most_padding_are_taken(string protection, bool isServer) => RunAsync(protection, isServer, async rig =>
    {
        var apart = protection is None or EncryptAndMac ? 4 : 0;
        int[] lengths = [protection == ChaCha ? 8 : protection == None ? 12 : 16 - apart, 64 - apart, 256 - apart, PacketReader.MostPacket - apart];
        foreach (var length in lengths)
        {
            foreach (var padding in new[] { 4, Math.Min(length - 2, 255) })
                await rig.Peer.WriteAsync(rig.Peer.Seal(length, padding, [Message.SSH_MSG_IGNORE, .. new byte[length - 2]]));
        }
        await rig.AssertAliveAsync();
    });

    [Theory(Timeout = 30000), MemberData(nameof(WithKeys))]
    public async Task A_packet_of_which_one_bit_was_changed_is_refused(string protection, bool isServer)
    {
        foreach (var at in new Index[] { 0, 3, 4, 5, 20, 40, ^40, ^17, ^16, ^1 })
        {
            await RunAsync(protection, isServer, async rig =>
            {
                var packet = rig.Peer.Seal([Message.SSH_MSG_IGNORE, 0, 0, 0, 50, .. new byte[50]]);
                packet[at] ^= 1;
                await rig.Peer.WriteAsync(packet);
                // A length may be seen to be none before it is known that it was changed.
                var reason = at.GetOffset(packet.Length) < 4 ? SshDisconnectReason.ProtocolError : SshDisconnectReason.MacError;
                await rig.AssertToldAsync(SshEndCause.Protocol, reason);
            });
        }
    }

    [Theory(Timeout = 30000), MemberData(nameof(WithKeys))]
    public async Task A_packet_that_comes_twice_is_lost_or_comes_before_another_is_refused(string protection, bool isServer)
    {
        foreach (var order in new[] { new[] { 0, 0 }, [1], [1, 0] })
        {
            await RunAsync(protection, isServer, async rig =>
            {
                byte[][] packets = [rig.Peer.Seal([Message.SSH_MSG_IGNORE]), rig.Peer.Seal([Message.SSH_MSG_IGNORE])];
                foreach (var which in order)
                    await rig.Peer.WriteAsync(packets[which]);
                // What the length is decrypted to depends on what came before.
                var told = await rig.Peer.ReadToAsync(Message.SSH_MSG_DISCONNECT);
                var end = await rig.EndedAsync();
                Assert.Equal(SshEndCause.Protocol, end.Cause);
                Assert.True(end.Reason is SshDisconnectReason.MacError || (end.Reason is SshDisconnectReason.ProtocolError && protection is ChaCha or EncryptAndMac), end.ToString());
                Assert.Equal((byte)end.Reason!, told[4]);
            });
        }
    }

    [Theory(Timeout = 30000), MemberData(nameof(Everywhere))]
    public async Task A_connection_that_ends_in_a_packet_was_cut(string protection, bool isServer)
    {
        foreach (var length in new[] { 1, 3, 4, 5, 15, 16, 17, 31 })
        {
            await RunAsync(protection, isServer, async rig =>
            {
                var packet = rig.Peer.Seal([Message.SSH_MSG_IGNORE, 0, 0, 0, 20, .. new byte[20]]);
                await rig.Peer.WriteAsync(packet[..length]);
                await rig.Peer.CompleteAsync();
                var end = await rig.AssertEndAsync(SshEndCause.Lost, SshDisconnectReason.ConnectionLost);
                Assert.Equal("the connection ended in the middle of a packet", end.Text);
            });
        }
    }

    [Theory(Timeout = 30000), MemberData(nameof(Everywhere))]
    public Task Packets_are_taken_however_they_are_cut(string protection, bool isServer) => RunAsync(protection, isServer, async rig =>
    {
        byte[] large = [Message.SSH_MSG_IGNORE, .. new byte[300]];
        byte[] packets = [.. rig.Peer.Seal([Message.SSH_MSG_IGNORE]), .. rig.Peer.Seal([Message.SSH_MSG_DEBUG]), .. rig.Peer.Seal(large)];
        foreach (var one in packets)
        {
            await rig.Peer.WriteAsync([one]);
            await Task.Yield();
        }
        await rig.AssertAliveAsync();
    });

    private static TheoryData<string, bool> With(params string[] protections)
    {
        var data = new TheoryData<string, bool>();
        foreach (var protection in protections)
        {
            data.Add(protection, false);
            data.Add(protection, true);
        }
        return data;
    }

    private static bool IsLength(string protection, int length) => length is >= 8 and <= PacketReader.MostPacket && protection switch
    {
        None => (length + 4) % 8 == 0,
        ChaCha => length % 8 == 0,
        EncryptAndMac => (length + 4) % 16 == 0,
        _ => length % 16 == 0,
    };

    private static Task RunAsync(string protection, bool isServer, Func<AttackRig, Task> test) => AttackRig.RunAsync(isServer, async rig =>
    {
        var isAead = protection is Gcm or ChaCha;
        rig.Peer.Algorithms = protection == None ? SshAlgorithms.Default
            : SshAlgorithms.Default with { Ciphers = [isAead ? protection : "aes128-ctr"], Macs = [isAead ? Etm : protection] };
        await rig.BringAsync(protection == None ? Stage.BeforeExchange : Stage.Open);
        await test(rig);
    });
}
