using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>
/// The other end of an SSH connection, in either role, which a test leads step by step. It exchanges real keys and is let in by a real signature, so that whatever it says is
/// sealed as it should be; and it says anything at any time.
/// </summary>
internal sealed class ScriptedPeer(Connection connection, bool isServer) : IDisposable
{
    private const string Line = "SSH-2.0-Scripted";

    private readonly PacketReader reader = new();
    private readonly Queue<byte[]> kept = [];
    private PacketCipher sealing = new PlainPacketCipher();
    private KeyExchange? exchange;
    private KexInit? own, peer;
    private byte[] hash = [], secret = [];
    private string peerLine = "";

    /// <summary>What it offers.</summary>
    public SshAlgorithms Algorithms { get; set; } = SshAlgorithms.Default;

    /// <summary>Whether it says that it knows strict key exchange.</summary>
    public bool IsStrict { get; set; } = true;

    /// <summary>Whether it says that it has guessed.</summary>
    public bool Guesses { get; set; }

    /// <summary>As a server: the key that it shows, and the one that it signs with.</summary>
    public SshPrivateKey HostKey { get; set; } = SshPair.HostKey;

    public SshPrivateKey SigningKey { get; set; } = SshPair.HostKey;

    /// <summary>The number of the next packet that it seals.</summary>
    public uint Sequence { get; set; }

    /// <summary>The hash of the first exchange.</summary>
    public byte[] SessionId { get; private set; } = [];

    /// <summary>What both agreed on last.</summary>
    public Agreement? Agreement { get; private set; }

    /// <summary>The marks and methods that the attacked end offered last.</summary>
    public KexInit PeerInit => peer!;

    public void Dispose()
    {
        connection.Dispose();
        reader.Dispose();
        sealing.Dispose();
        exchange?.Dispose();
    }

    /// <summary>Ends the connection as a network does.</summary>
    public void Abort() => connection.Abort();

    /// <summary>Sends bytes as they are.</summary>
    public ValueTask WriteAsync(byte[] bytes) => connection.WriteAsync(bytes);

    /// <summary>Sends the end of its direction.</summary>
    public ValueTask CompleteAsync() => connection.CompleteWritesAsync();

    /// <summary>Sends a message.</summary>
    public ValueTask SendAsync(byte[] payload) => connection.WriteAsync(Seal(payload));

    /// <inheritdoc cref="SendAsync(byte[])"/>
    public ValueTask SendAsync(SshWriter message) => SendAsync(message.ToArray());

    /// <summary>Sends messages in one go.</summary>
    public ValueTask SendAllAsync(IEnumerable<byte[]> payloads) => connection.WriteAsync(payloads.SelectMany(payload => Seal(payload)).ToArray());

    /// <summary>A message as a packet that is as it should be.</summary>
    public byte[] Seal(ReadOnlySpan<byte> payload)
    {
        var block = sealing.BlockSize;
        var padding = block - (((sealing.IsLengthApart ? 1 : 5) + payload.Length) % block);
        if (padding < 4)
            padding += block;
        return Seal(1 + payload.Length + padding, padding, [.. payload, .. new byte[padding]]);
    }

    /// <summary>A packet of anything: the length and the padding that it claims, and what follows, none of which has to fit. Sealed with the right key.</summary>
    public byte[] Seal(int length, int padding, byte[] rest)
    {
        var packet = new byte[5 + rest.Length];
        BinaryPrimitives.WriteInt32BigEndian(packet, length);
        packet[4] = (byte)padding;
        rest.CopyTo(packet, 5);
        return SealWhole(packet);
    }

    /// <summary>The same of bytes that begin with the length.</summary>
    public byte[] SealWhole(byte[] packet)
    {
        var tag = new byte[sealing.TagLength];
        sealing.Seal(Sequence++, packet, tag);
        return [.. packet, .. tag];
    }

    /// <summary>Reads the next message.</summary>
    /// <returns>Null: the connection was closed.</returns>
    public ValueTask<byte[]?> ReadAsync() => kept.TryDequeue(out var before) ? new ValueTask<byte[]?>(before) : ReadNewAsync();

    /// <summary>Reads the next message, which has to be this one. What a server says about itself behind the first keys may come before it.</summary>
    public async ValueTask<byte[]> ExpectAsync(byte number)
    {
        while (true)
        {
            var message = await ReadAsync();
            Assert.True(message is not null, $"The connection was closed instead of message {number}.");
            if (message[0] == number)
                return message;
            Assert.True(message[0] == Message.SSH_MSG_EXT_INFO, $"Message {message[0]} came instead of {number}: {Encoding.ASCII.GetString(message)}");
        }
    }

    /// <summary>Reads on to one of these, and drops what comes before it.</summary>
    public async ValueTask<byte[]> ReadToAsync(byte number)
    {
        while (true)
        {
            var message = await ReadAsync();
            Assert.True(message is not null, $"The connection was closed, and message {number} had not come.");
            if (message[0] == number)
                return message;
        }
    }

    /// <summary>Says who it is and hears the same.</summary>
    public async Task SayAsync(string line = Line)
    {
        await WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"));
        peerLine = await Identification.ReadAsync(connection, isServer);
    }

    /// <summary>Exchanges keys, the first or new ones, whoever begins.</summary>
    public async Task ExchangeAsync()
    {
        await SendKexInitAsync();
        await ReadKexInitAsync();
        await AgreeAsync();
        await SendNewKeysAsync();
        await ReadNewKeysAsync();
    }

    public ValueTask SendKexInitAsync()
    {
        string[] marks = isServer ? [KexInit.ExtInfoServer, KexInit.StrictServer] : [KexInit.ExtInfoClient, KexInit.StrictClient];
        string[] none = ["none"];
        var hostKeys = isServer ? [.. HostKey.PublicKey.Algorithms] : Algorithms.HostKeys.Where(name => !SignatureAlgorithms.IsOfCertificate(name));
        var message = new SshWriter(1024).Begin(Message.SSH_MSG_KEXINIT).WriteBytes(RandomNumberGenerator.GetBytes(16))
            .WriteNameList([.. Algorithms.KeyExchanges, .. marks[..(IsStrict ? 2 : 1)]]).WriteNameList(hostKeys)
            .WriteNameList(Algorithms.Ciphers).WriteNameList(Algorithms.Ciphers).WriteNameList(Algorithms.Macs).WriteNameList(Algorithms.Macs)
            .WriteNameList(none).WriteNameList(none).WriteString([]).WriteString([]).WriteBoolean(Guesses).WriteUInt32(0);
        own = KexInit.Read(message.Written);
        return SendAsync(message);
    }

    /// <summary>Reads on to the other one's. What comes before it is kept.</summary>
    public async Task ReadKexInitAsync()
    {
        while (true)
        {
            var message = await ReadNewAsync();
            Assert.NotNull(message);
            if (message[0] == Message.SSH_MSG_KEXINIT)
            {
                peer = KexInit.Read(message);
                return;
            }
            kept.Enqueue(message);
        }
    }

    /// <summary>The other one's was read already.</summary>
    public void HearKexInit(byte[] message) => peer = KexInit.Read(message);

    /// <summary>Its part of the exchange itself: now both know the new keys, and use the old ones.</summary>
    public async Task AgreeAsync()
    {
        Begin();
        if (isServer)
        {
            await ReplyAsync(StringOf(await ExpectNextAsync(Message.SSH_MSG_KEXDH_INIT)));
            return;
        }
        var value = exchange!.Begin();
        await SendAsync(new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(value));
        End(value, await ExpectNextAsync(Message.SSH_MSG_KEXDH_REPLY));
    }

    /// <summary>Knows what is agreed on, from the two messages.</summary>
    /// <param name="guessed">An exchange that was begun already; it is the peer's from now on.</param>
    public void Begin(KeyExchange? guessed = null)
    {
        Agreement = isServer ? Agreement.Of(peer!, own!, isServer) : Agreement.Of(own!, peer!, isServer);
        exchange?.Dispose();
        exchange = guessed ?? KeyExchanges.Create(Agreement.KeyExchange)!;
    }

    /// <summary>As a client: the value that begins an exchange by this method.</summary>
    public byte[] Value() => exchange!.Begin();

    /// <summary>As a client: knows the keys by the server's reply, whose signature must be right.</summary>
    public void End(byte[] value, byte[] reply)
    {
        var fields = new SshReader(reply.AsSpan(1));
        var key = SshPublicKey.Read(fields.ReadString());
        var answer = fields.ReadString().ToArray();
        secret = exchange!.End(answer);
        SetHash(key, value, answer);
        Assert.True(key.Verify(Agreement!.HostKey, hash, fields.ReadString()));
    }

    /// <summary>As a server: answers what the client has begun.</summary>
    public ValueTask ReplyAsync(byte[] value)
    {
        (var answer, secret) = exchange!.Answer(value);
        SetHash(HostKey.PublicKey, value, answer);
        return SendAsync(new SshWriter(1024).Begin(Message.SSH_MSG_KEXDH_REPLY).WriteString(HostKey.PublicKey.Blob.Span).WriteString(answer)
            .WriteString(SigningKey.Sign(SigningKey.PublicKey.Algorithms[0], hash)));
    }

    public async Task SendNewKeysAsync()
    {
        await SendAsync([Message.SSH_MSG_NEWKEYS]);
        sealing.Dispose();
        sealing = CipherOf(toServer: !isServer, isSealing: true);
        if (IsStrict)
            Sequence = 0;
    }

    public async Task ReadNewKeysAsync()
    {
        await ExpectNextAsync(Message.SSH_MSG_NEWKEYS);
        reader.Use(CipherOf(toServer: isServer, isSealing: false), IsStrict);
    }

    /// <summary>As a client: is let in by the user's key. As a server: lets in whoever asks.</summary>
    public async Task AuthenticateAsync()
    {
        await BeginAuthenticationAsync();
        if (!isServer)
            await SendAsync(SignedRequest(SshPair.UserKey));
        await (isServer ? SendAsync([Message.SSH_MSG_USERAUTH_SUCCESS]) : new ValueTask(ExpectAsync(Message.SSH_MSG_USERAUTH_SUCCESS).AsTask()));
    }

    /// <summary>As a client: asks for authentication. As a server: grants that, and hears the first request.</summary>
    public async Task BeginAuthenticationAsync()
    {
        if (isServer)
        {
            await ExpectAsync(Message.SSH_MSG_SERVICE_REQUEST);
            await SendAsync(new SshWriter().Begin(Message.SSH_MSG_SERVICE_ACCEPT).WriteString("ssh-userauth"));
            await ExpectAsync(Message.SSH_MSG_USERAUTH_REQUEST);
            return;
        }
        await SendAsync(new SshWriter().Begin(Message.SSH_MSG_SERVICE_REQUEST).WriteString("ssh-userauth"));
        await ExpectAsync(Message.SSH_MSG_SERVICE_ACCEPT);
    }

    /// <summary>As a client: asks to be let in with a key, and proves that it has it; or says that it proves it, by what another key signs or of another session.</summary>
    public byte[] SignedRequest(SshPrivateKey key, SshPrivateKey? signs = null, byte[]? session = null, string? algorithm = null)
    {
        signs ??= key;
        algorithm ??= key.PublicKey.Algorithms[0];
        var request = KeyRequest(key.PublicKey, algorithm, isSigned: true);
        var text = new SshWriter(512).WriteString(session ?? SessionId).WriteBytes(request.Written).Written;
        return request.WriteString(signs.Sign(signs.PublicKey.Algorithms.Contains(algorithm) ? algorithm : signs.PublicKey.Algorithms[0], text)).ToArray();
    }

    /// <summary>The request without the signature.</summary>
    public static SshWriter KeyRequest(SshPublicKey key, string algorithm, bool isSigned, string user = "alice") =>
        Request("publickey", user).WriteBoolean(isSigned).WriteString(algorithm).WriteString(key.Blob.Span);

    public static SshWriter Request(string method, string user = "alice", string service = "ssh-connection") =>
        new SshWriter(512).Begin(Message.SSH_MSG_USERAUTH_REQUEST).WriteString(user).WriteString(service).WriteString(method);

    /// <summary>From the first byte to the end of authentication.</summary>
    public async Task OpenAsync()
    {
        await SayAsync();
        await ExchangeAsync();
        await AuthenticateAsync();
    }

    /// <summary>What the first field of a message has in it, where that is a string.</summary>
    public static byte[] StringOf(byte[] message) => new SshReader(message.AsSpan(1)).ReadString().ToArray();

    // Behind what was kept.
    private async ValueTask<byte[]> ExpectNextAsync(byte number)
    {
        var message = await ReadNewAsync();
        Assert.True(message?[0] == number, $"Message {message?[0]} came instead of {number}.");
        return message!;
    }

    // Without what every server says of its keys.
    private async ValueTask<byte[]?> ReadNewAsync()
    {
        ReadOnlyMemory<byte> payload;
        do
        {
            while (!reader.TryRead(out payload))
            {
                var count = await connection.ReadAsync(reader.Room());
                if (count == 0)
                    return null;
                reader.Commit(count);
            }
        }
        while (payload.Span[0] == Message.SSH_MSG_GLOBAL_REQUEST && payload.Span[5..].StartsWith("hostkeys-00@openssh.com"u8));
        return payload.ToArray();
    }

    private void SetHash(SshPublicKey key, byte[] value, byte[] answer)
    {
        var (client, server) = isServer ? (peer!, own!) : (own!, peer!);
        var (clientSays, serverSays) = isServer ? (peerLine, Line) : (Line, peerLine);
        var text = new SshWriter(4096).WriteString(clientSays).WriteString(serverSays).WriteString(client.Payload).WriteString(server.Payload)
            .WriteString(key.Blob.Span).WriteString(value).WriteString(answer).WriteBytes(secret);
        hash = CryptographicOperations.HashData(exchange!.Hash, text.Written);
        if (SessionId.Length == 0)
            SessionId = hash;
    }

    private PacketCipher CipherOf(bool toServer, bool isSealing)
    {
        var (cipherName, macName) = toServer ? (Agreement!.CipherToServer, Agreement.MacToServer) : (Agreement!.CipherToClient, Agreement.MacToClient);
        var (cipher, mac) = (PacketCiphers.FindCipher(cipherName)!, macName is null ? null : PacketCiphers.FindMac(macName));
        var (key, iv, macKey) = (Derive(toServer ? 'C' : 'D', cipher.KeyLength), Derive(toServer ? 'A' : 'B', cipher.IvLength), Derive(toServer ? 'E' : 'F', mac?.KeyLength ?? 0));
        return PacketCiphers.Create(cipherName, macName, key, iv, macKey, isSealing);
    }

    private byte[] Derive(char letter, int length) => KeyDerivation.Derive(exchange!.Hash, secret, hash, letter, SessionId, length);
}
