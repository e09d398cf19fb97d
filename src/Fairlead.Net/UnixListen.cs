using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Net;

/// <summary>
/// A path that a Unix socket listens on, taken so that nobody but its owner can connect and nobody else's file is touched.
/// Disposing it, and all that share it, removes the path, if it is still this socket's.
/// </summary>
/// <remarks>
/// The socket is bound under a temporary name in the same folder, made private, set to listen, and only then renamed: the path
/// always leads to a listener that is whole, also while an old one is replaced.
/// </remarks>
internal sealed class UnixListen : IDisposable
{
    /// <summary>What <c>sun_path</c> holds besides the zero at its end; see unix(7).</summary>
    public const int MaxPathBytes = 107;

    private const int TemporaryNameLength = 9;

    private readonly string path;
    private readonly UnixFile? ours;
    private readonly StrongBox<int> sharers;
    private int disposed;

    private UnixListen(string path, UnixFile? ours)
        : this(Path.GetFullPath(path), ours, new StrongBox<int>(1))
    {
    }

    private UnixListen(string path, UnixFile? ours, StrongBox<int> sharers)
    {
        this.path = path;
        this.ours = ours;
        this.sharers = sharers;
    }

    /// <summary>Takes the path of <paramref name="endPoint"/>.</summary>
    /// <param name="endPoint">What to listen on.</param>
    /// <param name="bind">Binds the caller's socket to the name it is given; throws a <see cref="SocketException"/>.</param>
    /// <param name="listen">Makes that socket listen; throws a <see cref="SocketException"/>.</param>
    /// <returns>
    /// What owns the path. Dispose it before the socket: the open socket keeps its inode number from being given to another file,
    /// and that number is how the path is known to be still ours.
    /// </returns>
    /// <exception cref="ListenException">The path cannot be had. Nothing is left at it, nor under the temporary name.</exception>
    public static UnixListen Claim(UnixDomainSocketEndPoint endPoint, Action<string> bind, Action listen)
    {
        var path = endPoint.ToString();
        if (OperatingSystem.IsLinux() && endPoint.Serialize()[2] == 0)
            throw Refused(SocketError.OperationNotSupported, "an abstract name has neither owner nor mode: give it a path");
        var temporary = Path.Combine(Path.GetDirectoryName(path) ?? "", "." + RandomNumberGenerator.GetHexString(TemporaryNameLength - 1, lowercase: true));
        var bytes = Math.Max(Encoding.UTF8.GetByteCount(path), Encoding.UTF8.GetByteCount(temporary));
        if (bytes > MaxPathBytes)
            throw Refused(SocketError.InvalidArgument, $"the path and, in its folder, a temporary name of {TemporaryNameLength} bytes must fit into {MaxPathBytes} bytes, and take {bytes}");
        var bound = false;
        try
        {
            if (OperatingSystem.IsWindows())
            {
                // No modes and no renaming of bound sockets: the folder's access list guards the path, and .NET removes it.
                bind(path);
                listen();
                return new UnixListen(path, null);
            }
            bind(temporary);
            bound = true;

            // In time, whatever the umask was: until it listens, connecting to it is refused.
            File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            listen();
            var ours = UnixFile.At(temporary)!.Value;
            File.Move(temporary, path, overwrite: MayReplace(path, ours.Owner, Refused));
            return new UnixListen(path, ours);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            if (bound)
                File.Delete(temporary);
            throw e switch
            {
                ListenException => e,
                SocketException fault => Refused(fault.SocketErrorCode, SystemWords.For(fault, AddressFamily.Unix), fault),
                UnauthorizedAccessException => Refused(SocketError.AccessDenied, e.Message, e),
                _ => Refused(SocketError.AddressAlreadyInUse, e.Message, e),
            };
        }

        ListenException Refused(SocketError error, string reason, Exception? cause = null) =>
            new(endPoint, error, $"Cannot listen on {path}: {reason}.", cause);
    }

    /// <summary>For another holder of the same socket: the path stays until both are disposed. Not to be called after that.</summary>
    public UnixListen Share()
    {
        Interlocked.Increment(ref sharers.Value);
        return new UnixListen(path, ours, sharers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref disposed, 1) != 0 || Interlocked.Decrement(ref sharers.Value) > 0 || ours is null)
            return;
        try
        {
            if (UnixFile.At(path) == ours)
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The folder has changed hands; a dead socket is left there, which the next listen replaces.
        }
    }

    /// <summary>
    /// Whether what stands at the path may be replaced: a socket of ours that nobody serves. False if nothing is there, when the
    /// path must not be overwritten either: who came there in the meantime was first.
    /// </summary>
    private static bool MayReplace(string path, uint ourUser, Func<SocketError, string, Exception?, ListenException> refused)
    {
        if (UnixFile.At(path) is not { } found)
            return false;
        if (!found.IsSocket)
            throw refused(SocketError.AddressAlreadyInUse, "something is there that is no socket; remove it or choose another path", null);
        switch (Probe(path))
        {
            case SocketError.ConnectionRefused when found.Owner == ourUser:
                return true;
            case SocketError.ConnectionRefused:
                throw refused(SocketError.AccessDenied, $"nobody listens there, but the socket belongs to user {found.Owner}", null);
            case SocketError.AccessDenied:
                throw refused(SocketError.AccessDenied, "a socket is there that may not be connected to", null);
            default:
                throw refused(SocketError.AddressAlreadyInUse, "somebody listens there", null);
        }
    }

    private static SocketError Probe(string path)
    {
        // Non-blocking, since a listener with a full backlog is alive too, and would keep us waiting.
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false };
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(path));
            return SocketError.Success;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode;
        }
    }
}
