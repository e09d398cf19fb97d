using System.Security.Cryptography;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>A key of each type, made once.</summary>
internal static class TestKeys
{
    public static IReadOnlyList<SshPrivateKey> All { get; } =
    [
        SshPrivateKey.Generate(),
        SshPrivateKey.Of(ECDsa.Create(ECCurve.NamedCurves.nistP256), ""),
        SshPrivateKey.Of(ECDsa.Create(ECCurve.NamedCurves.nistP384), ""),
        SshPrivateKey.Of(ECDsa.Create(ECCurve.NamedCurves.nistP521), ""),
        SshPrivateKey.Of(RSA.Create(2048), ""),
    ];

    /// <summary>The key of a type, or of one of its algorithms.</summary>
    public static SshPrivateKey Of(string name) => All.First(key => key.PublicKey.Type == name || key.PublicKey.Algorithms.Contains(name));
}
