using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Messages as they should be, for an attacked end whose channel 0 is open where channels are meant.</summary>
internal static class Messages
{
    /// <summary>The peer goes.</summary>
    public static byte[] Goodbye { get; } =
        new SshWriter().Begin(Message.SSH_MSG_DISCONNECT).WriteUInt32((uint)SshDisconnectReason.ByApplication).WriteString("enough").WriteString("").ToArray();

    /// <summary>A channel is asked for, which is connected to a host.</summary>
    public static byte[] Open(uint number, uint window = 1 << 20, uint packet = 32 << 10, string type = "direct-tcpip") =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString(type).WriteUInt32(number).WriteUInt32(window).WriteUInt32(packet)
            .WriteString("target").WriteUInt32(80).WriteString("127.0.0.1").WriteUInt32(1000).ToArray();

    /// <summary>A message about a channel, with nothing but its number.</summary>
    public static byte[] About(byte message, uint channel) => new SshWriter().Begin(message).WriteUInt32(channel).ToArray();

    public static byte[] Data(uint channel, int count) => new SshWriter(count + 16).Begin(Message.SSH_MSG_CHANNEL_DATA).WriteUInt32(channel).WriteString(new byte[count]).ToArray();

    public static byte[] ExtendedData(uint channel, int count) =>
        new SshWriter(count + 16).Begin(Message.SSH_MSG_CHANNEL_EXTENDED_DATA).WriteUInt32(channel).WriteUInt32(1).WriteString(new byte[count]).ToArray();

    public static byte[] Window(uint channel, uint more) => new SshWriter().Begin(Message.SSH_MSG_CHANNEL_WINDOW_ADJUST).WriteUInt32(channel).WriteUInt32(more).ToArray();

    public static byte[] Eof(uint channel) => About(Message.SSH_MSG_CHANNEL_EOF, channel);

    public static byte[] Close(uint channel) => About(Message.SSH_MSG_CHANNEL_CLOSE, channel);

    public static byte[] Confirm(uint channel, uint number = 0, uint window = 1 << 20, uint packet = 32 << 10) =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN_CONFIRMATION).WriteUInt32(channel).WriteUInt32(number).WriteUInt32(window).WriteUInt32(packet).ToArray();

    public static byte[] Refuse(uint channel) =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN_FAILURE).WriteUInt32(channel).WriteUInt32((uint)SshOpenFailure.ConnectFailed).WriteString("no").WriteString("").ToArray();

    public static byte[] ChannelRequest(uint channel, string type = "pty-req", bool wantsAnswer = true) =>
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_REQUEST).WriteUInt32(channel).WriteString(type).WriteBoolean(wantsAnswer).ToArray();

    public static SshWriter GlobalRequest(string type, bool wantsAnswer = true) => new SshWriter().Begin(Message.SSH_MSG_GLOBAL_REQUEST).WriteString(type).WriteBoolean(wantsAnswer);

    public static byte[] Listen(string host, uint port, string type = "tcpip-forward") => GlobalRequest(type).WriteString(host).WriteUInt32(port).ToArray();

    /// <summary>Every message that a peer may send some time, one or more of a number.</summary>
    public static byte[][] All { get; } =
    [
        Goodbye,
        new SshWriter().Begin(Message.SSH_MSG_IGNORE).WriteString("nothing").ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_UNIMPLEMENTED).WriteUInt32(0).ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_DEBUG).WriteBoolean(true).WriteString("words").WriteString("").ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_SERVICE_REQUEST).WriteString("ssh-userauth").ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_SERVICE_ACCEPT).WriteString("ssh-userauth").ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_EXT_INFO).WriteUInt32(1).WriteString("server-sig-algs").WriteString("ssh-ed25519").ToArray(),
        KexInit.Of(SshAlgorithms.Default, SignatureAlgorithms.Names, isServer: true, isFirst: true, SshRandom.Secure).Payload,
        [Message.SSH_MSG_NEWKEYS],
        new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(new byte[32]).ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_KEXDH_REPLY).WriteString(SshPair.HostKey.PublicKey.Blob.Span).WriteString(new byte[32])
            .WriteString(SshPair.HostKey.Sign("ssh-ed25519", [1, 2, 3])).ToArray(),
        ScriptedPeer.Request("none").ToArray(),
        ScriptedPeer.Request("password").WriteBoolean(false).WriteString("secret").ToArray(),
        ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: false).ToArray(),
        ScriptedPeer.KeyRequest(SshPair.UserKey.PublicKey, "ssh-ed25519", isSigned: true).WriteString(SshPair.UserKey.Sign("ssh-ed25519", [1, 2, 3])).ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_USERAUTH_FAILURE).WriteNameList(["publickey", "password"]).WriteBoolean(false).ToArray(),
        [Message.SSH_MSG_USERAUTH_SUCCESS],
        new SshWriter().Begin(Message.SSH_MSG_USERAUTH_BANNER).WriteString("welcome").WriteString("").ToArray(),
        new SshWriter().Begin(Message.SSH_MSG_USERAUTH_PK_OK).WriteString("ssh-ed25519").WriteString(SshPair.UserKey.PublicKey.Blob.Span).ToArray(),
        GlobalRequest("keepalive@openssh.com").ToArray(),
        Listen("localhost", 0),
        Listen("localhost", 8000, "cancel-tcpip-forward"),
        GlobalRequest("streamlocal-forward@openssh.com").WriteString("/run/socket").ToArray(),
        GlobalRequest("hostkeys-00@openssh.com", wantsAnswer: false).WriteString(SshPair.HostKey.PublicKey.Blob.Span).ToArray(),
        [Message.SSH_MSG_REQUEST_SUCCESS, 0, 0, 0x1f, 0x40],
        [Message.SSH_MSG_REQUEST_FAILURE],
        Open(7),
        Open(8, type: "forwarded-tcpip"),
        Open(9, type: "session"),
        Open(10, type: "x11"),
        new SshWriter().Begin(Message.SSH_MSG_CHANNEL_OPEN).WriteString("direct-streamlocal@openssh.com").WriteUInt32(11).WriteUInt32(1000).WriteUInt32(1000)
            .WriteString("/run/socket").WriteString("").WriteUInt32(0).ToArray(),
        Confirm(0),
        Refuse(0),
        Window(0, 1000),
        Data(0, 100),
        ExtendedData(0, 100),
        Eof(0),
        Close(0),
        ChannelRequest(0),
        ChannelRequest(0, "keepalive@openssh.com"),
        About(Message.SSH_MSG_CHANNEL_SUCCESS, 0),
        About(Message.SSH_MSG_CHANNEL_FAILURE, 0),
        new SshWriter().Begin(Message.SSH2_MSG_PING).WriteString("there?").ToArray(),
    ];

    /// <summary>The first message of a number; where there is none, the number and some bytes.</summary>
    public static byte[] Of(byte number) => All.FirstOrDefault(message => message[0] == number) ?? [number, 0, 0, 0, 0, 0, 0, 0, 0];
}
