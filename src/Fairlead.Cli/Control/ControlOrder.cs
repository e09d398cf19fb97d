using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Cli;

/// <summary>
/// What <c>fairlead ssh -O</c> tells a running one, and what that answers, on a Unix socket: texts with a NUL behind each, UTF-8, until the writer ends. An order is a word and, with
/// <c>forward</c> and <c>cancel</c>, forwardings in pairs: their flag and what stands behind it. An answer is <c>ok</c> or <c>error</c>, and lines for the user.
/// </summary>
internal static class ControlOrder
{
    /// <summary>How long an order or an answer may be; a thousand forwardings fit.</summary>
    public const int MostBytes = 64 << 10;

    /// <summary>Where a running one is found: one path for a user at a server, through the same servers on the way.</summary>
    public static string PlaceOf(TunnelConfig tunnel)
    {
        var way = string.Join(' ', tunnel.Servers.Select(server => $"{server.Ssh.Login}@{server.Ssh.Host}:{server.Ssh.Port}"));
        return AdminPlace.Default($"ssh-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(way)))[..16]}");
    }

    public static byte[] Write(IEnumerable<string> texts) => Encoding.UTF8.GetBytes(string.Concat(texts.Select(text => text + '\0')));

    /// <exception cref="FormatException">It does not end as it should, or is empty.</exception>
    public static string[] Read(ReadOnlySpan<byte> bytes) =>
        bytes is [.., 0] ? Encoding.UTF8.GetString(bytes[..^1]).Split('\0') : throw new FormatException("what came is no order and no answer");

    /// <summary>Reads to the end.</summary>
    /// <exception cref="FormatException">It is longer than <see cref="MostBytes"/>, or none.</exception>
    public static async Task<string[]> ReadAsync(Stream stream, CancellationToken cancel)
    {
        var buffer = new byte[MostBytes];
        var count = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        return count < buffer.Length ? Read(buffer.AsSpan(0, count)) : throw new FormatException("what came is too long");
    }
}
