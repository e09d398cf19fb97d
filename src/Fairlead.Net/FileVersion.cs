using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Net;

/// <summary>Which file it is, and as it is since when: two that are equal have the same bytes, owner and mode.</summary>
/// <param name="Device">The file system it is on.</param>
/// <param name="Number">Its inode number.</param>
/// <param name="Length">In bytes.</param>
/// <param name="Changed">When anything of it last changed (<c>ctime</c>), in nanoseconds since 1970.</param>
internal readonly record struct FileVersion(ulong Device, ulong Number, ulong Length, long Changed)
{
    // Times of files go forward in steps, of 10 ms, and with some file systems of two seconds: within one, a file may change and its time not.
    private static readonly TimeSpan step = TimeSpan.FromSeconds(2);

    /// <summary>Looks.</summary>
    /// <param name="file">The open file.</param>
    /// <param name="now">The time of the system.</param>
    /// <returns>Null where that cannot be told, or where the file has changed so lately that it may change again under the same time.</returns>
    [SupportedOSPlatform("linux")]
    public static FileVersion? Of(SafeFileHandle file, DateTimeOffset now)
    {
        if (UnixStat.Look(file, out var found) != 0)
            return null;
        var changed = (found.stx_ctime_sec * 1_000_000_000) + found.stx_ctime_nsec;
        if (now - DateTimeOffset.UnixEpoch.AddTicks(changed / TimeSpan.NanosecondsPerTick) < step)
            return null;
        return new FileVersion(found.Device, found.stx_ino, found.stx_size, changed);
    }
}
