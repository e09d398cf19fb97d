using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Net;

/// <summary>statx(2), rather than stat(2): its structure is the same on every processor.</summary>
[SupportedOSPlatform("linux")]
internal static partial class UnixStat
{
    // linux/stat.h and linux/fcntl.h
    private const int AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_EMPTY_PATH = 0x1000;
    private const uint STATX_TYPE = 0x1, STATX_MODE = 0x2, STATX_UID = 0x8, STATX_CTIME = 0x80, STATX_INO = 0x100, STATX_SIZE = 0x200;

    /// <summary>Looks at what is at a path: 0, or below zero the negated <c>errno</c>.</summary>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether a link stands for what it leads to.</param>
    /// <param name="found">Its type, mode, owner, number and file system.</param>
    public static int Look(string path, bool follow, out Statx found)
    {
        return statx(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_MODE | STATX_UID | STATX_INO, out found) == 0 ? 0 : -Marshal.GetLastPInvokeError();
    }

    /// <summary>Looks at what is open: 0, or below zero the negated <c>errno</c>.</summary>
    /// <param name="file">The open file, or whatever it is.</param>
    /// <param name="found">All that is told of one at a path, its size, and when it last changed, be it only its mode.</param>
    public static int Look(SafeFileHandle file, out Statx found)
    {
        return statx(file, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MODE | STATX_UID | STATX_INO | STATX_SIZE | STATX_CTIME, out found) == 0 ? 0 : -Marshal.GetLastPInvokeError();
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle dirfd, string pathname, int flags, uint mask, out Statx statxbuf);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int dirfd, string pathname, int flags, uint mask, out Statx statxbuf);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    internal struct Statx
    {
        [FieldOffset(20)] public uint stx_uid;
        [FieldOffset(28)] public ushort stx_mode;
        [FieldOffset(32)] public ulong stx_ino;
        [FieldOffset(40)] public ulong stx_size;
        [FieldOffset(96)] public long stx_ctime_sec;
        [FieldOffset(104)] public uint stx_ctime_nsec;
        [FieldOffset(136)] public uint stx_dev_major;
        [FieldOffset(140)] public uint stx_dev_minor;

        /// <summary>The file system, as one number.</summary>
        public readonly ulong Device => ((ulong)stx_dev_major << 32) | stx_dev_minor;
    }
}
