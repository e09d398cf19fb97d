namespace Fairlead.Ssh;

/// <summary>
/// How a server tells a client that knows it which keys it has, and proves that they are its own, so that one can take the place of another (PROTOCOL of OpenSSH, section 2.5).
/// </summary>
public sealed partial class SshConnection
{
    private const string HostKeysRequest = "hostkeys-00@openssh.com", ProveRequest = "hostkeys-prove-00@openssh.com";

    // A server has one of each type, and twice as many while they change.
    private const int MostHostKeys = 32;

    private bool hasHeardHostKeys;

    /// <summary>Has the server prove that it has the private parts of keys. Where the connection lives.</summary>
    /// <param name="keys">What it has said that it has.</param>
    /// <returns>Whether it has proved all of them. Nothing is proved of some of them.</returns>
    public async Task<bool> ProveHostKeysAsync(IReadOnlyList<SshPublicKey> keys)
    {
        if (end is not null || keys.Count == 0)
            return false;
        var request = new SshWriter(1024).Begin(Message.SSH_MSG_GLOBAL_REQUEST).WriteString(ProveRequest).WriteBoolean(true);
        foreach (var key in keys)
            request.WriteString(key.Blob.Span);
        if (await AskAsync(request, static _ => { }) is not { } reply)
            return false;
        var session = Transport.SessionId.ToArray();
        return await Task.Run(() => AreProved(keys, session, reply));
    }

    // Every signature, in the order of the keys, and nothing behind them.
    private static bool AreProved(IReadOnlyList<SshPublicKey> keys, byte[] session, byte[] reply)
    {
        try
        {
            var fields = new SshReader(reply);
            foreach (var key in keys)
            {
                var signature = fields.ReadString();
                // One of RSA signs by either of its two algorithms: the signature says by which.
                if (!key.Verify(new SshReader(signature).ReadName(), ProofOf(session, key), signature))
                    return false;
            }
            fields.End();
            return true;
        }
        catch (SshFormatException)
        {
            return false;
        }
    }

    private static byte[] ProofOf(ReadOnlySpan<byte> session, SshPublicKey key) => new SshWriter(512).WriteString(ProveRequest).WriteString(session).WriteString(key.Blob.Span).ToArray();

    // As a server: nobody has to answer.
    private void TellHostKeys(SshServerOptions server)
    {
        var request = new SshWriter(1024).Begin(Message.SSH_MSG_GLOBAL_REQUEST).WriteString(HostKeysRequest).WriteBoolean(false);
        foreach (var key in server.HostKeys)
            request.WriteString(key.PublicKey.Blob.Span);
        Transport.Send(request);
    }

    // As a client. Certificates, and keys of types that are not known, are left out.
    private void OnHostKeys(ReadOnlySpan<byte> blobs)
    {
        if (Options is not SshClientOptions { OnHostKeys: { } tell } || hasHeardHostKeys)
            return;
        hasHeardHostKeys = true;
        var list = new List<byte[]>();
        for (var fields = new SshReader(blobs); !fields.IsAtEnd;)
        {
            if (list.Count == MostHostKeys)
                return;
            list.Add(fields.ReadString().ToArray());
        }
        _ = TellAsync();

        // Never throws. Whether so many numbers are points of curves is found out elsewhere.
        async Task TellAsync()
        {
            var keys = await Task.Run(() => list.Select(TryRead).OfType<SshPublicKey>().ToList());
            if (end is null)
                tell(this, keys);
        }
    }

    private static SshPublicKey? TryRead(byte[] blob)
    {
        try
        {
            return SshPublicKey.Read(blob);
        }
        catch (SshFormatException)
        {
            return null;
        }
    }

    // As a server: the keys that are to be proved; none: one of them is none of its own, or there are more than it has.
    private IReadOnlyList<SshPrivateKey> ReadProofs(ReadOnlySpan<byte> blobs)
    {
        var keys = new List<SshPrivateKey>();
        if (Options is not SshServerOptions server)
            return keys;
        for (var fields = new SshReader(blobs); !fields.IsAtEnd;)
        {
            var blob = fields.ReadString();
            SshPrivateKey? own = null;
            foreach (var key in server.HostKeys)
                own = key.PublicKey.Blob.Span.SequenceEqual(blob) ? key : own;
            if (own is null || keys.Count == server.HostKeys.Count)
                return [];
            keys.Add(own);
        }
        return keys;
    }

    private async Task<SshWriter?> ProveAsync(IReadOnlyList<SshPrivateKey> keys)
    {
        if (keys.Count == 0)
            return null;
        var (session, agreed) = (Transport.SessionId.ToArray(), Transport.Agreement!.HostKey);
        var signatures = await Task.Run(() => keys.Select(key =>
        {
            // As OpenSSH expects it: by the algorithm that was agreed on, where the key has it.
            var algorithms = key.PublicKey.Algorithms;
            return key.Sign(algorithms.Contains(agreed) ? agreed : algorithms[0], ProofOf(session, key.PublicKey));
        }).ToList());
        var writer = new SshWriter(1024).Begin(Message.SSH_MSG_REQUEST_SUCCESS);
        foreach (var signature in signatures)
            writer.WriteString(signature);
        return writer;
    }
}
