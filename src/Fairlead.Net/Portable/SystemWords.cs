using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>The system's words for an error, for logs and messages.</summary>
internal static class SystemWords
{
    /// <summary>
    /// Mostly what the exception says. .NET keeps one word where the system has two, and forgets which it was: it calls a missing
    /// file an address that is not available, and the limit of the process that of the system.
    /// </summary>
    public static string For(SocketException fault, AddressFamily family) => fault.SocketErrorCode switch
    {
        SocketError.AddressNotAvailable when family == AddressFamily.Unix => "No such file or directory",
        SocketError.TooManyOpenSockets => "Too many open files",
        _ => fault.Message,
    };
}
