using System.Text;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>The lines in which both ends say which protocol they speak (RFC 4253 section 4.2).</summary>
internal static class Identification
{
    /// <summary>What this end says.</summary>
    public const string Own = "SSH-2.0-Fairlead_0.1";

    // Section 4.2: a line has at most 255 characters. A server may say more before it; OpenSSH takes 1,024 lines, which is more than anybody needs.
    private const int MostLine = 255, MostLinesBefore = 64;

    /// <summary>
    /// Reads the peer's line, and not a byte more. Lines before it are left out; only a server may send some.
    /// </summary>
    /// <returns>The line, without its end.</returns>
    /// <exception cref="SshProtocolException">The peer speaks something else.</exception>
    /// <exception cref="ConnectionException">The connection broke.</exception>
    public static async ValueTask<string> ReadAsync(Connection connection, bool isServer)
    {
        var buffer = new byte[4096];
        var line = new StringBuilder();
        for (var lines = 0; lines <= (isServer ? 0 : MostLinesBefore);)
        {
            var count = await connection.ReadAsync(buffer);
            if (count == 0)
                throw new SshProtocolException(SshDisconnectReason.ConnectionLost, "the connection was closed before a protocol was spoken");
            var end = buffer.AsSpan(0, count).IndexOf((byte)'\n');
            line.Append(Encoding.Latin1.GetString(buffer, 0, end < 0 ? count : end));
            if (line.Length > MostLine)
                throw SshProtocolException.Of("SSH is spoken here: a line is longer than 255 characters");
            if (end < 0)
                continue;
            connection.Unread(buffer.AsSpan(end + 1, count - end - 1));
            var text = line.ToString().TrimEnd('\r');
            if (text.StartsWith("SSH-", StringComparison.Ordinal))
                return Checked(text);
            line.Clear();
            lines++;
        }
        throw SshProtocolException.Of("SSH is spoken here, and the peer speaks something else");
    }

    private static string Checked(string line)
    {
        if (!line.StartsWith("SSH-2.0-", StringComparison.Ordinal) && !line.StartsWith("SSH-1.99-", StringComparison.Ordinal))
            throw new SshProtocolException(SshDisconnectReason.ProtocolVersionNotSupported, "only version 2 of SSH is spoken here");
        return line;
    }
}
