using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Net;

/// <summary>Who may do what with the file at a path, links not followed; see inode(7).</summary>
/// <param name="Owner">The user that owns it.</param>
/// <param name="Mode">Its type and permission bits.</param>
internal readonly record struct UnixPermissions(uint Owner, ushort Mode)
{
    // linux/stat.h
    private const ushort S_IFMT = 0xF000, S_IFDIR = 0x4000, S_IFREG = 0x8000, S_IFLNK = 0xA000, S_ISVTX = 0x200, S_IWGRP = 0x10, S_IWOTH = 0x2;

    public bool IsFolder => (Mode & S_IFMT) == S_IFDIR;

    public bool IsRegular => (Mode & S_IFMT) == S_IFREG;

    public bool IsLink => (Mode & S_IFMT) == S_IFLNK;

    /// <summary>Whether only the owner of an entry of this folder, and the folder's, may rename or remove it.</summary>
    public bool IsSticky => (Mode & S_ISVTX) != 0;

    /// <summary>Whether its group or everybody may write to it.</summary>
    public bool IsWritableByOthers => (Mode & (S_IWGRP | S_IWOTH)) != 0;

    /// <summary>Looks.</summary>
    /// <param name="path">The path.</param>
    /// <param name="follow">Whether a link stands for what it leads to.</param>
    /// <exception cref="IOException">It cannot be looked at, also because nothing is there; the message is the system's reason.</exception>
    [SupportedOSPlatform("linux")]
    public static UnixPermissions At(string path, bool follow = false)
    {
        var error = UnixStat.Look(path, follow, out var found);
        return error == 0 ? new UnixPermissions(found.stx_uid, found.stx_mode) : throw new IOException(Marshal.GetPInvokeErrorMessage(-error));
    }

    /// <summary>Looks at what is open, which nobody can put something else in the place of.</summary>
    /// <exception cref="IOException">It cannot be looked at; the message is the system's reason.</exception>
    [SupportedOSPlatform("linux")]
    public static UnixPermissions Of(SafeFileHandle file)
    {
        var error = UnixStat.Look(file, out var found);
        return error == 0 ? new UnixPermissions(found.stx_uid, found.stx_mode) : throw new IOException(Marshal.GetPInvokeErrorMessage(-error));
    }
}
