using System.Net.Security;
using System.Security.Authentication;

namespace Fairlead.Bench;

/// <summary>What a client of TLS says first.</summary>
static class Hello
{
    /// <summary>The server that it wants.</summary>
    public const string Name = "www.example.com";

    /// <summary>A ClientHello as .NET and its OpenSSL write it, with the name.</summary>
    public static byte[] New()
    {
        // Nobody answers: the stream has its end where the hello has.
        using var wire = new MemoryStream();
        using var client = new SslStream(wire);
        try
        {
            client.AuthenticateAsClient(Name);
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
        }
        return wire.ToArray();
    }
}
