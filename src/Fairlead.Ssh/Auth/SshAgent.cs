using System.Buffers.Binary;
using System.Net.Sockets;

namespace Fairlead.Ssh;

/// <summary>
/// An agent that keeps private keys and signs with them (draft-miller-ssh-agent, PROTOCOL.agent of OpenSSH), by its Unix socket: one connection for one login. One question at a time.
/// </summary>
/// <remarks>What it answers is bounded, and parsed without trust. The socket is used asynchronously; nothing here blocks.</remarks>
public sealed class SshAgent : IDisposable
{
    // draft-miller-ssh-agent section 6.1, with the names there.
    private const byte SSH_AGENTC_REQUEST_IDENTITIES = 11, SSH_AGENT_IDENTITIES_ANSWER = 12, SSH_AGENTC_SIGN_REQUEST = 13, SSH_AGENT_SIGN_RESPONSE = 14, SSH_AGENTC_EXTENSION = 27;

    private const uint SSH_AGENT_RSA_SHA2_256 = 2, SSH_AGENT_RSA_SHA2_512 = 4;

    // As OpenSSH's client.
    private const int MostAnswerBytes = 256 << 10;

    private const int MostIdentities = 64;

    // It asks nobody to list what it has; to sign it may ask somebody to say yes, or to touch something.
    private static readonly TimeSpan mostForAnswer = TimeSpan.FromSeconds(5), mostForSignature = TimeSpan.FromMinutes(1);

    private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly SemaphoreSlim turn = new(1);
    private readonly string path;

    private SshAgent(string path) => this.path = path;

    /// <summary>Connects to an agent.</summary>
    /// <param name="path">Its socket.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <exception cref="SshKeyException">There is none.</exception>
    public static async Task<SshAgent> ConnectAsync(string path, CancellationToken cancel = default)
    {
        var agent = new SshAgent(path);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(mostForAnswer);
            await agent.socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
            return agent;
        }
        catch (Exception error) when (error is SocketException or ArgumentException or OperationCanceledException)
        {
            agent.Dispose();
            throw agent.Fault($"cannot be reached ({KeyLines.Shown(error.Message, 255)}); start one and add the key (ssh-add FILE), or leave it out (agent: off)", error);
        }
    }

    /// <summary>Tells it where the connection leads, so that it signs with keys that are held to destinations. Of one that knows nothing of it, nothing is asked.</summary>
    /// <param name="binding">Where.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <exception cref="SshKeyException">It does not answer.</exception>
    public Task BindAsync(SshBinding binding, CancellationToken cancel = default) => AskAsync(
        new SshWriter(1024).Begin(SSH_AGENTC_EXTENSION).WriteString("session-bind@openssh.com").WriteString(binding.HostKey.Blob.Span).WriteString(binding.SessionId.Span)
            .WriteString(binding.Signature.Span).WriteBoolean(false), mostForAnswer, cancel);

    /// <summary>What it has, keys and certificates, in its order; without those of types that are not known here. They sign as long as it is not disposed of.</summary>
    /// <exception cref="SshKeyException">It does not answer, or with something else.</exception>
    public async Task<IReadOnlyList<SshIdentity>> ListAsync(CancellationToken cancel = default)
    {
        var answer = await AskAsync(new SshWriter().Begin(SSH_AGENTC_REQUEST_IDENTITIES), mostForAnswer, cancel).ConfigureAwait(false);
        try
        {
            return [.. ReadIdentities(answer).Select(key => new SshIdentity(key, (algorithm, data) => SignAsync(key, algorithm, data, CancellationToken.None)) { IsAskedFirst = true })];
        }
        catch (SshFormatException error)
        {
            throw Fault("does not say which keys it has", error);
        }
    }

    /// <summary>Has it sign.</summary>
    /// <param name="key">One of those that it has.</param>
    /// <param name="algorithm">One of the algorithms of the key alone.</param>
    /// <param name="data">What to sign, not hashed.</param>
    /// <param name="cancel">Gives it up.</param>
    /// <returns>The signature as it is sent, which names that algorithm.</returns>
    /// <exception cref="SshKeyException">It does not.</exception>
    public async Task<byte[]> SignAsync(SshPresentedKey key, string algorithm, byte[] data, CancellationToken cancel)
    {
        var flags = algorithm switch { "rsa-sha2-256" => SSH_AGENT_RSA_SHA2_256, "rsa-sha2-512" => SSH_AGENT_RSA_SHA2_512, _ => 0u };
        var answer = await AskAsync(new SshWriter(data.Length + 1024).Begin(SSH_AGENTC_SIGN_REQUEST).WriteString(key.Blob.Span).WriteString(data).WriteUInt32(flags), mostForSignature, cancel).ConfigureAwait(false);
        return ReadSignature(answer, algorithm) ?? throw Fault("does not sign with it: somebody has said no, or the key may not be used here", null);
    }

    /// <summary>Closes the connection to it.</summary>
    public void Dispose()
    {
        socket.Dispose();
        turn.Dispose();
    }

    /// <summary>The keys and certificates in an answer.</summary>
    /// <exception cref="SshFormatException">It is none.</exception>
    internal static List<SshPresentedKey> ReadIdentities(ReadOnlySpan<byte> answer)
    {
        var fields = new SshReader(answer);
        if (fields.ReadByte() != SSH_AGENT_IDENTITIES_ANSWER)
            throw new SshFormatException("it is another answer");
        var keys = new List<SshPresentedKey>();
        for (var left = Math.Min(fields.ReadUInt32(), MostIdentities); left > 0; left--)
        {
            var blob = fields.ReadString();
            fields.ReadString();
            try
            {
                keys.Add(SshPresentedKey.Read(blob));
            }
            catch (SshFormatException)
            {
                // One of a kind that is not known here, like those in security tokens.
            }
        }
        return keys;
    }

    /// <summary>The signature in an answer; null: there is none, or one by another algorithm than was asked for.</summary>
    internal static byte[]? ReadSignature(ReadOnlySpan<byte> answer, string algorithm)
    {
        try
        {
            var fields = new SshReader(answer);
            if (fields.ReadByte() != SSH_AGENT_SIGN_RESPONSE)
                return null;
            var signature = fields.ReadString();
            return new SshReader(signature).ReadName() == algorithm ? signature.ToArray() : null;
        }
        catch (SshFormatException)
        {
            return null;
        }
    }

    private async Task<byte[]> AskAsync(SshWriter question, TimeSpan patience, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(patience);
        try
        {
            await turn.WaitAsync(limit.Token).ConfigureAwait(false);
            try
            {
                var request = new SshWriter(question.Written.Length + 4).WriteString(question.Written).ToArray();
                for (var sent = 0; sent < request.Length;)
                    sent += await socket.SendAsync(request.AsMemory(sent), limit.Token).ConfigureAwait(false);
                var head = await ReadAsync(4, limit.Token).ConfigureAwait(false);
                var length = BinaryPrimitives.ReadUInt32BigEndian(head);
                return length is > 0 and <= MostAnswerBytes ? await ReadAsync((int)length, limit.Token).ConfigureAwait(false) : throw new IOException($"an answer of {length} bytes");
            }
            finally
            {
                turn.Release();
            }
        }
        catch (Exception error) when (error is SocketException or IOException or OperationCanceledException or ObjectDisposedException)
        {
            // What comes later would be taken for the answer to something else.
            socket.Dispose();
            throw Fault(error is OperationCanceledException ? $"has not answered within {patience.TotalSeconds:0} s" : $"does not answer ({KeyLines.Shown(error.Message, 255)})", error);
        }
    }

    private async Task<byte[]> ReadAsync(int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(at), cancel).ConfigureAwait(false);
            at += read > 0 ? read : throw new IOException("it has closed the connection");
        }
        return bytes;
    }

    private SshKeyException Fault(string what, Exception? inner) => new($"the agent at {KeyFiles.Shown(path)} {what}", inner);
}
