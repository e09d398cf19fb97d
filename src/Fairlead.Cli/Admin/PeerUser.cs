using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Fairlead.Cli;

/// <summary>Which user is at the other end of a Unix socket; see SO_PEERCRED in unix(7).</summary>
internal static partial class PeerUser
{
    // socket.h, the same on every processor that .NET runs on
    private const int SOL_SOCKET = 1, SO_PEERCRED = 17;

    /// <summary>The user that this process acts as.</summary>
    public static uint Own { get; } = OperatingSystem.IsWindows() ? 0 : geteuid();

    /// <summary>The user who connected, or who listens.</summary>
    /// <returns>Null where the system does not tell: anywhere but on Linux, where the socket's mode alone guards it.</returns>
    public static uint? Of(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<int> ucred = stackalloc int[3]; // pid, uid, gid
        var length = socket.GetRawSocketOption(SOL_SOCKET, SO_PEERCRED, MemoryMarshal.AsBytes(ucred));
        return length == MemoryMarshal.AsBytes(ucred).Length ? (uint)ucred[1] : uint.MaxValue;
    }

    /// <summary>Whether a user may give orders to this process, or may be believed: itself, and root.</summary>
    public static bool IsTrusted(uint? user, uint own) => user is null or 0 || user == own;

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
