using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fairlead.Net;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cli;

/// <summary>A file that is only appended to (<c>O_APPEND</c>), so that it may be truncated or shared while it is open. Made with mode 0640, less the umask.</summary>
[SupportedOSPlatform("linux")]
internal sealed unsafe partial class AppendFile : IAccessOutput
{
    // fcntl.h, the same on x86-64 and arm64
    private const int O_WRONLY = 0x1, O_CREAT = 0x40, O_NOCTTY = 0x100, O_APPEND = 0x400, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;
    private const int OwnerWritesGroupReads = 0b110_100_000;

    private readonly SafeFileHandle handle;

    /// <summary>Opens a file, or makes it; its folder must be there.</summary>
    /// <exception cref="IOException">It cannot be had; the message is the system's words.</exception>
    public AppendFile(string path)
    {
        // Not to wait for the reader of a named pipe, here or in a write.
        var descriptor = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_APPEND | O_NONBLOCK | O_CLOEXEC, OwnerWritesGroupReads);
        if (descriptor < 0)
            throw new IOException(Libc.strerror(Marshal.GetLastPInvokeError()));
        handle = new SafeFileHandle(descriptor, ownsHandle: true);
    }

    public int Write(ReadOnlySpan<byte> bytes, out string? error)
    {
        error = null;
        var written = 0;
        fixed (byte* start = bytes)
        {
            while (written < bytes.Length && error is null)
            {
                var count = Libc.write((int)handle.DangerousGetHandle(), start + written, (nuint)(bytes.Length - written));
                if (count > 0)
                    written += count;
                else if (count != -Libc.EINTR)
                    error = Libc.strerror(-count);
            }
        }
        return written;
    }

    public void Dispose() => handle.Dispose();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags, int mode);
}
