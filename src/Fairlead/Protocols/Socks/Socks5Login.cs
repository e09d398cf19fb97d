using System.Text;

namespace Fairlead;

/// <summary>The ways to log in at a SOCKS5 server that are understood; others are passed over.</summary>
[Flags]
internal enum Socks5Methods
{
    None = 0,

    /// <summary>NO AUTHENTICATION REQUIRED.</summary>
    Open = 1,

    /// <summary>USERNAME/PASSWORD.</summary>
    UserPassword = 2,
}

/// <summary>A user and a password, as a client of SOCKS5 gives them; a stranger's texts, either of which may be empty.</summary>
internal sealed record Socks5Credentials(string User, string Password)
{
    /// <summary>Without the password.</summary>
    public override string ToString() => $"{Printable.Escape(User)}:***";
}

/// <summary>How a client of SOCKS5 introduces himself: the choice of a method (RFC 1928 section 3), and the user and password of RFC 1929.</summary>
internal static class Socks5Login
{
    public const byte Version = 5;

    /// <summary>X'FF', NO ACCEPTABLE METHODS; the client then closes.</summary>
    public const byte NoAcceptableMethods = 0xFF;

    public const byte Open = 0x00, UserPassword = 0x02;

    /// <summary>The longest greeting, and the longest user and password.</summary>
    public const int MostGreetingBytes = 2 + 255, MostCredentialsBytes = 1 + 1 + 255 + 1 + 255;

    /// <summary>How long a user and a password may be, in bytes of UTF-8.</summary>
    public const int MostTextBytes = 255;

    // The version of the negotiation, not of SOCKS.
    private const byte NegotiationVersion = 0x01, Success = 0x00, Failure = 0x01;

    /// <summary>Reads a client's greeting: which of the methods he offers. One that offers none is whole too; the answer to it is <see cref="NoAcceptableMethods"/>.</summary>
    public static Parsed<Socks5Methods> ReadGreeting(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != Version)
            return Parsed.Wrong<Socks5Methods>($"the version is {bytes[0]}, not 5");
        if (bytes.Length < 2 || bytes.Length < 2 + bytes[1])
            return default;
        var methods = bytes.Slice(2, bytes[1]);
        var known = (methods.Contains(Open) ? Socks5Methods.Open : 0) | (methods.Contains(UserPassword) ? Socks5Methods.UserPassword : 0);
        return Parsed.Whole(known, 2 + methods.Length);
    }

    /// <summary>Writes a client's greeting.</summary>
    public static byte[] Greeting(Socks5Methods methods) => methods switch
    {
        Socks5Methods.Open => [Version, 1, Open],
        Socks5Methods.UserPassword => [Version, 1, UserPassword],
        Socks5Methods.None => [Version, 0],
        _ => [Version, 2, Open, UserPassword],
    };

    /// <summary>Reads the method that the server has chosen: one of this class's, or whatever it wrote.</summary>
    public static Parsed<byte> ReadMethod(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != Version)
            return Parsed.Wrong<byte>($"it begins with 0x{bytes[0]:x2}, which no SOCKS5 server does");
        return bytes.Length < 2 ? default : Parsed.Whole(bytes[1], 2);
    }

    /// <summary>Writes the method that the server has chosen.</summary>
    public static byte[] Method(byte method) => [Version, method];

    /// <summary>Reads a user and password.</summary>
    public static Parsed<Socks5Credentials> ReadCredentials(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return default;
        if (bytes[0] != NegotiationVersion)
            return Parsed.Wrong<Socks5Credentials>($"the version of the user and password is {bytes[0]}, not 1");
        if (bytes.Length < 2 || bytes.Length < 2 + bytes[1] + 1)
            return default;
        var user = bytes.Slice(2, bytes[1]);
        var rest = bytes[(2 + user.Length)..];
        if (rest.Length < 1 + rest[0])
            return default;
        var password = rest.Slice(1, rest[0]);
        return Parsed.Whole(new Socks5Credentials(Encoding.UTF8.GetString(user), Encoding.UTF8.GetString(password)), 2 + user.Length + 1 + password.Length);
    }

    /// <summary>Writes a user and password, each of at most <see cref="MostTextBytes"/> bytes.</summary>
    /// <param name="user">The user.</param>
    /// <param name="password">The password, in UTF-8.</param>
    public static byte[] Credentials(string user, ReadOnlySpan<byte> password)
    {
        var name = Encoding.UTF8.GetBytes(user);
        var bytes = new byte[2 + name.Length + 1 + password.Length];
        (bytes[0], bytes[1]) = (NegotiationVersion, checked((byte)name.Length));
        name.CopyTo(bytes, 2);
        bytes[2 + name.Length] = checked((byte)password.Length);
        password.CopyTo(bytes.AsSpan(3 + name.Length));
        return bytes;
    }

    /// <summary>Reads whether the server has taken the user and password.</summary>
    public static Parsed<bool> ReadStatus(ReadOnlySpan<byte> bytes)
    {
        // Some servers answer with the version of SOCKS; what they mean is as clear.
        if (!bytes.IsEmpty && bytes[0] is not (NegotiationVersion or Version))
            return Parsed.Wrong<bool>($"its word on the user and password begins with 0x{bytes[0]:x2}, not 0x01");
        return bytes.Length < 2 ? default : Parsed.Whole(bytes[1] == Success, 2);
    }

    /// <summary>Writes whether the server has taken the user and password. If not, it then closes.</summary>
    public static byte[] Status(bool isTaken) => [NegotiationVersion, isTaken ? Success : Failure];
}
