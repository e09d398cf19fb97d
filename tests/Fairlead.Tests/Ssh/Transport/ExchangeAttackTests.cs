using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Key exchanges that nobody may trust, and guesses.</summary>
public sealed class ExchangeAttackTests
{
    private const string Curve = "curve25519-sha256", Nist = "ecdh-sha2-nistp256";

    private static readonly SshPrivateKey otherKey = SshPrivateKey.Generate();

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task Keys_are_not_exchanged_again_and_again_before_anybody_is_let_in(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.BringAsync(Stage.BeforeAuthentication);
        for (var exchanges = 1; exchanges < 3; exchanges++)
        {
            await rig.Peer.SendKexInitAsync();
            if (!isServer && exchanges == 1)
                await rig.Peer.ReadToAsync(Message.SSH_MSG_SERVICE_REQUEST);
            await rig.Peer.ReadKexInitAsync();
            await rig.Peer.AgreeAsync();
            await rig.Peer.SendNewKeysAsync();
            await rig.Peer.ReadNewKeysAsync();
        }
        await rig.Peer.SendKexInitAsync();
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Theory(Timeout = 30000), InlineData(false, 2), InlineData(true, 1)]
    public Task What_a_peer_can_do_it_says_as_often_as_it_may(bool isServer, int times) => AttackRig.RunAsync(isServer, async rig =>
    {
        await rig.BringAsync(Stage.BeforeAuthentication);
        for (var said = 0; said <= times; said++)
            await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_EXT_INFO));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Theory(Timeout = 30000)]
    [InlineData("key exchange", false), InlineData("key exchange", true)]
    [InlineData("host key", false), InlineData("host key", true)]
    [InlineData("cipher", false), InlineData("cipher", true)]
    [InlineData("MAC", false), InlineData("MAC", true)]
    [InlineData("compression", false), InlineData("compression", true)]
    public async Task Where_nothing_is_common_the_list_of_either_end_is_named(string what, bool isServer)
    {
        string[] exchanges = [what == "key exchange" ? "kex-of-old" : Curve], hostKeys = [what == "host key" ? "key-of-old" : "ssh-ed25519"];
        string[] ciphers = [what == "cipher" ? "cipher-of-old" : "aes128-ctr"], macs = [what == "MAC" ? "mac-of-old" : "hmac-sha2-256"];
        string[] compressions = [what == "compression" ? "compression-of-old" : "none"];
        await AttackRig.RunAsync(isServer, async rig =>
        {
            await rig.Peer.SayAsync();
            await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_KEXINIT).WriteBytes(new byte[16]).WriteNameList(exchanges).WriteNameList(hostKeys)
                .WriteNameList(ciphers).WriteNameList(ciphers).WriteNameList(macs).WriteNameList(macs).WriteNameList(compressions).WriteNameList(compressions)
                .WriteString("").WriteString("").WriteBoolean(false).WriteUInt32(0));
            var end = await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.KeyExchangeFailed);
            var theirs = new[] { exchanges, hostKeys, ciphers, macs, compressions }.First(list => list[0].EndsWith("-of-old", StringComparison.Ordinal))[0];
            var ours = what switch
            {
                "key exchange" => string.Join(", ", KeyExchanges.Names),
                "host key" => isServer ? "ssh-ed25519" : string.Join(", ", SignatureAlgorithms.Names),
                "cipher" => string.Join(", ", PacketCiphers.CipherNames),
                "MAC" => string.Join(", ", PacketCiphers.MacNames),
                _ => "none",
            };
            Assert.Contains($"the peer has {theirs}; here there are {ours}", end.Text, StringComparison.Ordinal);
            Assert.Contains(what, end.Text, StringComparison.Ordinal);
        });
    }

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task A_list_that_is_as_long_as_a_packet_is_not_sent_back_whole(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = [.. Enumerable.Range(0, 6000).Select(number => $"kex-{number}")] };
        await rig.Peer.SayAsync();
        await rig.Peer.SendKexInitAsync();
        Assert.InRange((await rig.Peer.ReadToAsync(Message.SSH_MSG_DISCONNECT)).Length, 1000, 2000);
        await rig.AssertEndAsync(SshEndCause.Protocol, SshDisconnectReason.KeyExchangeFailed);
    });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task Offers_that_are_cut_are_none(bool isServer)
    {
        var whole = Messages.Of(Message.SSH_MSG_KEXINIT);
        for (var length = 1; length < whole.Length; length += 7)
        {
            await AttackRig.RunAsync(isServer, async rig =>
            {
                await rig.Peer.SayAsync();
                await rig.Peer.SendAsync(whole[..length]);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Theory(Timeout = 30000)]
    [InlineData(Curve), InlineData(Nist), InlineData("ecdh-sha2-nistp384"), InlineData("ecdh-sha2-nistp521"), InlineData("diffie-hellman-group14-sha256"), InlineData("diffie-hellman-group16-sha512")]
    public async Task Values_that_would_give_away_the_secret_are_refused(string method)
    {
        foreach (var isServer in new[] { false, true })
        {
            byte[][] always = [[], [0], [1], new byte[32], new byte[1000]], points = [[1, .. new byte[31]], [4, .. new byte[64]], [4, .. new byte[96]], [4, .. new byte[132]]];
            // To Diffie-Hellman those are numbers like others.
            foreach (var value in method.StartsWith("diffie", StringComparison.Ordinal) ? always : [.. always, .. points])
            {
                await AttackRig.RunAsync(isServer, async rig =>
                {
                    rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = [method] };
                    await rig.BringAsync(Stage.InExchange);
                    var message = isServer ? new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(value) : Reply(SshPair.HostKey.PublicKey.Blob.Span, value, new byte[83]);
                    await rig.Peer.SendAsync(message);
                    await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
                });
            }
        }
    }

    [Fact(Timeout = 30000)]
    public Task A_right_guess_is_used() => AttackRig.RunAsync(isServer: true, async rig =>
    {
        rig.Peer.Guesses = true;
        await rig.Peer.SayAsync();
        await rig.Peer.SendKexInitAsync();
        var guessed = KeyExchanges.Create(Curve)!;
        var value = guessed.Begin();
        await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(value));
        await rig.Peer.ReadKexInitAsync();
        rig.Peer.Begin(guessed);
        rig.Peer.End(value, await rig.Peer.ExpectAsync(Message.SSH_MSG_KEXDH_REPLY));
        await rig.Peer.SendNewKeysAsync();
        await rig.Peer.ReadNewKeysAsync();
        await rig.Peer.AuthenticateAsync();
        await rig.PingAsync();
    });

    [Fact(Timeout = 30000)]
    public Task A_wrong_guess_is_left_out_though_it_is_of_the_method_that_is_agreed_on() => AttackRig.RunAsync(isServer: true, async rig =>
    {
        // Section 7: what both prefer counts, and here the server prefers another.
        rig.Peer.Guesses = true;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = [Nist, Curve] };
        await rig.Peer.SayAsync();
        await rig.Peer.SendKexInitAsync();
        using (var guessed = KeyExchanges.Create(Nist)!)
            await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(guessed.Begin()));
        await rig.Peer.ReadKexInitAsync();
        await EndExchangeAsync(rig);
        Assert.Equal(Nist, rig.Peer.Agreement!.KeyExchange);
        await rig.PingAsync();
    });

    [Fact(Timeout = 30000)]
    public Task A_guess_of_another_key_of_the_host_is_wrong_too() => AttackRig.RunAsync(isServer: true, async rig =>
    {
        rig.Peer.Guesses = true;
        rig.Peer.Algorithms = SshAlgorithms.Default with { HostKeys = ["rsa-sha2-512", "ssh-ed25519"] };
        await rig.Peer.SayAsync();
        await rig.Peer.SendKexInitAsync();
        await rig.Peer.SendAsync([Message.SSH_MSG_KEXDH_INIT, 1, 2, 3]);
        await rig.Peer.ReadKexInitAsync();
        await EndExchangeAsync(rig);
        await rig.PingAsync();
    });

    [Theory(Timeout = 30000), InlineData(true), InlineData(false)]
    public Task A_server_may_guess_as_well(bool isRight) => AttackRig.RunAsync(isServer: false, async rig =>
    {
        rig.Peer.Guesses = true;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = isRight ? [Curve] : [Nist, Curve], HostKeys = SignatureAlgorithms.Names };
        await rig.Peer.SayAsync();
        await rig.Peer.SendKexInitAsync();
        if (!isRight)
            await rig.Peer.SendAsync([Message.SSH_MSG_KEXDH_REPLY, 1, 2, 3]);
        await rig.Peer.ReadKexInitAsync();
        await EndExchangeAsync(rig);
        await rig.PingAsync();
    }, options => ((SshClientOptions)options) with { Algorithms = SshAlgorithms.Default with { HostKeys = ["ssh-ed25519"] } });

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public Task After_a_wrong_guess_one_packet_is_left_out_and_no_second(bool isServer) => AttackRig.RunAsync(isServer, async rig =>
    {
        rig.Peer.Guesses = true;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = [Nist] };
        await rig.BringAsync(Stage.InExchange);
        for (var i = 0; i < 2; i++)
            await rig.Peer.SendAsync([isServer ? Message.SSH_MSG_KEXDH_INIT : Message.SSH_MSG_KEXDH_REPLY, 1, 2, 3]);
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Fact(Timeout = 30000)]
    public async Task A_signature_that_is_not_the_host_s_is_refused_before_its_key_is_looked_at()
    {
        var asked = 0;
        await AttackRig.RunAsync(isServer: false, async rig =>
        {
            rig.Peer.SigningKey = otherKey;
            await rig.BringAsync(Stage.InExchange);
            rig.Peer.Begin();
            await rig.Peer.ReplyAsync(ScriptedPeer.StringOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_KEXDH_INIT)));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.KeyExchangeFailed);
        }, options => ((SshClientOptions)options) with { CheckHostKey = _ => new ValueTask<string?>(asked++ == 0 ? null : "again") });
        Assert.Equal(0, asked);
    }

    [Fact(Timeout = 30000)]
    public async Task A_reply_whose_key_or_signature_is_none_is_refused()
    {
        var blob = SshPair.HostKey.PublicKey.Blob.ToArray();
        var signature = SshPair.HostKey.Sign("ssh-ed25519", [1]);
        byte[] otherName = new SshWriter().WriteString("rsa-sha2-512").WriteString(new byte[64]).ToArray();
        byte[] rsa = new SshWriter().WriteString("ssh-rsa").WriteMpint([1, 0, 1]).WriteMpint([0x80, .. new byte[254], 1]).ToArray();
        (byte[] Key, byte[] Signature, SshDisconnectReason Reason)[] replies =
        [
            (blob, [], SshDisconnectReason.KeyExchangeFailed),
            (blob, signature, SshDisconnectReason.KeyExchangeFailed),
            (blob, signature[..^1], SshDisconnectReason.KeyExchangeFailed),
            (blob, otherName, SshDisconnectReason.KeyExchangeFailed),
            (rsa, otherName, SshDisconnectReason.KeyExchangeFailed),
            ([], signature, SshDisconnectReason.ProtocolError),
            (blob[..^1], signature, SshDisconnectReason.ProtocolError),
            ([.. blob, 0], signature, SshDisconnectReason.ProtocolError),
            (new SshWriter().WriteString("ssh-dss").WriteString(new byte[64]).ToArray(), signature, SshDisconnectReason.ProtocolError),
        ];
        foreach (var (key, signs, reason) in replies)
        {
            await AttackRig.RunAsync(isServer: false, async rig =>
            {
                await rig.BringAsync(Stage.InExchange);
                rig.Peer.Begin();
                await rig.Peer.SendAsync(Reply(key, rig.Peer.Value(), signs));
                await rig.AssertToldAsync(SshEndCause.Protocol, reason);
            });
        }
    }

    [Fact(Timeout = 30000)]
    public Task A_key_that_is_not_believed_ends_it_with_the_words_of_who_doubts() => AttackRig.RunAsync(isServer: false, async rig =>
    {
        (rig.Peer.HostKey, rig.Peer.SigningKey) = (otherKey, otherKey);
        await rig.BringAsync(Stage.InExchange);
        rig.Peer.Begin();
        await rig.Peer.ReplyAsync(ScriptedPeer.StringOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_KEXDH_INIT)));
        Assert.Equal("another key", (await rig.AssertToldAsync(SshEndCause.HostKey, SshDisconnectReason.HostKeyNotVerifiable)).Text);
    });

    [Fact(Timeout = 30000)]
    public Task Another_key_of_the_host_in_a_later_exchange_is_refused_even_where_all_are_believed() => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.OpenAsync();
        (rig.Peer.HostKey, rig.Peer.SigningKey) = (otherKey, otherKey);
        await rig.Peer.SendKexInitAsync();
        await rig.Peer.ReadKexInitAsync();
        rig.Peer.Begin();
        await rig.Peer.ReplyAsync(ScriptedPeer.StringOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_KEXDH_INIT)));
        await rig.AssertToldAsync(SshEndCause.HostKey, SshDisconnectReason.HostKeyNotVerifiable);
    }, options => ((SshClientOptions)options) with { CheckHostKey = _ => default });

    private static SshWriter Reply(ReadOnlySpan<byte> key, byte[] value, byte[] signature) =>
        new SshWriter(1024).Begin(Message.SSH_MSG_KEXDH_REPLY).WriteString(key).WriteString(value).WriteString(signature);

    private static async Task EndExchangeAsync(AttackRig rig)
    {
        await rig.Peer.AgreeAsync();
        await rig.Peer.SendNewKeysAsync();
        await rig.Peer.ReadNewKeysAsync();
        await rig.Peer.AuthenticateAsync();
        await rig.Opening;
    }
}
