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
    public Task Each_key_is_shown_once_and_the_password_is_asked_for_once() => RunAsync(async rig =>
    {
        var methods = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            await rig.Peer.SendAsync(Failure(isPartial: false, "publickey", "password", "keyboard-interactive"));
            methods.Add(MethodOf(await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST)));
        }
        Assert.Equal(["publickey", "password"], methods);
        await rig.Peer.SendAsync(Failure(isPartial: false, "publickey", "password", "keyboard-interactive"));
        var end = await rig.AssertToldAsync(SshEndCause.Authentication, SshDisconnectReason.NoMoreAuthMethodsAvailable);
        Assert.Equal($"the server lets nobody in as alice with ssh-ed25519 {SshPair.UserKey.PublicKey.Fingerprint}, a password; it takes publickey, password, keyboard-interactive", end.Text);
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
