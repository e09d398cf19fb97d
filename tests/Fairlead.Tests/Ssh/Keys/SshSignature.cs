using System.Security.Cryptography;
using System.Text;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Signatures of files, as <c>ssh-keygen -Y</c> makes and checks them (PROTOCOL.sshsig of OpenSSH): a way to other hands for what keys sign.</summary>
internal static class SshSignature
{
    private const string Namespace = "test@example.com";

    private static ReadOnlySpan<byte> Preamble => "SSHSIG"u8;

    /// <summary>Has ssh-keygen sign with the key of a file.</summary>
    /// <returns>The key, what it signed, and the signature.</returns>
    public static (SshPublicKey Key, byte[] Signed, byte[] Signature) MadeBy(Keygen keygen, string key, byte[] message)
    {
        var file = keygen.Write("message", message);
        keygen.Run("-q", "-Y", "sign", "-n", Namespace, "-f", key, file);
        var text = File.ReadAllLines(file + ".sig");
        File.Delete(file + ".sig");
        var reader = new SshReader(Convert.FromBase64String(string.Concat(text[1..^1])));
        Assert.True(reader.ReadBytes(Preamble.Length).SequenceEqual(Preamble));
        Assert.Equal(1u, reader.ReadUInt32());
        var publicKey = SshPublicKey.Read(reader.ReadString());
        Assert.Equal(Namespace, reader.ReadText());
        reader.ReadString();
        Assert.Equal("sha512", reader.ReadText());
        var signature = reader.ReadString().ToArray();
        reader.End();
        return (publicKey, Signed(message), signature);
    }

    /// <summary>Whether ssh-keygen takes a signature of a text by a key of ours: 0 if it does.</summary>
    public static (int Status, string Output) Checked(Keygen keygen, SshPrivateKey key, string algorithm, string message)
    {
        var blob = new SshWriter().WriteBytes(Preamble).WriteUInt32(1).WriteString(key.PublicKey.Blob.Span).WriteString(Namespace).WriteString([]).WriteString("sha512")
            .WriteString(key.Sign(algorithm, Signed(Encoding.ASCII.GetBytes(message)))).ToArray();
        var lines = Convert.ToBase64String(blob).Chunk(70).Select(line => new string(line));
        var signature = keygen.Write("ours.sig", $"-----BEGIN SSH SIGNATURE-----\n{string.Join('\n', lines)}\n-----END SSH SIGNATURE-----\n");
        return keygen.Start("ssh-keygen", message, "-Y", "check-novalidate", "-n", Namespace, "-s", signature);
    }

    private static byte[] Signed(byte[] message) =>
        new SshWriter().WriteBytes(Preamble).WriteString(Namespace).WriteString([]).WriteString("sha512").WriteString(SHA512.HashData(message)).ToArray();
}
