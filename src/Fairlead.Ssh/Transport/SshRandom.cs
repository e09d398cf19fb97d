using System.Security.Cryptography;

namespace Fairlead.Ssh;

/// <summary>What of a connection nobody may foretell: its part of each key exchange, its cookies, and its padding.</summary>
/// <remarks>
/// The program has <see cref="Secure"/> alone. Tests that replay a recorded session derive another, which they hand to <see cref="SshConnection.OpenAsync(Net.Connection, SshOptions, SshRandom, CancellationToken)"/>: no
/// option and no variable does.
/// </remarks>
internal class SshRandom
{
    protected SshRandom()
    {
    }

    /// <summary>The system's generator.</summary>
    public static SshRandom Secure { get; } = new();

    /// <summary>Fills a span.</summary>
    public virtual void Fill(Span<byte> bytes) => RandomNumberGenerator.Fill(bytes);

    /// <summary>One exchange by the method of a name, whose private value nobody knows. It computes nothing yet.</summary>
    /// <returns>Null if the method is not spoken.</returns>
    public virtual KeyExchange? CreateExchange(string name) => KeyExchanges.Create(name);
}
