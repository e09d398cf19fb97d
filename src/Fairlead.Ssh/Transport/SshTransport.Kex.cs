using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Ssh;

/// <summary>The exchange of keys (RFC 4253 sections 7 and 8, RFC 5656 section 4), the first one and later ones.</summary>
internal sealed partial class SshTransport
{
    // RFC 4253 section 9 asks for new keys within a gigabyte; a sequence number must not come twice under one key (RFC 4344 section 3.1).
    private const long MostPackets = 1L << 31;

    private KexInit? own;
    private bool isExchanging, isUnderWay, isStrict;
    private byte[]? sessionId;
    private SshPresentedKey? hostKey;
    private byte[] hostSignature = [];
    private long keysSince, underWaySince;

    /// <summary>The hash of the first exchange, by which this connection is told from every other.</summary>
    public ReadOnlySpan<byte> SessionId => sessionId;

    /// <summary>The server's key, or its certificate; null until it is known.</summary>
    public SshPresentedKey? HostKey => hostKey;

    /// <summary>That this connection leads to that key: as a client, once keys are exchanged.</summary>
    public SshBinding Binding => new(hostKey!, sessionId, hostSignature);

    /// <summary>What was agreed on last.</summary>
    public Agreement? Agreement { get; private set; }

    /// <summary>Whether sequence numbers begin anew with each exchange, and nothing else may come in the first one (strict key exchange).</summary>
    public bool IsStrict => isStrict;

    /// <summary>How often keys were exchanged.</summary>
    public int Exchanges { get; private set; }

    /// <summary>For how long keys are being exchanged; null: they are not.</summary>
    public TimeSpan? ExchangeTime => isUnderWay ? options.Time.GetElapsedTime(underWaySince) : null;

    /// <summary>Says who is here, hears who the peer is, and exchanges the first keys.</summary>
    /// <exception cref="SshProtocolException">It is no SSH, nothing can be agreed on, or the server's key is not believed.</exception>
    public async Task OpenAsync()
    {
        // Both say it at once; what follows may go in the same call.
        await connection.WriteAsync(Encoding.ASCII.GetBytes(Identification.Own + "\r\n"));
        SendKexInit();
        PeerIdentification = await Identification.ReadAsync(connection, options.IsServer);
        while (true)
        {
            if (!await ReadPacketAsync())
                throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the connection was closed before keys were exchanged");
            switch (Payload[0])
            {
                case Message.SSH_MSG_KEXINIT:
                    await ExchangeAsync();
                    return;
                case Message.SSH_MSG_DISCONNECT:
                    throw ReadDisconnect(Payload);
                case Message.SSH_MSG_IGNORE or Message.SSH_MSG_DEBUG or Message.SSH_MSG_UNIMPLEMENTED:
                    break;
                default:
                    throw SshProtocolException.Of($"message {Payload[0]} came before keys were exchanged");
            }
        }
    }

    /// <summary>Begins to exchange keys if the present ones have been used long enough.</summary>
    public void RekeyIfDue()
    {
        if (isUnderWay || sessionId is null || broken is not null || isLeaving)
            return;
        if (Math.Max(writer.Bytes, reader.Bytes) >= options.RekeyBytes || Math.Max(writer.Packets, reader.Packets) >= MostPackets
            || options.Time.GetElapsedTime(keysSince) >= options.RekeyAfter)
            SendKexInit();
    }

    private void SendKexInit()
    {
        ThrowIfBroken();
        own = KexInit.Of(options.Algorithms, options.HostKeys, options.IsServer, isFirst: sessionId is null, options.Random);
        isExchanging = isUnderWay = true;
        underWaySince = options.Time.GetTimestamp();
        writer.Append(own.Payload);
        RequestFlush();
    }

    // The peer's SSH_MSG_KEXINIT was read.
    private async Task ExchangeAsync()
    {
        var peer = KexInit.Read(Payload);
        if (!isUnderWay)
            SendKexInit();
        var (client, server) = options.IsServer ? (peer, own!) : (own!, peer);
        if (sessionId is null)
            BeStrict(peer);
        Agreement = Agreement.Of(client, server, options.IsServer);
        if (Agreement.IsGuessWrong)
            await ReadExchangeAsync(null);
        using var exchange = options.Random.CreateExchange(Agreement.KeyExchange)!;
        var (hash, secret) = options.IsServer ? await AnswerAsync(exchange, client, server) : await AskAsync(exchange, client, server);
        try
        {
            ThrowIfBroken();
            sessionId ??= hash;
            writer.Append([Message.SSH_MSG_NEWKEYS]);
            var keys = new Keys(exchange.Hash, secret, hash, sessionId);
            writer.Use(keys.Cipher(Agreement, toServer: !options.IsServer, isSealing: true), isStrict);
            EndHolding(sayExtensions: Exchanges == 0 && peer.KeyExchanges.Contains(KexInit.ExtInfoClient));
            await ReadExchangeAsync(Message.SSH_MSG_NEWKEYS);
            reader.Use(keys.Cipher(Agreement, toServer: options.IsServer, isSealing: false), isStrict);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
        keysSince = options.Time.GetTimestamp();
        isUnderWay = false;
        Exchanges++;
    }

    private void BeStrict(KexInit peer)
    {
        isStrict = peer.KeyExchanges.Contains(options.IsServer ? KexInit.StrictClient : KexInit.StrictServer);
        if (!isStrict && options.Algorithms.IsStrictRequired)
            throw new SshProtocolException(SshDisconnectReason.KeyExchangeFailed, "the peer does not know strict key exchange, which is required here");
        if (isStrict && reader.Packets > 1)
            throw new SshProtocolException(SshDisconnectReason.KeyExchangeFailed, "a message came before the key exchange, which is strict");
    }

    // It may have been closed while something was computed elsewhere.
    private void ThrowIfBroken()
    {
        if (broken is not null)
            throw broken;
    }

    // The client's part. What takes long is computed elsewhere.
    private async Task<(byte[] Hash, byte[] Secret)> AskAsync(KeyExchange exchange, KexInit client, KexInit server)
    {
        var value = await Task.Run(exchange.Begin);
        ThrowIfBroken();
        writer.Append(new SshWriter().Begin(Message.SSH_MSG_KEXDH_INIT).WriteString(value).Written);
        RequestFlush();
        await ReadExchangeAsync(Message.SSH_MSG_KEXDH_REPLY);
        var (key, answer, signature) = ReadReply(Payload);
        var algorithm = Agreement!.HostKey;
        var (hash, secret) = await Task.Run(() =>
        {
            var shared = exchange.End(answer);
            var exchanged = HashOf(exchange.Hash, Identification.Own, PeerIdentification, client, server, key.Blob, value, answer, shared);
            return key.Verify(algorithm, exchanged, signature) ? (exchanged, shared)
                : throw new SshProtocolException(SshDisconnectReason.KeyExchangeFailed, "the server's signature is not that of its key");
        });
        if (hostKey is null)
        {
            if (await options.CheckHostKey!(key) is { } doubt)
                throw new SshProtocolException(SshDisconnectReason.HostKeyNotVerifiable, doubt);
            (hostKey, hostSignature) = (key, signature);
        }
        else if (!hostKey.Blob.Span.SequenceEqual(key.Blob.Span))
        {
            throw new SshProtocolException(SshDisconnectReason.HostKeyNotVerifiable, "the server has another key than at the beginning of the connection");
        }
        return (hash, secret);
    }

    private static (SshPresentedKey Key, byte[] Answer, byte[] Signature) ReadReply(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        var reply = (SshPresentedKey.Read(fields.ReadString()), fields.ReadString().ToArray(), fields.ReadString().ToArray());
        fields.End();
        return reply;
    }

    // The server's part.
    private async Task<(byte[] Hash, byte[] Secret)> AnswerAsync(KeyExchange exchange, KexInit client, KexInit server)
    {
        await ReadExchangeAsync(Message.SSH_MSG_KEXDH_INIT);
        var value = ReadValue(Payload);
        var algorithm = Agreement!.HostKey;
        var key = options.HostKeyOf!(algorithm);
        hostKey = SshPresentedKey.Of(key.PublicKey);
        var (hash, secret, answer, signature) = await Task.Run(() =>
        {
            var (reply, shared) = exchange.Answer(value);
            var exchanged = HashOf(exchange.Hash, PeerIdentification, Identification.Own, client, server, key.PublicKey.Blob, value, reply, shared);
            return (exchanged, shared, reply, key.Sign(algorithm, exchanged));
        });
        ThrowIfBroken();
        writer.Append(new SshWriter(1024).Begin(Message.SSH_MSG_KEXDH_REPLY).WriteString(key.PublicKey.Blob.Span).WriteString(answer).WriteString(signature).Written);
        return (hash, secret);
    }

    private static byte[] ReadValue(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        var value = fields.ReadString().ToArray();
        fields.End();
        return value;
    }

    // Reads the next packet of the exchange; null: whatever it is, it was a wrong guess.
    private async ValueTask ReadExchangeAsync(byte? expected)
    {
        while (true)
        {
            if (!await ReadPacketAsync())
                throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the connection was closed while keys were exchanged");
            var number = Payload[0];
            if (number == expected || (expected is null && number is >= Message.SSH_MSG_KEXDH_INIT and < Message.SSH_MSG_USERAUTH_REQUEST))
                return;
            if (number == Message.SSH_MSG_DISCONNECT)
                throw ReadDisconnect(Payload);
            // Strict: nothing but the exchange itself may come in the first one.
            if (number is not (Message.SSH_MSG_IGNORE or Message.SSH_MSG_DEBUG or Message.SSH_MSG_UNIMPLEMENTED) || (isStrict && Exchanges == 0))
                throw SshProtocolException.Of($"message {number} came in the middle of a key exchange");
        }
    }

    // Section 8: what both ends know of the exchange.
    private static byte[] HashOf(HashAlgorithmName name, string clientSays, string serverSays, KexInit client, KexInit server, ReadOnlyMemory<byte> key, byte[] value, byte[] answer, byte[] secret)
    {
        var text = new SshWriter(4096).WriteString(Encoding.Latin1.GetBytes(clientSays)).WriteString(Encoding.Latin1.GetBytes(serverSays)).WriteString(client.Payload).WriteString(server.Payload)
            .WriteString(key.Span).WriteString(value).WriteString(answer).WriteBytes(secret);
        var hash = CryptographicOperations.HashData(name, text.Written);
        text.Wipe();
        return hash;
    }

    // The own SSH_MSG_NEWKEYS is sent: what was kept follows under the new key. The first of all is what the server says that it can do (RFC 8308 section 2.4).
    private void EndHolding(bool sayExtensions)
    {
        isExchanging = false;
        if (sayExtensions && options.IsServer)
        {
            writer.Append(new SshWriter().Begin(Message.SSH_MSG_EXT_INFO).WriteUInt32(2)
                .WriteString("server-sig-algs").WriteNameList(SignatureAlgorithms.Names).WriteString("ping@openssh.com").WriteString("0").Written);
        }
        while (held.TryDequeue(out var message))
            writer.Append(message);
        heldBytes = 0;
        RequestFlush();
        Wake();
    }

    // Section 7.2.
    private sealed class Keys(HashAlgorithmName hash, byte[] secret, byte[] exchanged, byte[] session)
    {
        public PacketCipher Cipher(Agreement agreement, bool toServer, bool isSealing)
        {
            var (cipherName, macName) = toServer ? (agreement.CipherToServer, agreement.MacToServer) : (agreement.CipherToClient, agreement.MacToClient);
            var (cipher, mac) = (PacketCiphers.FindCipher(cipherName)!, macName is null ? null : PacketCiphers.FindMac(macName));
            var key = Derive(toServer ? KeyDerivation.KeyToServer : KeyDerivation.KeyToClient, cipher.KeyLength);
            var iv = Derive(toServer ? KeyDerivation.IvToServer : KeyDerivation.IvToClient, cipher.IvLength);
            var macKey = Derive(toServer ? KeyDerivation.MacKeyToServer : KeyDerivation.MacKeyToClient, mac?.KeyLength ?? 0);
            var made = PacketCiphers.Create(cipherName, macName, key, iv, macKey, isSealing);
            CryptographicOperations.ZeroMemory(key);
            CryptographicOperations.ZeroMemory(macKey);
            return made;
        }

        private byte[] Derive(char letter, int length) => KeyDerivation.Derive(hash, secret, exchanged, letter, session, length);
    }
}
