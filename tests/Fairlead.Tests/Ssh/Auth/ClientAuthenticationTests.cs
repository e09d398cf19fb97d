using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Servers that do not mean it.</summary>
public sealed class ClientAuthenticationTests
{
    [Fact(Timeout = 30000)]
    public Task Partial_success_without_end_is_left() => RunAsync(async rig =>
    {
        await rig.Peer.SendAllAsync(Enumerable.Repeat(Failure(isPartial: true, "publickey", "password"), 200));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    }, options => options with { Password = () => new ValueTask<string?>("secret") });

    [Fact(Timeout = 30000)]
    public Task Banners_without_end_are_left_and_the_user_sees_not_more_than_that()
    {
        var banners = 0;
        return RunAsync(async rig =>
        {
            await rig.Peer.SendAllAsync(Enumerable.Repeat(Messages.Of(Message.SSH_MSG_USERAUTH_BANNER), 200));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            Assert.InRange(banners, 50, 100);
        }, options => options with { OnBanner = _ => banners++ });
    }

    [Fact(Timeout = 30000)]
    public Task Each_key_is_shown_once_and_a_password_is_asked_for_three_times_at_the_most() => RunAsync(async rig =>
    {
        var methods = new List<string>();
        for (var i = 0; i < 4; i++)
        {
            await rig.Peer.SendAsync(Failure(isPartial: false, "publickey", "password", "keyboard-interactive"));
            methods.Add(MethodOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
        }
        Assert.Equal(["publickey", "password", "password", "password"], methods);
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey", "password", "keyboard-interactive"));
        var end = await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
        Assert.Equal($"the server lets nobody in as alice with ssh-ed25519 {SshPair.UserKey.PublicKey.Fingerprint}, a password, a password, a password; it takes publickey, password, keyboard-interactive", end.Text);
    }, options => options with { Password = () => new ValueTask<string?>("secret") });

    [Fact(Timeout = 30000)]
    public async Task Where_the_server_takes_nothing_that_there_is_it_is_over()
    {
        foreach (var methods in new string[][] { [], ["hostbased"], ["password"] })
        {
            await RunAsync(async rig =>
            {
                await rig.Peer.SendAsync(Failure(isPartial: false, methods));
                await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
            });
        }
    }

    [Fact(Timeout = 30000)]
    public Task A_password_that_has_to_be_changed_is_not() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(Failure(isPartial: false, "password"));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
        await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_USERAUTH_PASSWD_CHANGEREQ).WriteString("it is old").WriteString(""));
        var end = await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
        Assert.Contains("the password has expired", end.Text, StringComparison.Ordinal);
    }, options => options with { Password = () => new ValueTask<string?>("secret") });

    [Fact(Timeout = 30000)]
    public async Task That_a_key_would_do_was_not_asked()
    {
        foreach (var isAfterKey in new[] { false, true })
        {
            await RunAsync(async rig =>
            {
                if (isAfterKey)
                {
                    await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
                    await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
                }
                await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_USERAUTH_PK_OK));
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Fact(Timeout = 30000)]
    public Task Nothing_is_signed_by_an_algorithm_that_the_server_does_not_know() => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.BringAsync(Stage.BeforeAuthentication);
        await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_EXT_INFO).WriteUInt32(1).WriteString("server-sig-algs").WriteString("rsa-sha2-512,ssh-rsa"));
        await rig.Peer.BeginAuthenticationAsync();
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
        var end = await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
        Assert.Contains("(the server takes no signature of it)", end.Text, StringComparison.Ordinal);
    });

    [Fact(Timeout = 30000)]
    public async Task What_a_server_says_about_itself_is_read_as_far_as_it_goes()
    {
        foreach ((uint count, bool isWhole) in new (uint, bool)[] { (0u, true), (1u, true), (2u, false), (uint.MaxValue, false) })
        {
            await RunAsync(async rig =>
            {
                await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_EXT_INFO).WriteUInt32(count).WriteString("no-flow-control").WriteString("p"));
                if (isWhole)
                    await rig.AssertAliveAsync();
                else
                    await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
    }

    [Fact(Timeout = 30000)]
    public Task Success_is_success_though_nothing_was_shown_and_a_second_one_is_not_known() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync([Message.SSH_MSG_USERAUTH_SUCCESS]);
        await rig.Opening;
        await rig.Peer.SendAsync([Message.SSH_MSG_USERAUTH_SUCCESS]);
        await rig.Peer.ExpectAsync(Message.SSH_MSG_UNIMPLEMENTED);
    });

    [Fact(Timeout = 30000)]
    public Task A_key_that_somebody_has_to_sign_with_is_asked_about_first()
    {
        var signed = 0;
        return RunAsync(async rig =>
        {
            await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
            Assert.False(IsSigned(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
            await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
            // The second of them would do.
            Assert.False(IsSigned(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
            Assert.Equal(0, signed);
            await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_USERAUTH_PK_OK));
            Assert.True(IsSigned(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
            Assert.Equal(1, signed);
            await rig.Peer.SendAsync([Message.SSH_MSG_USERAUTH_SUCCESS]);
            await rig.Opening;
        }, options => options with { Identities = _ => new ValueTask<IReadOnlyList<SshIdentity>>([Counted(TestKeys.All[1]), Counted(TestKeys.All[2])]) });

        SshIdentity Counted(SshPrivateKey key) => new(SshPresentedKey.Of(key.PublicKey), (algorithm, data) =>
        {
            signed++;
            return Task.FromResult(key.Sign(algorithm, data));
        })
        { IsAskedFirst = true };
    }

    [Fact(Timeout = 30000)]
    public Task Where_nobody_signs_the_next_one_is_tried_and_the_reason_told() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
        await rig.Peer.SendAsync(Messages.Of(Message.SSH_MSG_USERAUTH_PK_OK));
        Assert.True(IsSigned(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
        var end = await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
        Assert.Contains($"{TestKeys.All[1].PublicKey.Fingerprint} (not signed: somebody said no), ssh-ed25519 ", end.Text, StringComparison.Ordinal);
    }, options => options with
    {
        Identities = _ => new ValueTask<IReadOnlyList<SshIdentity>>([
            new SshIdentity(SshPresentedKey.Of(TestKeys.All[1].PublicKey), (_, _) => Task.FromException<byte[]>(new SshKeyException("somebody said no"))) { IsAskedFirst = true }, SshIdentity.Of(SshPair.UserKey)]),
    });

    [Fact(Timeout = 30000)]
    public Task A_certificate_is_shown_by_its_own_algorithm_and_signed_by_the_key_alone() => RunAsync(async rig =>
    {
        var rsa = TestKeys.Of("ssh-rsa");
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey"));
        var request = await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
        var fields = new SshReader(request.AsSpan(1));
        fields.ReadString();
        fields.ReadString();
        fields.ReadString();
        Assert.True(fields.ReadBoolean());
        Assert.Equal("rsa-sha2-256-cert-v01@openssh.com", fields.ReadText());
        Assert.Equal(TestCertificates.Make(rsa.PublicKey).Length, fields.ReadString().Length);
        var text = new SshWriter(512).WriteString(rig.Peer.SessionId).WriteBytes(request.AsSpan(0, request.Length - fields.Rest.Length)).ToArray();
        Assert.True(rsa.PublicKey.Verify("rsa-sha2-256", text, fields.ReadString()));
        await rig.AssertAliveAsync();
    }, options => options with
    {
        UserAlgorithms = ["rsa-sha2-256-cert-v01@openssh.com", "ssh-ed25519"],
        Identities = _ => new ValueTask<IReadOnlyList<SshIdentity>>([SshIdentity.Of(TestKeys.Of("ssh-rsa")).With(SshCertificate.Read(TestCertificates.Make(TestKeys.Of("ssh-rsa").PublicKey)))]),
    });

    [Fact(Timeout = 30000)]
    public Task Questions_are_answered_and_who_has_no_answer_says_nothing_and_is_not_asked_again() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(Failure(isPartial: false, "keyboard-interactive"));
        Assert.Equal("keyboard-interactive", MethodOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
        foreach (var (prompts, answers) in new[] { (new[] { "Password: ", "Code: " }, new[] { "0", "1" }), ([], []), (["a", "b", "c"], ["", "", ""]) })
        {
            await rig.Peer.SendAsync(Questions(prompts));
            var response = new SshReader((await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_INFO_RESPONSE)).AsSpan(1));
            Assert.Equal((uint)answers.Length, response.ReadUInt32());
            foreach (var answer in answers)
                Assert.Equal(answer, response.ReadText());
            Assert.True(response.IsAtEnd);
        }
        await rig.Peer.SendAsync(Failure(isPartial: false, "keyboard-interactive"));
        await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
    }, options => options with { Answer = questions => new ValueTask<IReadOnlyList<string>?>(questions.Prompts.Count > 2 ? null : [.. questions.Prompts.Select((_, i) => $"{i}")]) });

    [Fact(Timeout = 30000)]
    public async Task Questions_beyond_measure_end_the_connection()
    {
        foreach (var message in new[] { Questions(new string[17]), Questions([])[..^1], new SshWriter().Begin(Message.SSH_MSG_USERAUTH_INFO_REQUEST).WriteString("").WriteString("").WriteString("").WriteUInt32(1).ToArray() })
        {
            await RunAsync(async rig =>
            {
                await rig.Peer.SendAsync(Failure(isPartial: false, "keyboard-interactive"));
                await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
                await rig.Peer.SendAsync(message);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            }, options => options with { Answer = _ => default });
        }
    }

    [Fact(Timeout = 30000)]
    public Task Questions_without_end_are_left() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(Failure(isPartial: false, "keyboard-interactive"));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
        await rig.Peer.SendAllAsync(Enumerable.Repeat(Questions([]), 200));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    }, options => options with { Answer = questions => new ValueTask<IReadOnlyList<string>?>([]) });

    private static byte[] Questions(string[] prompts)
    {
        var message = new SshWriter().Begin(Message.SSH_MSG_USERAUTH_INFO_REQUEST).WriteString("title").WriteString("what to do").WriteString("").WriteUInt32((uint)prompts.Length);
        foreach (var prompt in prompts)
            message.WriteString(prompt ?? "").WriteBoolean(false);
        return message.ToArray();
    }

    private static bool IsSigned(byte[] request)
    {
        var fields = new SshReader(request.AsSpan(1));
        fields.ReadString();
        fields.ReadString();
        return fields.ReadText() == "publickey" && fields.ReadBoolean();
    }

    private static Task RunAsync(Func<AttackRig, Task> test, Func<SshClientOptions, SshClientOptions>? with = null) => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.BringAsync(Stage.InAuthentication);
        await test(rig);
    }, options => with?.Invoke((SshClientOptions)options) ?? options);

    private static byte[] Failure(bool isPartial, params string[] methods) => new SshWriter().Begin(Message.SSH_MSG_USERAUTH_FAILURE).WriteNameList(methods).WriteBoolean(isPartial).ToArray();

    private static string MethodOf(byte[] request)
    {
        var fields = new SshReader(request.AsSpan(1));
        fields.ReadString();
        fields.ReadString();
        return fields.ReadText();
    }
}
