using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What came of asking a SOCKS proxy.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Detail">The reason for a failure, for logs; it does not name the proxy.</param>
/// <param name="Bound">The address that the proxy told, if it did what was asked.</param>
internal readonly record struct SocksAnswer(DialOutcome Outcome, string? Detail = null, EndPoint? Bound = null);

/// <summary>
/// The client's side of a SOCKS conversation, from the first word to the answer. What the connection brings after that is given back to it. The
/// connection's own exceptions come through.
/// </summary>
internal static class SocksConversation
{
    /// <summary>Asks a SOCKS5 proxy (RFC 1928; RFC 1929 if it wants a user).</summary>
    /// <param name="connection">To the proxy.</param>
    /// <param name="proxy">The proxy, for user and password.</param>
    /// <param name="command">See <see cref="SocksCommand"/>.</param>
    /// <param name="target">What <see cref="SocksAddress.CanWrite"/>.</param>
    public static async ValueTask<SocksAnswer> Ask5Async(Connection connection, ProxyUrl proxy, byte command, EndPoint target)
    {
        var reader = new HandshakeReader(connection, Socks5Request.MostBytes);
        await connection.WriteAsync(Socks5Login.Greeting(Socks5Methods.Open | (proxy.User is null ? 0 : Socks5Methods.UserPassword)));
        var method = await reader.ReadAsync(Socks5Login.ReadMethod);
        if (!method.IsWhole)
            return Broken(method.Fault!);
        switch (method.Value)
        {
            case Socks5Login.Open:
                break;
            case Socks5Login.UserPassword when proxy.User is not null:
                await connection.WriteAsync(Socks5Login.Credentials(proxy.User, proxy.Password is null ? [] : proxy.Password.Reveal()));
                var status = await reader.ReadAsync(Socks5Login.ReadStatus);
                if (!status.IsWhole)
                    return Broken(status.Fault!);
                if (!status.Value)
                    return new SocksAnswer(DialOutcome.NotAllowed, "it refuses the user and password");
                break;
            case Socks5Login.NoAcceptableMethods:
                return new SocksAnswer(DialOutcome.NotAllowed, proxy.User is null ? "it wants a user and password, or another way to log in" : "it takes no user and password");
            default:
                return Broken($"it has chosen the method 0x{method.Value:x2}, which was not offered");
        }
        await connection.WriteAsync(Socks5Request.Write(command, target));
        var reply = await reader.ReadAsync(Socks5Reply.Read);
        if (!reply.IsWhole)
            return Broken(reply.Fault!);
        if (reply.Value.Code != SocksReplies.Succeeded)
            return new SocksAnswer(SocksReplies.From5(reply.Value.Code), SocksReplies.Words5(reply.Value.Code));
        reader.GiveBack();
        return new SocksAnswer(DialOutcome.Connected, null, reply.Value.Bound);
    }

    /// <summary>Asks a SOCKS4 proxy, for a name as SOCKS4A has it.</summary>
    /// <param name="connection">To the proxy.</param>
    /// <param name="proxy">The proxy, for the user.</param>
    /// <param name="command">See <see cref="SocksCommand"/>.</param>
    /// <param name="target">What <see cref="Socks4.Request"/> writes.</param>
    public static async ValueTask<SocksAnswer> Ask4Async(Connection connection, ProxyUrl proxy, byte command, EndPoint target)
    {
        var reader = new HandshakeReader(connection, Socks5Request.MostBytes);
        await connection.WriteAsync(Socks4.Request(command, target, proxy.User ?? ""));
        var reply = await reader.ReadAsync(Socks4.ReadReply);
        if (!reply.IsWhole)
            return Broken(reply.Fault!);
        if (reply.Value.Code != SocksReplies.Granted)
            return new SocksAnswer(SocksReplies.From4(reply.Value.Code), SocksReplies.Words4(reply.Value.Code));
        reader.GiveBack();
        return new SocksAnswer(DialOutcome.Connected, null, reply.Value.Bound);
    }

    private static SocksAnswer Broken(string fault) => new(DialOutcome.Failed, fault);
}
