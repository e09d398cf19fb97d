using System.Text;

namespace Fairlead.Ssh;

/// <summary>The client's part of RFC 4252: what there is to show is shown, in the order that the server allows.</summary>
internal sealed class ClientAuthentication(SshTransport transport, SshClientOptions options)
{
    // A server that goes on for ever with partial successes and banners is left.
    private const int MostMessages = 100;

    private readonly Queue<SshPrivateKey> keys = new(options.Keys);
    private readonly List<string> tried = [];
    private string[] allowed = [];
    private int messages;
    private bool isPasswordTried;

    /// <summary>Authenticates the user.</summary>
    /// <returns>Null: it is in; else why not, for the user.</returns>
    public async Task<string?> RunAsync()
    {
        transport.Send(new SshWriter().Begin(Message.SSH_MSG_SERVICE_REQUEST).WriteString("ssh-userauth"));
        if (await NextAsync() != Message.SSH_MSG_SERVICE_ACCEPT)
            throw SshProtocolException.Of("the server does not accept authentication");
        // Asks for nothing, and hears what there is to ask for.
        transport.Send(Request("none"));
        while (true)
        {
            switch (await NextAsync())
            {
                case Message.SSH_MSG_USERAUTH_SUCCESS:
                    return null;
                case Message.SSH_MSG_USERAUTH_FAILURE:
                    ReadFailure(transport.Payload);
                    break;
                // A password that has to be changed first is of no use here.
                case Message.SSH_MSG_USERAUTH_PASSWD_CHANGEREQ when isPasswordTried:
                    tried.Add("the password has expired");
                    break;
                default:
                    throw SshProtocolException.Of($"message {transport.Payload[0]} is no answer to a request for authentication");
            }
            if (await TryAsync() is not { } request)
                return Refusal();
            transport.Send(request);
        }
    }

    private SshWriter Request(string method) =>
        new SshWriter().Begin(Message.SSH_MSG_USERAUTH_REQUEST).WriteString(options.User).WriteString("ssh-connection").WriteString(method);

    private async ValueTask<SshWriter?> TryAsync()
    {
        foreach (var method in options.Methods.Where(allowed.Contains))
        {
            if ((method == "publickey" ? await TryKeysAsync() : method == "password" ? await TryPasswordAsync() : null) is { } request)
                return request;
        }
        return null;
    }

    private async ValueTask<SshWriter?> TryKeysAsync()
    {
        while (keys.TryDequeue(out var key))
        {
            if (AlgorithmOf(key) is not { } algorithm)
            {
                tried.Add($"{key.PublicKey.Type} {key.PublicKey.Fingerprint} (the server takes no signature of it)");
                continue;
            }
            tried.Add($"{key.PublicKey.Type} {key.PublicKey.Fingerprint}");
            return await SignAsync(key, algorithm);
        }
        return null;
    }

    private async ValueTask<SshWriter?> TryPasswordAsync()
    {
        if (isPasswordTried || options.Password is not { } ask || await ask() is not { } password)
            return null;
        isPasswordTried = true;
        tried.Add("a password");
        return Request("password").WriteBoolean(false).WriteString(password);
    }

    // RFC 4252 section 7. Signed at once: a key that is at hand costs less than a question.
    private async ValueTask<SshWriter> SignAsync(SshPrivateKey key, string algorithm)
    {
        var request = Request("publickey").WriteBoolean(true).WriteString(algorithm).WriteString(key.PublicKey.Blob.Span);
        var text = new SshWriter(512).WriteString(transport.SessionId).WriteBytes(request.Written).ToArray();
        return request.WriteString(await Task.Run(() => key.Sign(algorithm, text)));
    }

    // RFC 8332 section 3.3: by what the server has said; where it has said nothing, by the preferred one.
    private string? AlgorithmOf(SshPrivateKey key)
    {
        var own = key.PublicKey.Algorithms;
        return transport.ServerSignatureAlgorithms is { } known ? own.FirstOrDefault(known.Contains) : own[0];
    }

    private void ReadFailure(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        allowed = fields.ReadNameList();
        if (fields.ReadBoolean())
            isPasswordTried = false;
    }

    private async ValueTask<byte> NextAsync()
    {
        while (true)
        {
            if (++messages > MostMessages)
                throw SshProtocolException.Of("the server goes on asking without end");
            if (!await transport.ReadAsync())
                throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the server closed the connection during authentication");
            if (transport.Payload[0] != Message.SSH_MSG_USERAUTH_BANNER)
                return transport.Payload[0];
            options.OnBanner?.Invoke(ReadBanner(transport.Payload));
        }
    }

    private static string ReadBanner(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        return fields.ReadText();
    }

    private string Refusal()
    {
        var text = new StringBuilder($"the server lets nobody in as {options.User} with ");
        text.Append(tried.Count == 0 ? "nothing to show" : string.Join(", ", tried));
        text.Append(allowed.Length == 0 ? "" : $"; it takes {string.Join(", ", allowed)}");
        return text.ToString();
    }
}
