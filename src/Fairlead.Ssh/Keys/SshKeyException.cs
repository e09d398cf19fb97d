namespace Fairlead.Ssh;

/// <summary>A key, or a file of keys, cannot be used. The message says what was found and what to do about it, and nothing of a secret.</summary>
public sealed class SshKeyException : Exception
{
    /// <summary>Makes one with what was found and the remedy.</summary>
    public SshKeyException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>Whether a private key is encrypted, and the passphrase is missing or another one: with the right one it can be used.</summary>
    public bool IsPassphraseWrong { get; init; }
}
