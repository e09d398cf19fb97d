using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Net;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Ssh;

/// <summary>Reads and extends files of keys as OpenSSH does: only files, of some size at most, and none that those can change, or read, who must not. Blocks.</summary>
internal static partial class KeyFiles
{
    /// <summary>Of a private key: the largest has 13 KB.</summary>
    public const int MostBytes = 1 << 20;

    /// <summary>Of a list of keys: of 50,000 hosts or users, with 300 bytes each.</summary>
    public const int MostListBytes = 16 << 20;

    // inode(7): the permission bits of the group and of others; and all of them.
    private const int OfOthers = 0b111_111, Permissions = 0b111_111_111;

    // fcntl.h, the same on x86-64 and arm64
    private const int O_RDONLY = 0x0, O_RDWR = 0x2, O_CREAT = 0x40, O_NOCTTY = 0x100, O_APPEND = 0x400, O_NONBLOCK = 0x800, O_CLOEXEC = 0x80000;

    // errno.h
    private const int EPERM = 1, EACCES = 13;

    private const UnixFileMode OwnerAlone = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Reads a file that holds a secret. The caller wipes it.</summary>
    /// <exception cref="SshKeyException">
    /// It cannot be read, or, if it belongs to this user, others may read or write it: somebody may know the secret. The message names it, and the remedy.
    /// </exception>
    public static byte[] Read(string path)
    {
        // As OpenSSH does: whose file somebody else keeps, like a container's secrets, cannot change its mode, and has to trust him.
        return Read(path, MostBytes, found => found.Owner != geteuid() || (found.Mode & OfOthers) == 0 ? null
            : $"can be read or written by others than its owner (mode {Octal(found)}), and is to be secret; run: chmod 600 {Shell(path)}") ?? throw Missing(path);
    }

    /// <summary>Reads a list of keys that decides who may come in.</summary>
    /// <param name="path">The file.</param>
    /// <param name="known">The version that need not be read again; null: whatever it is.</param>
    /// <param name="now">The time of the system.</param>
    /// <param name="version">The version that was found; null where the next one might look the same.</param>
    /// <returns>Null if the version is the known one.</returns>
    /// <exception cref="SshKeyException">It cannot be read, or others than this user and root may write it; the message names it, and the remedy.</exception>
    public static string? ReadOwnersList(string path, FileVersion? known, DateTimeOffset now, out FileVersion? version)
    {
        using var file = Open(path, found =>
        {
            if (found.IsWritableByOthers)
                return $"can be written by others than its owner (mode {Octal(found)}), who could let themselves in; run: chmod go-w {Shell(path)}";
            return found.Owner == 0 || found.Owner == geteuid() ? null : $"belongs to user {found.Owner}, who could let himself in; run: chown {geteuid()} {Shell(path)}";
        }) ?? throw Missing(path);
        version = OperatingSystem.IsLinux() ? FileVersion.Of(file, now) : null;
        return version is not null && version == known ? null : Text(Read(path, file, MostListBytes));
    }

    /// <summary>Reads a list of keys.</summary>
    /// <returns>Null if there is no such file.</returns>
    /// <exception cref="SshKeyException">It cannot be read; the message names it, and the remedy.</exception>
    public static string? ReadList(string path) => Read(path, MostListBytes, static _ => null) is { } bytes ? Text(bytes) : null;

    /// <summary>Reads a text of settings.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">How many bytes it has at the most.</param>
    /// <param name="isOwners">Whether others than this user and root must not be able to write it.</param>
    /// <exception cref="SshKeyException">It cannot be read, or others may write it; the message names it, and the remedy.</exception>
    public static string ReadSettings(string path, int most, bool isOwners)
    {
        return Text(Read(path, most, found => !isOwners ? null
            : found.IsWritableByOthers ? $"can be written by others than its owner (mode {Octal(found)}), who could lead connections elsewhere; run: chmod go-w {Shell(path)}"
            : found.Owner == 0 || found.Owner == geteuid() ? null : $"belongs to user {found.Owner}, who could lead connections elsewhere; run: chown {geteuid()} {Shell(path)}") ?? throw new SshKeyException($"{Shown(path)} does not exist; write the path of a file that is there"));
    }

    /// <summary>
    /// Adds a line at the end of a file, whoever else does at the same time, and behind a line break if the file ends without one. A file that is not there is made
    /// for its owner alone (mode 0600), and so is its folder (mode 0700).
    /// </summary>
    /// <param name="path">The file. Where it is a link, what the link leads to.</param>
    /// <param name="line">The line, without a break.</param>
    /// <exception cref="SshKeyException">It cannot be written; the message names it and the reason.</exception>
    public static void Append(string path, string line)
    {
        try
        {
            var absolute = Path.GetFullPath(path);
            RefuseFolder(path, Directory.Exists(absolute));
            MakeFolder(Path.GetDirectoryName(absolute)!);
            // The class library's way to append looks for the end of the file first, and writes there, whatever others have written since.
            using var file = OperatingSystem.IsLinux() ? Open(absolute, O_RDWR | O_CREAT | O_APPEND) : File.OpenHandle(absolute, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            if (OperatingSystem.IsLinux())
                RefuseOthers(path, UnixPermissions.Of(file));
            var length = RandomAccess.GetLength(file);
            Span<byte> last = [(byte)'\n'];
            if (length > 0)
                RandomAccess.Read(file, last, length - 1);

            // In one call, so that nobody's line comes between. The offset is not used by what is open to append.
            RandomAccess.Write(file, Encoding.UTF8.GetBytes(last[0] == '\n' ? line + "\n" : "\n" + line + "\n"), length);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new SshKeyException($"{Shown(path)} cannot be written: {Reason(error)}", error);
        }
    }

    /// <summary>Changes a list of keys that belongs to this user: another file with the same mode takes its place, so that nobody ever reads half of it.</summary>
    /// <param name="path">The file. Where it is a link, what the link leads to.</param>
    /// <param name="change">What is to be in it instead of what is.</param>
    /// <exception cref="SshKeyException">It cannot be written, or belongs to somebody else; the message names it and the reason.</exception>
    public static void Rewrite(string path, Func<string, string> change)
    {
        var text = ReadList(path) ?? throw Missing(path);
        var beside = "";
        try
        {
            var absolute = Path.GetFullPath(path);
            absolute = File.ResolveLinkTarget(absolute, returnFinalTarget: true)?.FullName ?? absolute;
            beside = $"{absolute}.{Path.GetRandomFileName()}";
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
            if (OperatingSystem.IsLinux() && UnixPermissions.At(absolute, follow: true).Owner != geteuid())
                throw new SshKeyException($"{Shown(path)} belongs to another user, and is left as it is");
            if (!OperatingSystem.IsWindows())
                options.UnixCreateMode = File.GetUnixFileMode(absolute);
            using (var file = new FileStream(beside, options))
            {
                file.Write(Encoding.UTF8.GetBytes(change(text)));
                file.Flush(flushToDisk: true);
            }
            File.Move(beside, absolute, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            if (beside.Length > 0)
                File.Delete(beside);
            throw new SshKeyException($"{Shown(path)} cannot be written: {Reason(error)}", error);
        }
    }

    /// <summary>A path as a message may have it.</summary>
    public static string Shown(string path) => KeyLines.Shown(path, 4096);

    /// <summary>A word as a POSIX shell takes it; what a message must not have in it is left out as in <see cref="Shown"/>.</summary>
    public static string Shell(string word)
    {
        var shown = Shown(word);
        var isPlain = shown.Length > 0 && shown.All(static character => char.IsAsciiLetterOrDigit(character) || "-_./:@%+=,".Contains(character, StringComparison.Ordinal));
        return isPlain ? shown : $"'{shown.Replace("'", @"'\''", StringComparison.Ordinal)}'";
    }

    private static byte[]? Read(string path, int most, Func<UnixPermissions, string?> fault)
    {
        using var file = Open(path, fault);
        return file is null ? null : Read(path, file, most);
    }

    private static byte[] Read(string path, SafeFileHandle file, int most)
    {
        try
        {
            var length = RandomAccess.GetLength(file);
            if (length > most)
                throw new SshKeyException($"{Shown(path)} is larger than {most >> 10} KiB, which is the most that is read; write the path of another file");
            var bytes = GC.AllocateUninitializedArray<byte>((int)length, pinned: true);
            var count = 0;
            while (count < bytes.Length && RandomAccess.Read(file, bytes.AsSpan(count), count) is var read and > 0)
                count += read;
            if (count == bytes.Length)
                return bytes;
            CryptographicOperations.ZeroMemory(bytes);
            throw new IOException("it became shorter while it was read");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SshKeyException($"{Shown(path)} cannot be read: {Reason(error)}", error);
        }
    }

    // Null: there is none. What is open is looked at, and not what stands at the path then.
    private static SafeFileHandle? Open(string path, Func<UnixPermissions, string?> fault)
    {
        SafeFileHandle? file = null;
        try
        {
            var absolute = Path.GetFullPath(path);
            if (UnixFile.At(absolute) is null)
                return null;
            if (!OperatingSystem.IsLinux())
            {
                RefuseFolder(path, Directory.Exists(absolute));
                return File.OpenHandle(absolute, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            }
            file = Open(absolute, O_RDONLY);
            var found = UnixPermissions.Of(file);
            RefuseOthers(path, found);
            if (fault(found) is { } complaint)
                throw new SshKeyException($"{Shown(path)} {complaint}");
            return file;
        }
        catch (Exception error)
        {
            file?.Dispose();
            if (error is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
                throw new SshKeyException($"{Shown(path)} cannot be read: {Reason(error)}", error);
            throw;
        }
    }

    // A pipe would be waited for, and a device may have no end.
    private static void RefuseOthers(string path, UnixPermissions found)
    {
        RefuseFolder(path, found.IsFolder);
        if (!found.IsRegular)
            throw new SshKeyException($"{Shown(path)} is not a file; write the path of one");
    }

    private static void RefuseFolder(string path, bool isFolder)
    {
        if (isFolder)
            throw new SshKeyException($"{Shown(path)} is a folder; write the path of a file");
    }

    private static void MakeFolder(string folder)
    {
        if (Directory.Exists(folder))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(folder);
        else
            Directory.CreateDirectory(folder, OwnerAlone | UnixFileMode.UserExecute);
    }

    // Nobody is waited for, and no terminal becomes this process's.
    [SupportedOSPlatform("linux")]
    private static SafeFileHandle Open(string path, int flags)
    {
        var descriptor = open(path, flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, (int)OwnerAlone);
        if (descriptor >= 0)
            return new SafeFileHandle(descriptor, ownsHandle: true);
        var error = Marshal.GetLastPInvokeError();
        throw error is EACCES or EPERM ? new UnauthorizedAccessException() : new IOException(Marshal.GetPInvokeErrorMessage(error));
    }

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static string Octal(UnixPermissions found) => Convert.ToString(found.Mode & Permissions, 8).PadLeft(4, '0');

    private static SshKeyException Missing(string path) => new($"{Shown(path)} does not exist; write the path of a file of keys");

    private static string Reason(Exception error) => error is UnauthorizedAccessException ? "permission denied" : KeyLines.Shown(error.Message.TrimEnd('.'), 4096);

    [LibraryImport("libc")]
    private static partial uint geteuid();

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags, int mode);
}
