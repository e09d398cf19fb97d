using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Who is let in, and above all who is not.</summary>
public sealed class ServerAuthenticationTests
{
    private static readonly SshPrivateKey stranger = SshPrivateKey.Generate();

    [Fact(Timeout = 30000)]
    public async Task Only_the_signature_of_this_session_by_this_key_with_this_algorithm_lets_in()
    {
        byte[] session = [];
        await RunAsync(async rig =>
        {
            session = rig.Peer.SessionId;
            await rig.Peer.SendAsync(rig.Peer.SignedRequest(SshPair.UserKey));
            await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
        });
        await RunAsync(async rig =>
        {
            var right = rig.Peer.SignedRequest(SshPair.UserKey);
            // The wrong ones, each of which says that it has the right key.
            byte[][] wrong =
            [
                rig.Peer.SignedRequest(SshPair.UserKey, session: session),
                rig.Peer.SignedRequest(SshPair.UserKey, signs: stranger),
                [.. right[..^1], (byte)(right[^1] ^ 1)],
                [.. right[..5], (byte)(right[5] ^ 1), .. right[6..]],
            ];
            foreach (var request in wrong)
            {
                await rig.Peer.SendAsync(request);
                AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
            }
            await rig.Peer.SendAsync(right);
            await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
        }, options => options with { Authenticate = request => new ValueTask<bool>(SshPair.UserKey.PublicKey.Equals(request.Key)) });
    }

    [Fact(Timeout = 30000)]
    public Task A_signature_and_a_request_that_name_different_algorithms_do_not_let_in() => RunAsync(async rig =>
    {
        byte[][] requests =
        [
            // Of an algorithm that the key does not sign with.
            rig.Peer.SignedRequest(SshPair.UserKey, algorithm: "rsa-sha2-512"),
            rig.Peer.SignedRequest(SshPair.UserKey, algorithm: "ssh-rsa"),
            rig.Peer.SignedRequest(SshPair.UserKey, algorithm: ""),
            ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: true)
                .WriteString(new SshWriter().WriteString("ssh-rsa").WriteString(new byte[64]).Written).ToArray(),
            ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: true).WriteString("").ToArray(),
        ];
        foreach (var request in requests)
        {
            await rig.Peer.SendAsync(request);
            AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        }
    });

    [Fact(Timeout = 30000)]
    public Task Whether_a_key_would_do_is_said_only_of_those_that_are_known() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: false));
        var answer = await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_PK_OK);
        Assert.Equal(new SshWriter().Begin(Message.SSH_MSG_USERAUTH_PK_OK).WriteString("ssh-ed25519").WriteString(SshPair.UserKey.PublicKey.Blob.Span).ToArray(), answer);
        await rig.Peer.SendAsync(ScriptedPeer.KeyRequest(stranger.PublicKey, "ssh-ed25519", isSigned: false));
        AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        await rig.Peer.SendAsync(ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "rsa-sha2-256", isSigned: false));
        AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        await rig.Peer.SendAsync(ScriptedPeer.Request("publickey").WriteBoolean(false).WriteString("ssh-dss").WriteString([1, 2, 3]));
        AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        // That it would do is not being let in.
        await rig.Peer.SendAsync(Messages.Open(0));
        await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
    });

    [Fact(Timeout = 30000)]
    public Task After_six_failures_it_is_over_and_the_first_question_is_none() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(ScriptedPeer.Request("none"));
        AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        for (var failures = 1; failures <= 6; failures++)
        {
            await rig.Peer.SendAsync(failures % 2 == 0 ? ScriptedPeer.Request("hostbased").WriteString("x").ToArray() : rig.Peer.SignedRequest(stranger));
            if (failures < 6)
                AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        }
        Assert.Equal("too many authentication failures", (await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable)).Text);
    });

    [Fact(Timeout = 30000)]
    public Task Who_asks_for_nothing_again_and_again_fails_as_others_do() => RunAsync(async rig =>
    {
        await rig.Peer.SendAllAsync(Enumerable.Repeat(ScriptedPeer.Request("none").ToArray(), 20));
        await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
    });

    [Fact(Timeout = 30000)]
    public Task Who_asks_about_a_key_again_and_again_is_not_answered_without_end() => RunAsync(async rig =>
    {
        await rig.Peer.SendAllAsync(Enumerable.Repeat(ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: false).ToArray(), 200));
        await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
    });

    [Theory(Timeout = 30000)]
    [InlineData(255, true), InlineData(256, false), InlineData(60000, false)]
    public Task A_name_of_a_user_that_is_too_long_is_refused(int length, bool isTaken) => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(ScriptedPeer.Request("none", new string('u', length)));
        if (isTaken)
            AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
        else
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.IllegalUserName);
    });

    [Fact(Timeout = 30000)]
    public async Task Other_services_are_refused()
    {
        await RunAsync(async rig =>
        {
            await rig.Peer.SendAsync(ScriptedPeer.Request("none", service: "ssh-userauth"));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ServiceNotAvailable);
        });
        await AttackRig.RunAsync(isServer: true, async rig =>
        {
            await rig.BringAsync(Stage.BeforeAuthentication);
            await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH_MSG_SERVICE_REQUEST).WriteString("ssh-connection"));
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ServiceNotAvailable);
        });
    }

    [Fact(Timeout = 30000)]
    public Task Another_request_after_success_is_not_answered_and_changes_nothing() => RunAsync(async rig =>
    {
        await rig.Peer.SendAsync(rig.Peer.SignedRequest(SshPair.UserKey));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
        var connection = (await rig.Opening).Connection!;
        await rig.Peer.SendAsync(rig.Peer.SignedRequest(stranger));
        await rig.Peer.SendAsync(ScriptedPeer.Request("none", "root"));
        await rig.Peer.SendAsync([Message.SSH_MSG_USERAUTH_REQUEST]);
        await rig.Peer.SendAsync(Messages.Of(Message.SSH2_MSG_PING));
        await rig.Peer.ExpectAsync(Message.SSH2_MSG_PONG);
        Assert.Equal(("alice", "publickey", true), (connection.User!.User, connection.User.Method, connection.User.IsSigned));
        Assert.Equal(SshPair.UserKey.PublicKey, connection.User.Key);
    });

    [Fact(Timeout = 30000)]
    public async Task A_password_is_asked_for_only_where_there_are_any()
    {
        var asked = new List<SshAuthenticationRequest>();
        var password = ScriptedPeer.Request("password").WriteBoolean(false).WriteString("secret").ToArray();
        var change = ScriptedPeer.Request("password").WriteBoolean(true).WriteString("secret").WriteString("new").ToArray();
        ValueTask<bool> Authenticate(SshAuthenticationRequest request)
        {
            asked.Add(request);
            return new ValueTask<bool>(request.Password == "secret");
        }
        await RunAsync(async rig =>
        {
            await rig.Peer.SendAsync(password);
            AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE));
            Assert.Empty(asked);
        }, options => options with { Authenticate = Authenticate });
        foreach (var right in new[] { password, change })
        {
            await RunAsync(async rig =>
            {
                await rig.Peer.SendAsync(ScriptedPeer.Request("password").WriteBoolean(false).WriteString("guess"));
                AssertFailed(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_FAILURE), "publickey", "password");
                await rig.Peer.SendAsync(right);
                await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
                Assert.Equal(new SshAuthenticationRequest("alice", "password", null, false, "secret"), (await rig.Opening).Connection!.User);
            }, options => options with { Authenticate = Authenticate, Methods = ["publickey", "password"] });
        }
    }

    [Fact(Timeout = 30000)]
    public async Task Requests_that_are_cut_or_too_long_are_none()
    {
        byte[] signed = ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: true).WriteString(SshPair.UserKey.Sign("ssh-ed25519", [1])).ToArray();
        for (var length = 1; length < signed.Length; length += 9)
        {
            await RunAsync(async rig =>
            {
                await rig.Peer.SendAsync(signed[..length]);
                await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
            });
        }
        await RunAsync(async rig =>
        {
            await rig.Peer.SendAsync([.. signed, 0]);
            await rig.AssertToldAsync(SshEndCause.Protocol, SshDisconnectReason.ProtocolError);
        });
    }

    [Fact(Timeout = 30000)]
    public Task Keys_may_be_exchanged_anew_in_the_middle_and_the_session_stays_the_same() => RunAsync(async rig =>
    {
        await rig.Peer.ExchangeAsync();
        await rig.Peer.SendAsync(rig.Peer.SignedRequest(SshPair.UserKey));
        await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
    });

    private static Task RunAsync(Func<AttackRig, Task> test, Func<SshServerOptions, SshServerOptions>? with = null) => AttackRig.RunAsync(isServer: true, async rig =>
    {
        await rig.BringAsync(Stage.InAuthentication);
        await test(rig);
    }, options => with?.Invoke((SshServerOptions)options) ?? options);

    private static void AssertFailed(byte[] message, params string[] methods)
    {
        var fields = new SshReader(message.AsSpan(1));
        Assert.Equal(methods.Length == 0 ? ["publickey"] : methods, fields.ReadNameList());
        Assert.False(fields.ReadBoolean());
    }
}
