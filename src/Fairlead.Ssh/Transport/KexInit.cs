namespace Fairlead.Ssh;

/// <summary>What one end offers in <c>SSH_MSG_KEXINIT</c> (RFC 4253 section 7.1).</summary>
internal sealed record KexInit
{
    /// <summary>Names in the list of key exchanges that are none, and say what an end can do (RFC 8308 section 2.1; PROTOCOL of OpenSSH, section 1.10).</summary>
    public const string ExtInfoClient = "ext-info-c", ExtInfoServer = "ext-info-s", StrictClient = "kex-strict-c-v00@openssh.com", StrictServer = "kex-strict-s-v00@openssh.com";

    public required string[] KeyExchanges { get; init; }

    public required string[] HostKeys { get; init; }

    public required string[] CiphersToServer { get; init; }

    public required string[] CiphersToClient { get; init; }

    public required string[] MacsToServer { get; init; }

    public required string[] MacsToClient { get; init; }

    public required string[] CompressionsToServer { get; init; }

    public required string[] CompressionsToClient { get; init; }

    /// <summary>Whether the first packet of a key exchange by its first choice comes right behind.</summary>
    public bool HasGuess { get; init; }

    /// <summary>The message as it was sent, which both ends hash.</summary>
    public required byte[] Payload { get; init; }

    /// <summary>Makes the message of this end.</summary>
    /// <param name="algorithms">What it offers.</param>
    /// <param name="hostKeys">The signature algorithms of host keys, in the order of this connection.</param>
    /// <param name="isServer">Which end it is.</param>
    /// <param name="isFirst">Whether it is the first exchange of the connection: only there marks are set.</param>
    /// <param name="random">Where its cookie comes from.</param>
    public static KexInit Of(SshAlgorithms algorithms, IReadOnlyList<string> hostKeys, bool isServer, bool isFirst, SshRandom random)
    {
        string[] marks = !isFirst ? [] : isServer ? [ExtInfoServer, StrictServer] : [ExtInfoClient, StrictClient];
        string[] exchanges = [.. algorithms.KeyExchanges, .. marks], ciphers = [.. algorithms.Ciphers], macs = [.. algorithms.Macs], none = ["none"];
        Span<byte> cookie = stackalloc byte[16];
        random.Fill(cookie);
        var writer = new SshWriter(1024).Begin(Message.SSH_MSG_KEXINIT).WriteBytes(cookie).WriteNameList(exchanges).WriteNameList(hostKeys)
            .WriteNameList(ciphers).WriteNameList(ciphers).WriteNameList(macs).WriteNameList(macs).WriteNameList(none).WriteNameList(none)
            .WriteString([]).WriteString([]).WriteBoolean(false).WriteUInt32(0);
        return Read(writer.Written);
    }

    /// <summary>Reads the message of the peer.</summary>
    /// <exception cref="SshFormatException">It is none.</exception>
    public static KexInit Read(ReadOnlySpan<byte> payload)
    {
        var reader = new SshReader(payload);
        reader.ReadByte();
        reader.ReadBytes(16);
        var init = new KexInit
        {
            KeyExchanges = reader.ReadNameList(),
            HostKeys = reader.ReadNameList(),
            CiphersToServer = reader.ReadNameList(),
            CiphersToClient = reader.ReadNameList(),
            MacsToServer = reader.ReadNameList(),
            MacsToClient = reader.ReadNameList(),
            CompressionsToServer = reader.ReadNameList(),
            CompressionsToClient = reader.ReadNameList(),
            Payload = payload.ToArray(),
        };
        reader.ReadString();
        reader.ReadString();
        init = init with { HasGuess = reader.ReadBoolean() };
        reader.ReadUInt32();
        return init;
    }
}

/// <summary>What both ends have agreed on (RFC 4253 section 7.1): of each list the client's first that the server has too.</summary>
internal sealed record Agreement
{
    public required string KeyExchange { get; init; }

    public required string HostKey { get; init; }

    public required string CipherToServer { get; init; }

    public required string CipherToClient { get; init; }

    /// <summary>Null where the cipher authenticates by itself.</summary>
    public string? MacToServer { get; init; }

    public string? MacToClient { get; init; }

    /// <summary>Whether the packet that the peer sent as a guess is of another exchange, and to be left out.</summary>
    public bool IsGuessWrong { get; init; }

    /// <summary>Finds the agreement.</summary>
    /// <exception cref="SshProtocolException">There is none; the message says about what, and what either end offers.</exception>
    public static Agreement Of(KexInit client, KexInit server, bool isServer)
    {
        var (own, peer) = isServer ? (server, client) : (client, server);
        var exchange = First("method of key exchange", client.KeyExchanges, server.KeyExchanges, isServer);
        var hostKey = First("algorithm of host keys", client.HostKeys, server.HostKeys, isServer);
        var toServer = First("cipher to the server", client.CiphersToServer, server.CiphersToServer, isServer);
        var toClient = First("cipher to the client", client.CiphersToClient, server.CiphersToClient, isServer);
        First("compression to the server", client.CompressionsToServer, server.CompressionsToServer, isServer);
        First("compression to the client", client.CompressionsToClient, server.CompressionsToClient, isServer);
        return new Agreement
        {
            KeyExchange = exchange,
            HostKey = hostKey,
            CipherToServer = toServer,
            CipherToClient = toClient,
            MacToServer = PacketCiphers.FindCipher(toServer)!.IsAead ? null : First("MAC to the server", client.MacsToServer, server.MacsToServer, isServer),
            MacToClient = PacketCiphers.FindCipher(toClient)!.IsAead ? null : First("MAC to the client", client.MacsToClient, server.MacsToClient, isServer),
            // Section 7: a guess is right if both prefer the same key exchange and the same host keys.
            IsGuessWrong = peer.HasGuess && (own.KeyExchanges[0] != peer.KeyExchanges.FirstOrDefault() || own.HostKeys[0] != peer.HostKeys.FirstOrDefault()),
        };
    }

    private static string First(string what, string[] client, string[] server, bool isServer)
    {
        foreach (var name in client)
        {
            if (server.Contains(name) && name is not (KexInit.ExtInfoClient or KexInit.ExtInfoServer or KexInit.StrictClient or KexInit.StrictServer))
                return name;
        }
        var (theirs, ours) = isServer ? (client, server) : (server, client);
        throw new SshProtocolException(SshDisconnectReason.KeyExchangeFailed, $"no {what} is common to both: the peer has {string.Join(", ", theirs)}; here there are {string.Join(", ", ours)}");
    }
}
