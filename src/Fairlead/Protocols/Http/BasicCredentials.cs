using System.Buffers.Text;
using System.Text;

namespace Fairlead;

/// <summary>A user and his password, as the scheme <c>Basic</c> carries them (RFC 7617).</summary>
/// <param name="User">The bytes of the user, mostly UTF-8; a stranger's text.</param>
/// <param name="Password">The bytes of the password.</param>
internal sealed record BasicCredentials(byte[] User, byte[] Password)
{
    /// <summary>How long each may be: as long as SOCKS5 has room for.</summary>
    public const int MostBytes = 255;

    private const string Scheme = "Basic ";

    /// <summary>Reads what a client presents to a proxy; null if that is nothing, or nothing that could be right: both are answered with 407.</summary>
    public static BasicCredentials? Read(HttpFields fields)
    {
        if (fields.Count("Proxy-Authorization") != 1)
            return null;
        var value = fields.First("Proxy-Authorization")!;
        var text = value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? value.AsSpan(Scheme.Length).TrimStart(' ') : [];
        if (text.IsEmpty || text.Length > Base64.GetMaxEncodedToUtf8Length((2 * MostBytes) + 1) || text.IndexOfAny(" \t") >= 0)
            return null;
        var bytes = new byte[(2 * MostBytes) + 1];
        if (!Convert.TryFromBase64Chars(text, bytes, out var length))
            return null;
        var colon = bytes.AsSpan(0, length).IndexOf((byte)':');
        return colon is < 0 or > MostBytes || length - colon - 1 > MostBytes ? null : new BasicCredentials(bytes[..colon], bytes[(colon + 1)..length]);
    }

    /// <summary>The value of the field that presents them.</summary>
    /// <param name="user">The user; without a colon.</param>
    /// <param name="password">The password, in UTF-8.</param>
    public static string ToField(string user, ReadOnlySpan<byte> password) => Scheme + Convert.ToBase64String([.. Encoding.UTF8.GetBytes($"{user}:"), .. password]);

    /// <summary>Neither is ever printed.</summary>
    public override string ToString() => "***";
}
