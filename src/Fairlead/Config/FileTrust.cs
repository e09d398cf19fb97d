using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// What root may read orders from: a file that nobody else can write, rename or replace, as OpenSSH asks it of keys. Every folder on the way counts, and where links
/// lead.
/// </summary>
internal static class FileTrust
{
    /// <summary><c>MAXSYMLINKS</c> of the kernel.</summary>
    private const int MostLinks = 40;

    /// <summary>What is wrong with a file for who runs this process; null if nothing is, and for others than root.</summary>
    /// <param name="path">An absolute path.</param>
    public static string? Fault(string path) => OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? Fault(path, owner: 0) : null;

    /// <summary>What is wrong with a file that only one user and root may be able to change.</summary>
    /// <param name="path">An absolute path.</param>
    /// <param name="owner">The user.</param>
    /// <exception cref="IOException">Something on the way cannot be looked at.</exception>
    [SupportedOSPlatform("linux")]
    internal static string? Fault(string path, uint owner)
    {
        var steps = new Stack<string>(path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse());
        var (here, folder, links) = ("/", UnixPermissions.At("/"), 0);
        while (steps.TryPop(out var step))
        {
            if (step == ".")
                continue;
            if (step == "..")
            {
                here = Path.GetDirectoryName(here) ?? "/";
                folder = UnixPermissions.At(here);
                continue;
            }
            var next = Path.Combine(here, step);
            var found = UnixPermissions.At(next);
            if (FolderFault(here, folder, found.Owner, owner) is { } fault)
                return fault;
            if (found.IsLink)
            {
                if (++links > MostLinks)
                    return $"{Show(path)} leads through more than {MostLinks} links";
                var target = File.ResolveLinkTarget(next, returnFinalTarget: false) is not null ? new FileInfo(next).LinkTarget! : "";
                foreach (var part in target.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse())
                    steps.Push(part);
                if (target.StartsWith('/'))
                    (here, folder) = ("/", UnixPermissions.At("/"));
                continue;
            }
            (here, folder) = (next, found);
        }
        if (!Is(folder.Owner, owner))
            return $"{Show(here)} belongs to user {folder.Owner}, who could have root do anything; run: chown root {Show(here)}";
        return folder.IsWritableByOthers ? $"{Show(here)} can be written by others than root, who could have root do anything; run: chmod go-w {Show(here)}" : null;
    }

    /// <summary>In a sticky folder, like /tmp, others cannot touch what is root's.</summary>
    private static string? FolderFault(string path, UnixPermissions folder, uint entryOwner, uint owner)
    {
        if (!Is(folder.Owner, owner))
            return $"the folder {Show(path)} belongs to user {folder.Owner}, who could put another file there; keep the configuration in a folder of root's, like /etc/fairlead";
        if (folder.IsWritableByOthers && !(folder.IsSticky && Is(entryOwner, owner)))
            return $"the folder {Show(path)} can be written by others than root, who could put another file there; run: chmod go-w {Show(path)}, or keep the configuration in /etc/fairlead";
        return null;
    }

    private static bool Is(uint found, uint owner) => found == 0 || found == owner;

    private static string Show(string path) => Printable.Escape(path, 4096);
}
