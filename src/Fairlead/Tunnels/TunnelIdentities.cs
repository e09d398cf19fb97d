using Fairlead.Ssh;

namespace Fairlead;

/// <summary>
/// What there is to show at one login, in the order of ssh(1): certificates that are named; what the agent keeps, first of the files that are named; files. A certificate beside a key is
/// shown before the key.
/// </summary>
internal sealed class TunnelIdentities(TunnelConfig server, TunnelAnswers answers, Action<LogEntry> log, CancellationToken cancel) : IDisposable
{
    /// <summary>What is shown at the most: a server hears out six, by default, and one that hears out more would learn all that an agent has.</summary>
    public const int Most = 20;

    private const int MostPassphrases = 3;

    private readonly List<Source> sources = [];
    private readonly List<SshCertificate> named = [];
    private readonly List<SshPrivateKey> keys = [];
    private SshAgent? agent;

    // A key that is in a file, or has its public part there: without a signer, the agent alone may have the private one.
    private sealed record Source(string File, SshPublicKey Key, SshCertificate? Certificate, SshIdentity? Own);

    /// <summary>Reads the files. Blocks.</summary>
    /// <exception cref="SshKeyException">One that the user has named cannot be used.</exception>
    public void Load()
    {
        if (!server.Options.PubkeyAuthentication)
            return;
        named.AddRange(server.Options.CertificateFiles.Select(SshCertificate.Load));
        named.AddRange(server.Options.OtherCertificates.Except(server.Options.CertificateFiles).Select(TryLoad).OfType<SshCertificate>());
        foreach (var file in server.IdentityFiles)
        {
            if (server.Identity.Contains(file))
            {
                sources.Add(Read(file));
            }
            else if (File.Exists(file))
            {
                try
                {
                    sources.Add(Read(file));
                }
                catch (SshKeyException e)
                {
                    log(Notice.TunnelKeyLeftOut(server.Name, e.Message));
                }
            }
        }
    }

    /// <summary>Asks the agent, and puts all in order, away from the loop. Never throws.</summary>
    /// <param name="binding">Where the connection leads.</param>
    public ValueTask<IReadOnlyList<SshIdentity>> FindAsync(SshBinding binding) => new(Task.Run(async () => InOrder(await AskAgentAsync(binding)), CancellationToken.None));

    public void Dispose()
    {
        agent?.Dispose();
        foreach (var key in keys)
            key.Dispose();
    }

    private IReadOnlyList<SshIdentity> InOrder(IReadOnlyList<SshIdentity> kept)
    {
        var found = new List<SshIdentity>();
        // Who signs with a key: the agent before a file, which may have to be decrypted.
        SshIdentity? SignerOf(SshPublicKey key) => kept.FirstOrDefault(identity => identity.Key.Certificate is null && identity.Key.Key.Equals(key)) ?? sources.Find(source => source.Key.Equals(key))?.Own;
        foreach (var certificate in named)
        {
            if (SignerOf(certificate.Key) is { } signer)
                found.Add(signer.With(certificate));
            else
                log(Notice.TunnelKeyLeftOut(server.Name, $"of the certificate {certificate} there is no private key; name its file (-i), or add it to the agent (ssh-add FILE)"));
        }
        foreach (var isOfAgent in new[] { true, false })
        {
            foreach (var source in sources.Where(source => kept.Any(identity => identity.Key.Key.Equals(source.Key)) == isOfAgent))
            {
                if (SignerOf(source.Key) is { } signer)
                    found.AddRange(source.Certificate is { } certificate ? [signer.With(certificate), signer] : [signer]);
                else if (!isOfAgent)
                    log(Notice.TunnelKeyLeftOut(server.Name, $"{Printable.Escape(source.File, 4096)} is encrypted with a passphrase, which nobody has given, or a public key alone, and the agent does not have it; give the passphrase (passphrase: file:PATH, --passphrase), or add the key to the agent (ssh-add)"));
            }
            if (isOfAgent && !server.Options.IdentitiesOnly)
                found.AddRange(kept.Where(identity => identity.Key.Certificate is not null || !sources.Exists(source => source.Key.Equals(identity.Key.Key))));
        }
        return [.. found.DistinctBy(identity => Convert.ToHexString(identity.Key.Blob.Span)).Where(IsLongEnough).Take(Most)];
    }

    private bool IsLongEnough(SshIdentity identity)
    {
        var key = identity.Key.Key;
        if (server.Options.RequiredRsaBits is not { } least || key.RsaBits is not { } bits || bits >= least)
            return true;
        log(Notice.TunnelKeyLeftOut(server.Name, $"{key.Type} {key.Fingerprint} is an RSA key of {bits} bits, and RequiredRSASize asks for {least}"));
        return false;
    }

    // One that nobody has named on purpose does not make the key useless that it stands beside.
    private SshCertificate? TryLoad(string file)
    {
        try
        {
            return File.Exists(file) ? SshCertificate.Load(file) : null;
        }
        catch (SshKeyException e)
        {
            log(Notice.TunnelKeyLeftOut(server.Name, e.Message));
            return null;
        }
    }

    private Source Read(string file)
    {
        var certificate = TryLoad($"{file}-cert.pub");
        if (file.EndsWith(".pub", StringComparison.Ordinal))
            return new Source(file, SshPublicKey.Parse((KeyFiles.ReadList(file) ?? "").Split('\n')[0]), certificate, null);
        try
        {
            var key = SshPrivateKey.Load(file, server.Passphrase is { } passphrase ? passphrase.Reveal() : []);
            keys.Add(key);
            return new Source(file, key.PublicKey, CertificateOf(key.PublicKey), SshIdentity.Of(key));
        }
        catch (SshKeyException e) when (e.IsPassphraseWrong && server.Passphrase is null)
        {
            // Whoever is there is asked only when the server wants this key; the agent may have it too.
            if (!answers.IsAnybodyThere && server.AgentPath is null || SshPrivateKey.LoadPublic(file) is not { } key)
                throw;
            var presented = SshPresentedKey.Of(key);
            return new Source(file, key, CertificateOf(key), answers.IsAnybodyThere ? new SshIdentity(presented, (algorithm, data) => SignAsync(file, key, algorithm, data)) { IsAskedFirst = true } : null);
        }

        SshCertificate? CertificateOf(SshPublicKey key) => certificate?.Key.Equals(key) == true ? certificate : null;
    }

    private async Task<byte[]> SignAsync(string file, SshPublicKey key, string algorithm, byte[] data)
    {
        var own = keys.Find(known => known.PublicKey.Equals(key));
        if (own is null)
        {
            own = await DecryptAsync(file);
            keys.Add(own);
        }
        return await Task.Run(() => own.Sign(algorithm, data));
    }

    private async Task<SshPrivateKey> DecryptAsync(string file)
    {
        Secret? passphrase = null;
        for (var i = 0; ; i++)
        {
            passphrase = await answers.SecretAsync($"Passphrase of {Printable.Escape(file, 4096)}: ", passphrase, cancel) ?? throw new SshKeyException("nobody has given the passphrase");
            try
            {
                return await Task.Run(() => SshPrivateKey.Load(file, passphrase.Reveal()), CancellationToken.None);
            }
            catch (SshKeyException e) when (e.IsPassphraseWrong && i < MostPassphrases - 1)
            {
            }
        }
    }

    private async Task<IReadOnlyList<SshIdentity>> AskAgentAsync(SshBinding binding)
    {
        if (!server.Options.PubkeyAuthentication || server.AgentPath is not { } path)
            return [];
        try
        {
            agent = await SshAgent.ConnectAsync(path, cancel);
            await agent.BindAsync(binding, cancel);
            return await agent.ListAsync(cancel);
        }
        catch (SshKeyException e)
        {
            // One that nobody has named may be left over from a session that is long gone.
            log(Notice.TunnelAgent(server.Agent == TunnelConfig.AutoAgent ? LogLevel.Debug : LogLevel.Warning, server.Name, e.Message));
            return [];
        }
    }
}
