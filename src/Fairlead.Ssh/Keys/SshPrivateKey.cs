using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>A private key, which signs. Its memory is wiped when it is disposed of. Threads may sign with it at the same time; they take turns.</summary>
public sealed class SshPrivateKey : IDisposable
{
    private static ReadOnlySpan<byte> Sample => "Does the private part belong to the public one?"u8;

    // The class library's keys are for one thread at a time; and a seed must not be wiped while something is signed with it.
    private readonly Lock gate = new();

    // One of these.
    private readonly byte[]? seed;
    private readonly RSA? rsa;
    private readonly ECDsa? ecdsa;

    private readonly EcdsaCurve? curve;
    private bool isDisposed;

    private SshPrivateKey(SshPublicKey publicKey, string comment, byte[]? seed = null, RSA? rsa = null, ECDsa? ecdsa = null, EcdsaCurve? curve = null) =>
        (PublicKey, Comment, this.seed, this.rsa, this.ecdsa, this.curve) = (publicKey, comment, seed, rsa, ecdsa, curve);

    /// <summary>The public key that belongs to it.</summary>
    public SshPublicKey PublicKey { get; }

    /// <summary>What the file says about the key: any text, to be shown escaped; empty if there is none.</summary>
    public string Comment { get; }

    /// <summary>Makes a new key of the type <c>ssh-ed25519</c>.</summary>
    public static SshPrivateKey Generate()
    {
        var seed = Ed25519.Generate();
        try
        {
            return OfSeed(seed, "");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(seed);
        }
    }

    /// <summary>Reads a key: OpenSSH's own form, or PEM with PKCS#1 (RSA), SEC 1 (ECDSA), or PKCS#8. It is checked that both parts belong together.</summary>
    /// <param name="file">What the file has in it, at most 1 MiB. The caller wipes it.</param>
    /// <param name="passphrase">What it is encrypted with, in UTF-8; empty: it is not. The caller wipes it.</param>
    /// <exception cref="SshKeyException">It cannot be used; the message says what was found and what to do.</exception>
    /// <remarks>One that is encrypted takes as long as whoever has encrypted it wanted: a tenth of a second, or seconds.</remarks>
    public static SshPrivateKey Read(ReadOnlySpan<byte> file, ReadOnlySpan<byte> passphrase)
    {
        try
        {
            return PrivateKeyFile.Read(file, passphrase);
        }
        catch (Exception error) when (error is SshFormatException or CryptographicException)
        {
            throw new SshKeyException($"the private key cannot be used: {error.Message.TrimEnd('.')}; take it from a copy, or make a new one with: ssh-keygen -t ed25519", error);
        }
    }

    /// <summary>Reads the key of a file that nobody but its owner may read. Blocks.</summary>
    /// <param name="path">The file.</param>
    /// <param name="passphrase">As for <see cref="Read"/>.</param>
    /// <exception cref="SshKeyException">It cannot be used; the message names the file, and says what was found and what to do.</exception>
    public static SshPrivateKey Load(string path, ReadOnlySpan<byte> passphrase)
    {
        var file = KeyFiles.Read(path);
        try
        {
            return Read(file, passphrase);
        }
        catch (SshKeyException error)
        {
            throw new SshKeyException($"{KeyFiles.Shown(path)}: {error.Message}", error) { IsPassphraseWrong = error.IsPassphraseWrong };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
        }
    }

    /// <summary>The public key of a file whose private one may be encrypted: from the file itself, or from the one beside it that ends in <c>.pub</c>; null: neither says it. Blocks.</summary>
    /// <param name="path">The file, which nobody but its owner may read.</param>
    /// <exception cref="SshKeyException">It cannot be used; the message names the file, and says what was found and what to do.</exception>
    internal static SshPublicKey? LoadPublic(string path)
    {
        var file = KeyFiles.Read(path);
        try
        {
            return PrivateKeyFile.ReadPublic(file) ?? (KeyFiles.ReadList($"{path}.pub") is { } line ? SshPublicKey.Parse(line.Split('\n')[0]) : null);
        }
        catch (Exception error) when (error is SshFormatException or SshKeyException)
        {
            throw new SshKeyException($"{KeyFiles.Shown(path)}: {error.Message}", error);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(file);
        }
    }

    /// <summary>The key as a file that OpenSSH reads, not encrypted: for its owner alone (mode 0600). The caller wipes it.</summary>
    /// <param name="comment">What it says about the key.</param>
    public byte[] WriteOpenSsh(string comment)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            if (seed is not null)
                return OpenSshKeyFormat.Write(PublicKey, seed, comment);
            return rsa is not null ? OpenSshKeyFormat.Write(PublicKey, rsa, comment) : OpenSshKeyFormat.Write(PublicKey, ecdsa!, comment);
        }
    }

    /// <summary>Signs.</summary>
    /// <param name="algorithm">One of the <see cref="SshPublicKey.Algorithms"/> of its public key.</param>
    /// <param name="data">What to sign, not hashed.</param>
    /// <returns>The signature as it is sent: <c>string</c> algorithm, <c>string</c> bytes.</returns>
    /// <exception cref="ArgumentException">The key has no such algorithm.</exception>
    /// <remarks>It computes for longer than an event loop may.</remarks>
    public byte[] Sign(string algorithm, ReadOnlySpan<byte> data)
    {
        if (!PublicKey.Algorithms.Contains(algorithm))
            throw new ArgumentException($"A key of {PublicKey.Type} does not sign with {algorithm}.", nameof(algorithm));
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isDisposed, this);
            var signature = seed is not null ? Ed25519.Sign(seed, data) : rsa is not null ? RsaNumbers.Sign(rsa, algorithm, data) : curve!.Sign(ecdsa!, data);
            return new SshWriter().WriteString(algorithm).WriteString(signature).ToArray();
        }
    }

    /// <summary>Wipes the key. It signs no more.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            isDisposed = true;
            CryptographicOperations.ZeroMemory(seed);
            rsa?.Dispose();
            ecdsa?.Dispose();
        }
    }

    /// <summary>A key of Ed25519, from its seed, which is copied.</summary>
    internal static SshPrivateKey OfSeed(ReadOnlySpan<byte> seed, string comment)
    {
        // Pinned, so that no copy of it is left behind when memory is tidied.
        var kept = GC.AllocateUninitializedArray<byte>(Ed25519.SeedLength, pinned: true);
        seed.CopyTo(kept);
        var publicKey = SshPublicKey.Read(new SshWriter().WriteString(SshPublicKey.Ed25519Type).WriteString(Ed25519.PublicKeyOf(seed)).Written);
        return new SshPrivateKey(publicKey, comment, kept);
    }

    /// <summary>A key of RSA, which it owns.</summary>
    /// <exception cref="SshFormatException">Its parts do not belong together, or it is not as large as it may be.</exception>
    internal static SshPrivateKey Of(RSA rsa, string comment) => Checked(rsa, () =>
    {
        if (RsaNumbers.Fault(rsa.KeySize) is { } fault)
            throw new SshFormatException(fault);
        return new SshPrivateKey(SshPublicKey.Read(RsaNumbers.WritePublic(rsa.ExportParameters(includePrivateParameters: false))), comment, rsa: rsa);
    });

    /// <summary>A key of ECDSA, which it owns.</summary>
    /// <exception cref="SshFormatException">Its parts do not belong together, or it is on a curve that is not known.</exception>
    internal static SshPrivateKey Of(ECDsa ecdsa, string comment) => Checked(ecdsa, () =>
    {
        var parameters = ecdsa.ExportParameters(includePrivateParameters: false);
        var curve = EcdsaCurve.Of(parameters.Curve) ?? throw new SshFormatException(EcdsaCurve.NotKnown);
        return new SshPrivateKey(SshPublicKey.Read(curve.WritePublic(parameters.Q)), comment, ecdsa: ecdsa, curve: curve);
    });

    // The class library takes numbers as they come: only a signature shows that they are those of one key.
    private static SshPrivateKey Checked(AsymmetricAlgorithm owned, Func<SshPrivateKey> make)
    {
        try
        {
            var key = make();
            var algorithm = key.PublicKey.Algorithms[0];
            return key.PublicKey.Verify(algorithm, Sample, key.Sign(algorithm, Sample)) ? key : throw new SshFormatException("its private part does not belong to its public one");
        }
        catch
        {
            owned.Dispose();
            throw;
        }
    }
}
