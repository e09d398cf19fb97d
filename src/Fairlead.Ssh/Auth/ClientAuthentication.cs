using System.Text;

namespace Fairlead.Ssh;

/// <summary>The client's part of RFC 4252: what there is to show is shown, in the order that the server allows.</summary>
internal sealed class ClientAuthentication(SshTransport transport, SshClientOptions options)
{
    private const string PublicKey = "publickey", Password = "password", KeyboardInteractive = "keyboard-interactive";

    // A server that goes on for ever with partial successes, questions and banners is left.
    private const int MostMessages = 100;

    // As NumberOfPasswordPrompts of ssh_config(5).
    private const int MostPasswords = 3;

    private readonly List<string> tried = [];
    private Queue<SshIdentity>? identities;
    private SshIdentity? question;
    private string[] allowed = [];
    private string method = "";
    private int messages, passwords, conversations;

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
            SshWriter? request = null;
            switch (await NextAsync())
            {
                case Message.SSH_MSG_USERAUTH_SUCCESS:
                    return null;
                case Message.SSH_MSG_USERAUTH_FAILURE:
                    ReadFailure(transport.Payload);
                    break;
                // What this number means depends on the method.
                case Message.SSH_MSG_USERAUTH_PK_OK when method == PublicKey && question is { } identity:
                    question = null;
                    request = await SignAsync(identity);
                    break;
                case Message.SSH_MSG_USERAUTH_INFO_REQUEST when method == KeyboardInteractive:
                    request = await AnswerAsync(SshQuestions.Read(transport.Payload));
                    break;
                // A password that has to be changed first is of no use here.
                case Message.SSH_MSG_USERAUTH_PASSWD_CHANGEREQ when method == Password:
                    tried.Add("the password has expired");
                    passwords = MostPasswords;
                    break;
                default:
                    throw SshProtocolException.Of($"message {transport.Payload[0]} is no answer to a request for authentication");
            }
            request ??= await TryAsync();
            if (request is null)
                return Refusal();
            transport.Send(request);
        }
    }

    private SshWriter Request(string by)
    {
        method = by;
        return new SshWriter().Begin(Message.SSH_MSG_USERAUTH_REQUEST).WriteString(options.User).WriteString("ssh-connection").WriteString(by);
    }

    private async ValueTask<SshWriter?> TryAsync()
    {
        foreach (var next in options.Methods.Where(allowed.Contains))
        {
            var request = next switch
            {
                PublicKey => await TryKeysAsync(),
                Password => await TryPasswordAsync(),
                KeyboardInteractive => TryConversation(),
                _ => null,
            };
            if (request is not null)
                return request;
        }
        return null;
    }

    private async ValueTask<SshWriter?> TryKeysAsync()
    {
        question = null;
        identities ??= new Queue<SshIdentity>(options.Identities is { } find ? await find(transport.Binding) : [.. options.Keys.Select(SshIdentity.Of)]);
        while (identities.TryDequeue(out var identity))
        {
            if (AlgorithmOf(identity) is not { } algorithm)
            {
                tried.Add($"{identity} (the server takes no signature of it)");
                continue;
            }
            if (identity.IsAskedFirst)
            {
                tried.Add(identity.ToString());
                question = identity;
                return Request(PublicKey).WriteBoolean(false).WriteString(algorithm).WriteString(identity.Key.Blob.Span);
            }
            // RFC 4252 section 7. Signed at once: a key that is at hand costs less than a question.
            tried.Add(identity.ToString());
            if (await SignAsync(identity) is { } request)
                return request;
        }
        return null;
    }

    // Null: whoever was to sign does not. That was no attempt.
    private async ValueTask<SshWriter?> SignAsync(SshIdentity identity)
    {
        var algorithm = AlgorithmOf(identity)!;
        var request = Request(PublicKey).WriteBoolean(true).WriteString(algorithm).WriteString(identity.Key.Blob.Span);
        var text = new SshWriter(512).WriteString(transport.SessionId).WriteBytes(request.Written).ToArray();
        try
        {
            return request.WriteString(await identity.Sign(SignatureAlgorithms.WithoutCertificate(algorithm), text));
        }
        catch (SshKeyException error)
        {
            tried[^1] += $" (not signed: {error.Message})";
            return null;
        }
    }

    private async ValueTask<SshWriter?> TryPasswordAsync()
    {
        if (passwords >= MostPasswords || options.Password is not { } ask)
            return null;
        passwords++;
        if (await ask() is not { } password)
        {
            passwords = MostPasswords;
            return null;
        }
        tried.Add("a password");
        return Request(Password).WriteBoolean(false).WriteString(password);
    }

    // RFC 4256 section 3.1, without a language and without a wish how it is to be done.
    private SshWriter? TryConversation()
    {
        if (conversations >= MostPasswords || options.Answer is null)
            return null;
        conversations++;
        tried.Add("answers to its questions");
        return Request(KeyboardInteractive).WriteString("").WriteString("");
    }

    // Section 3.4. Who cannot answer says nothing, as many times as was asked, and does not come back.
    private async ValueTask<SshWriter> AnswerAsync(SshQuestions questions)
    {
        var answers = await options.Answer!(questions);
        if (answers is null || answers.Count != questions.Prompts.Count)
        {
            conversations = MostPasswords;
            answers = [.. questions.Prompts.Select(static _ => "")];
        }
        var response = new SshWriter().Begin(Message.SSH_MSG_USERAUTH_INFO_RESPONSE).WriteUInt32((uint)answers.Count);
        foreach (var answer in answers)
            response.WriteString(answer);
        return response;
    }

    // RFC 8332 section 3.3: by what the server has said; where it has said nothing, by the preferred one.
    private string? AlgorithmOf(SshIdentity identity)
    {
        var own = identity.Key.Algorithms.Where(options.UserAlgorithms.Contains);
        return transport.ServerSignatureAlgorithms is { } known ? own.FirstOrDefault(algorithm => known.Contains(SignatureAlgorithms.WithoutCertificate(algorithm))) : own.FirstOrDefault();
    }

    private void ReadFailure(ReadOnlySpan<byte> message)
    {
        var fields = new SshReader(message);
        fields.ReadByte();
        allowed = fields.ReadNameList();
        if (fields.ReadBoolean())
            passwords = conversations = 0;
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
