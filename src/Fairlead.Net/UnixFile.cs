using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>What stands at a path, links not followed. Two looks at one file are equal; a file that took its place is not.</summary>
/// <param name="IsSocket">Whether it is known to be a socket. Known on Linux only.</param>
/// <param name="Owner">The user that owns it; 0 where that is not known.</param>
/// <param name="Device">The file system it is on; 0 where that is not known.</param>
/// <param name="Number">Its inode number on Linux; elsewhere, the time that it was made, in ticks.</param>
internal readonly partial record struct UnixFile(bool IsSocket, uint Owner, ulong Device, ulong Number)
{
    // linux/stat.h and linux/fcntl.h
    private const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 0x1, STATX_UID = 0x8, STATX_INO = 0x100;
    private const ushort S_IFMT = 0xF000, S_IFSOCK = 0xC000;
    private const int ENOENT = 2;

    /// <summary>Looks.</summary>
    /// <returns>Null if nothing is there.</returns>
    /// <exception cref="IOException">Something on the way there cannot be looked at.</exception>
    public static UnixFile? At(string path) => OperatingSystem.IsLinux() ? LinuxAt(path) : OtherAt(path);

    [SupportedOSPlatform("linux")]
    private static UnixFile? LinuxAt(string path)
    {
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_UID | STATX_INO, out var found) == 0)
        {
            var device = ((ulong)found.stx_dev_major << 32) | found.stx_dev_minor;
            return new UnixFile((found.stx_mode & S_IFMT) == S_IFSOCK, found.stx_uid, device, found.stx_ino);
        }
        var error = Marshal.GetLastPInvokeError();
        return error == ENOENT ? null : throw new IOException($"{path}: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static UnixFile? OtherAt(string path)
    {
        var file = new FileInfo(path);
        return file.Exists || file.LinkTarget is not null ? new UnixFile(false, 0, 0, (ulong)file.CreationTimeUtc.Ticks) : null;
    }

    // statx(2) rather than lstat(2): its structure is the same on every processor.
    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, out Statx statxbuf);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(20)] public uint stx_uid;
        [FieldOffset(28)] public ushort stx_mode;
        [FieldOffset(32)] public ulong stx_ino;
        [FieldOffset(136)] public uint stx_dev_major;
        [FieldOffset(140)] public uint stx_dev_minor;
    }
}
