using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>What stands at a path, links not followed. Two looks at one file are equal; a file that took its place is not.</summary>
/// <param name="IsSocket">Whether it is known to be a socket. Known on Linux only.</param>
/// <param name="Owner">The user that owns it; 0 where that is not known.</param>
/// <param name="Device">The file system it is on; 0 where that is not known.</param>
/// <param name="Number">Its inode number on Linux; elsewhere, the time that it was made, in ticks.</param>
internal readonly record struct UnixFile(bool IsSocket, uint Owner, ulong Device, ulong Number)
{
    // linux/stat.h
    private const ushort S_IFMT = 0xF000, S_IFSOCK = 0xC000;
    private const int ENOENT = 2;

    /// <summary>Looks.</summary>
    /// <returns>Null if nothing is there.</returns>
    /// <exception cref="IOException">Something on the way there cannot be looked at.</exception>
    public static UnixFile? At(string path) => OperatingSystem.IsLinux() ? LinuxAt(path) : OtherAt(path);

    [SupportedOSPlatform("linux")]
    private static UnixFile? LinuxAt(string path)
    {
        var error = UnixStat.Look(path, follow: false, out var found);
        if (error == 0)
            return new UnixFile((found.stx_mode & S_IFMT) == S_IFSOCK, found.stx_uid, found.Device, found.stx_ino);
        return error == -ENOENT ? null : throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(-error)}");
    }

    private static UnixFile? OtherAt(string path)
    {
        var file = new FileInfo(path);
        return file.Exists || file.LinkTarget is not null ? new UnixFile(false, 0, 0, (ulong)file.CreationTimeUtc.Ticks) : null;
    }
}
