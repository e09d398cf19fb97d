namespace Fairlead.Ssh;

/// <summary>Somebody asks to be let in (RFC 4252 section 5).</summary>
/// <param name="User">The name that is asked for; a stranger's text.</param>
/// <param name="Method"><c>none</c>, <c>publickey</c> or <c>password</c>.</param>
/// <param name="Key">The key that is shown, by itself or in a certificate; null without one.</param>
/// <param name="IsSigned">Whether it is proved that the key is theirs: without, the question is only whether it would do.</param>
/// <param name="Password">The password, null without one.</param>
public sealed record SshAuthenticationRequest(string User, string Method, SshPublicKey? Key, bool IsSigned, string? Password)
{
    /// <summary>The certificate that is shown for the key, whose signature by <see cref="SshCertificate.Authority"/> nobody has looked at yet; null without one: the key alone is shown.</summary>
    public SshCertificate? Certificate { get; init; }
}

/// <summary>The server's part of RFC 4252.</summary>
internal sealed class ServerAuthentication(SshTransport transport, SshServerOptions options)
{
    // Questions about keys that would do are no failures, and have an end all the same.
    private const int MostRequests = 100;

    private readonly string[] methods = [.. options.Methods];
    private int requests, failures;

    /// <summary>Who was let in.</summary>
    public SshAuthenticationRequest? Admitted { get; private set; }

    /// <summary>Authenticates the peer.</summary>
    /// <exception cref="SshProtocolException">It was not let in.</exception>
    public async Task RunAsync()
    {
        await ReadServiceAsync();
        while (Admitted is null)
        {
            if (!await transport.ReadAsync())
                throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the client closed the connection during authentication");
            if (transport.Payload[0] != Message.SSH_MSG_USERAUTH_REQUEST)
                throw SshProtocolException.Of($"message {transport.Payload[0]} came before authentication");
            await AnswerAsync(Request.Read(transport.Payload));
        }
    }

    private async Task ReadServiceAsync()
    {
        if (!await transport.ReadAsync())
            throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the client closed the connection before authentication");
        var service = ReadService(transport.Payload);
        if (service != "ssh-userauth")
            throw new SshProtocolException(SshDisconnectReason.ServiceNotAvailable, "authentication comes first");
        transport.Send(new SshWriter().Begin(Message.SSH_MSG_SERVICE_ACCEPT).WriteString(service));
    }

    private static string ReadService(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        if (fields.ReadByte() != Message.SSH_MSG_SERVICE_REQUEST)
            throw SshProtocolException.Of($"message {message[0]} came before authentication");
        return fields.ReadText();
    }

    private async Task AnswerAsync(Request request)
    {
        if (++requests > MostRequests)
            throw new SshProtocolException(SshDisconnectReason.NoMoreAuthMethodsAvailable, "too many questions");
        if (request.Service != "ssh-connection")
            throw new SshProtocolException(SshDisconnectReason.ServiceNotAvailable, "there is no such service here");
        // A certificate has two keys, which are looked at elsewhere.
        var key = request.KeyBlob is null ? null : await Task.Run(() => TryReadKey(request));
        var asked = new SshAuthenticationRequest(request.User, request.Method, key?.Key, request.Signature is not null, request.Password) { Certificate = key?.Certificate };
        var isKnown = request.Method == "none" || methods.Contains(request.Method);
        var mayCome = isKnown && (request.Method != "publickey" || key is not null) && await options.Authenticate(asked);
        if (mayCome && key is not null && request.Signature is { } signature)
        {
            var text = new SshWriter(512).WriteString(transport.SessionId).WriteBytes(request.SignedPart!).ToArray();
            mayCome = await Task.Run(() => key.Verify(request.Algorithm!, text, signature));
        }
        if (mayCome && key is not null && request.Signature is null)
        {
            transport.Send(new SshWriter(512).Begin(Message.SSH_MSG_USERAUTH_PK_OK).WriteString(request.Algorithm!).WriteString(request.KeyBlob!));
            return;
        }
        if (mayCome)
        {
            transport.Send(new SshWriter().Begin(Message.SSH_MSG_USERAUTH_SUCCESS));
            Admitted = asked;
            return;
        }
        // The first question of nearly every client is what it may ask: that is no attempt.
        var isFirstQuestion = requests == 1 && request.Method == "none";
        if (!isFirstQuestion && ++failures >= options.MaxAuthenticationTries)
            throw new SshProtocolException(SshDisconnectReason.NoMoreAuthMethodsAvailable, "too many authentication failures");
        transport.Send(new SshWriter().Begin(Message.SSH_MSG_USERAUTH_FAILURE).WriteNameList(methods).WriteBoolean(false));
    }

    // A key of a kind that is not known, or that does not sign by the algorithm, is none that would do.
    private static SshPresentedKey? TryReadKey(Request request)
    {
        try
        {
            var key = SshPresentedKey.Read(request.KeyBlob);
            return key.Algorithms.Contains(request.Algorithm) ? key : null;
        }
        catch (SshFormatException)
        {
            return null;
        }
    }

    private sealed record Request(string User, string Service, string Method)
    {
        public string? Algorithm { get; init; }

        public byte[]? KeyBlob { get; init; }

        public byte[]? Signature { get; init; }

        public string? Password { get; init; }

        // The message up to its signature, which that is over.
        public byte[]? SignedPart { get; init; }

        public static Request Read(ReadOnlySpan<byte> message)
        {
            var fields = new SshReader(message);
            fields.ReadByte();
            var request = new Request(fields.ReadText(), fields.ReadText(), fields.ReadText());
            if (request.User.Length > 255)
                throw new SshProtocolException(SshDisconnectReason.IllegalUserName, "the name of the user is too long");
            if (request.Method == "password")
            {
                // A new one is not taken here: the old one decides.
                fields.ReadBoolean();
                return request with { Password = fields.ReadText() };
            }
            if (request.Method != "publickey")
                return request;
            var isSigned = fields.ReadBoolean();
            request = request with { Algorithm = fields.ReadText(), KeyBlob = fields.ReadString().ToArray() };
            if (!isSigned)
                return request;
            var signedPart = message[..^fields.Rest.Length].ToArray();
            request = request with { Signature = fields.ReadString().ToArray(), SignedPart = signedPart };
            fields.End();
            return request;
        }
    }
}
