using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>What may happen before the user is in: to a client those of a server, to a server those of a client.</summary>
internal enum LoginAct
{
    Nothing,
    Extensions,
    Ping,
    Rekey,
    Service,
    Banner,
    Failure,
    PartialFailure,
    NoWay,
    ChangePassword,
    Success,
    AskNone,
    AskPassword,
    AskWhether,
    AskStranger,
    Sign,
    SignWrongly,
    AskOtherService,
    Other,
}

/// <summary>
/// The way from the first byte to the end of authentication, which a peer goes step by step, and a model of what it may do and what becomes of that. Nothing else happens: no other answer, no other end.
/// </summary>
internal sealed class LoginWalk
{
    private const int MostTries = 6, MostExchanges = 3, MostPasswords = 3;

    private enum Fate
    {
        GoesOn,
        Dies,
        IsIn,

        // There is nothing left to show.
        GivesUp,
    }

    private readonly AttackRig rig;
    private int exchanges = 1, extensions, requests, failures, passwords, words;
    private bool isServed, isKeyShown;
    private string method = "none";
    private byte? answer;

    private LoginWalk(AttackRig rig) => this.rig = rig;

    /// <summary>Goes it.</summary>
    /// <param name="isServer">Whether it is a server that is attacked.</param>
    /// <param name="isStrict">Whether the peer knows strict key exchange.</param>
    /// <param name="noise">How many messages that mean nothing come before and in the first exchange.</param>
    /// <param name="acts">What happens then.</param>
    public static Task RunAsync(bool isServer, bool isStrict, (int Before, int Within) noise, params IReadOnlyList<LoginAct> acts) =>
        AttackRig.RunAsync(isServer, rig => new LoginWalk(rig).RunAsync(isStrict, noise, acts), With).WaitAsync(TimeSpan.FromMinutes(1));

    private static Fairlead.Ssh.SshOptions With(Fairlead.Ssh.SshOptions options) => options switch
    {
        SshClientOptions client => client with { Password = () => new ValueTask<string?>("secret") },
        SshServerOptions server => server with { MaxAuthenticationTries = MostTries },
        _ => options,
    };

    private async Task RunAsync(bool isStrict, (int Before, int Within) noise, IReadOnlyList<LoginAct> acts)
    {
        rig.Peer.IsStrict = isStrict;
        rig.Peer.Algorithms = SshAlgorithms.Default with { KeyExchanges = ["curve25519-sha256"] };
        await rig.Peer.SayAsync();
        if (!await TryExchangeAsync(noise))
        {
            Assert.True(isStrict && noise != default, $"The first exchange ended with {await rig.EndedAsync()}.");
            Assert.Equal(SshEndCause.Protocol, (await rig.EndedAsync()).Cause);
            return;
        }
        Assert.True(!isStrict || noise == default, "A message came in the first exchange, which is strict.");
        if (!rig.IsServer)
            await rig.Peer.ExpectAsync(Message.SSH_MSG_SERVICE_REQUEST);
        for (var i = 0; i < acts.Count; i++)
        {
            if (!await GoesOnAsync(acts[i]))
                return;
        }
        await rig.AssertAliveAsync();
    }

    private async Task<bool> TryExchangeAsync((int Before, int Within) noise)
    {
        try
        {
            for (var i = 0; i < noise.Before; i++)
                await rig.Peer.SendAsync(Nothing(i));
            await rig.Peer.SendKexInitAsync();
            await rig.Peer.ReadKexInitAsync();
            for (var i = 0; i < noise.Within; i++)
                await rig.Peer.SendAsync(Nothing(i));
            await rig.Peer.AgreeAsync();
            await rig.Peer.SendNewKeysAsync();
            await rig.Peer.ReadNewKeysAsync();
            return true;
        }
        catch (Exception) when (noise != default)
        {
            return false;
        }
    }

    private async Task<bool> GoesOnAsync(LoginAct act)
    {
        var fate = rig.IsServer ? OfServer(act) : OfClient(act);
        if (act == LoginAct.Rekey && fate == Fate.GoesOn)
            await rig.Peer.ExchangeAsync();
        else
            await rig.Peer.SendAsync(MessageOf(act));
        switch (fate)
        {
            case Fate.GoesOn:
                await HearAsync(act);
                return true;
            case Fate.IsIn:
                if (rig.IsServer)
                    await rig.Peer.ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS);
                Assert.NotNull((await rig.Opening).Connection);
                await rig.AssertAliveAsync();
                return false;
            default:
                var end = await rig.EndedAsync();
                Assert.True((rig.Opening.Result.Connection is null, end.Cause) == (true, fate == Fate.GivesUp || end.Reason == SshDisconnectReason.NoMoreAuthMethodsAvailable ? SshEndCause.Authentication : SshEndCause.Protocol), $"{act}: it ended with {end}");
                return false;
        }
    }

    // Everything that is said to it, and nothing else.
    private async Task HearAsync(LoginAct act)
    {
        await rig.Peer.SendAsync(new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString("there?"));
        var isAnswered = answer is null;
        while (true)
        {
            var message = await rig.Peer.ReadAsync();
            if (message is null || message[0] == Message.SSH_MSG_DISCONNECT)
                Assert.Fail($"{act} is allowed, and has ended it: {await rig.EndedAsync()}");
            if (message[0] == answer)
                (answer, isAnswered) = (null, true);
            else if (message[0] == Message.SSH2_MSG_PONG && isAnswered)
                return;
            else
                Assert.True(message[0] == Message.SSH_MSG_EXT_INFO, $"{act} was answered with {message[0]}, and not with {answer}");
        }
    }

    private Fate OfBoth(LoginAct act, int mostExtensions)
    {
        switch (act)
        {
            case LoginAct.Nothing or LoginAct.Ping:
                return Fate.GoesOn;
            case LoginAct.Extensions:
                return ++extensions > mostExtensions ? Fate.Dies : Fate.GoesOn;
            case LoginAct.Rekey:
                return exchanges++ >= MostExchanges ? Fate.Dies : Fate.GoesOn;
            default:
                return Fate.Dies;
        }
    }

    private Fate OfServer(LoginAct act)
    {
        if (act == LoginAct.Ping)
            answer = Message.SSH2_MSG_PONG;
        if (act == LoginAct.Service && !isServed)
        {
            (isServed, answer) = (true, Message.SSH_MSG_SERVICE_ACCEPT);
            return Fate.GoesOn;
        }
        if (!isServed || act is < LoginAct.AskNone or LoginAct.AskOtherService or LoginAct.Other)
            return OfBoth(act, 1);
        requests++;
        if (act == LoginAct.Sign)
            return Fate.IsIn;
        answer = act == LoginAct.AskWhether ? Message.SSH_MSG_USERAUTH_PK_OK : Message.SSH_MSG_USERAUTH_FAILURE;
        // The first question is none that fails.
        if (act == LoginAct.AskWhether || (act == LoginAct.AskNone && requests == 1))
            return Fate.GoesOn;
        return ++failures >= MostTries ? Fate.Dies : Fate.GoesOn;
    }

    private Fate OfClient(LoginAct act)
    {
        if (act == LoginAct.Ping)
            answer = Message.SSH2_MSG_PONG;
        if (act == LoginAct.Banner)
            return ++words > 90 ? Fate.Dies : Fate.GoesOn;
        if (!isServed)
        {
            if (act != LoginAct.Service)
                return OfBoth(act, 2);
            (isServed, answer) = (true, Message.SSH_MSG_USERAUTH_REQUEST);
            return Fate.GoesOn;
        }
        switch (act)
        {
            case LoginAct.Success:
                return Fate.IsIn;
            case LoginAct.NoWay:
                return Fate.GivesUp;
            case LoginAct.ChangePassword:
                passwords = MostPasswords;
                return method == "password" ? Shown() : Fate.Dies;
            case LoginAct.Failure or LoginAct.PartialFailure:
                if (act == LoginAct.PartialFailure)
                    passwords = 0;
                return Shown();
            default:
                return OfBoth(act, 2);
        }
    }

    // Its key, and then its password three times.
    private Fate Shown()
    {
        if (!isKeyShown)
            (isKeyShown, method) = (true, "publickey");
        else if (passwords++ < MostPasswords)
            method = "password";
        else
            return Fate.GivesUp;
        answer = Message.SSH_MSG_USERAUTH_REQUEST;
        return Fate.GoesOn;
    }

    private byte[] MessageOf(LoginAct act) => act switch
    {
        LoginAct.Nothing => Nothing(requests + exchanges),
        LoginAct.Extensions => Messages.Of(Message.SSH_MSG_EXT_INFO),
        LoginAct.Ping => Messages.Of(Message.SSH2_MSG_PING),
        LoginAct.Rekey => Messages.Of(Message.SSH_MSG_KEXINIT),
        LoginAct.Service => Messages.Of(rig.IsServer ? Message.SSH_MSG_SERVICE_REQUEST : Message.SSH_MSG_SERVICE_ACCEPT),
        LoginAct.Banner => Messages.Of(Message.SSH_MSG_USERAUTH_BANNER),
        LoginAct.Failure => Failure(false, "publickey", "password"),
        LoginAct.PartialFailure => Failure(true, "publickey", "password"),
        LoginAct.NoWay => Failure(false, "hostbased"),
        LoginAct.ChangePassword => new SshWriter().Begin(Message.SSH_MSG_USERAUTH_PASSWD_CHANGEREQ).WriteString("old").WriteString("").ToArray(),
        LoginAct.Success => [Message.SSH_MSG_USERAUTH_SUCCESS],
        LoginAct.AskNone => ScriptedPeer.Request("none").ToArray(),
        LoginAct.AskPassword => ScriptedPeer.Request("password").WriteBoolean(false).WriteString("secret").ToArray(),
        LoginAct.AskWhether => ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: false).ToArray(),
        LoginAct.AskStranger => rig.Peer.SignedRequest(SshPair.HostKey),
        LoginAct.Sign => rig.Peer.SignedRequest(SshPair.UserKey),
        LoginAct.SignWrongly => rig.Peer.SignedRequest(SshPair.UserKey, session: new byte[32]),
        LoginAct.AskOtherService => ScriptedPeer.Request("none", service: "ssh-other").ToArray(),
        _ => Messages.Of(Message.SSH_MSG_CHANNEL_OPEN),
    };

    private static byte[] Failure(bool isPartial, params string[] left) => new SshWriter().Begin(Message.SSH_MSG_USERAUTH_FAILURE).WriteNameList(left).WriteBoolean(isPartial).ToArray();

    private static byte[] Nothing(int which) => Messages.Of((byte)(Message.SSH_MSG_IGNORE + (which % 3)));
}
