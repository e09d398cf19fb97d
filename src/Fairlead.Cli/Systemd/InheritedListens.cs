using System.Globalization;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Cli;

/// <summary>A socket that was listening before the program started.</summary>
/// <param name="Name">What the unit calls it (<c>FileDescriptorName=</c>, else the unit's name); not unique, and <c>unknown</c> where nobody named it.</param>
/// <param name="Descriptor">Open, not inherited by children any more, and owned by who took it.</param>
internal readonly record struct InheritedListen(string Name, int Descriptor);

/// <summary>The sockets of socket activation: <c>LISTEN_PID</c>, <c>LISTEN_FDS</c> and <c>LISTEN_FDNAMES</c> as sd_listen_fds(3) reads them.</summary>
internal static class InheritedListens
{
    /// <summary>SD_LISTEN_FDS_START: the first descriptor behind standard error.</summary>
    public const int First = 3;

    /// <summary>The most sockets that are taken; a process is given fewer descriptors than this by most systems.</summary>
    public const int Limit = 4096;

    /// <summary>The longest name that systemd lets a unit give (systemd.socket(5)).</summary>
    public const int NameLimit = 255;

    /// <summary>
    /// Takes the sockets over, once: the variables are unset, so that no child believes they were meant for it, and the descriptors are
    /// closed in whatever program a child becomes. To be called before the first child and before descriptors are opened.
    /// </summary>
    /// <param name="warning">Why what was passed cannot be used; null if all is well or nothing was passed.</param>
    /// <returns>In the order of their descriptors; empty if there are none, if they are for another process, or with a <paramref name="warning"/>.</returns>
    [SupportedOSPlatform("linux")]
    public static IReadOnlyList<InheritedListen> Take(out string? warning)
    {
        var (pid, count, names) = (ServiceVariables.Take("LISTEN_PID"), ServiceVariables.Take("LISTEN_FDS"), ServiceVariables.Take("LISTEN_FDNAMES"));
        ServiceVariables.Take("LISTEN_PIDFDID"); // since systemd 259, beside LISTEN_PID
        var listens = Read(pid, count, names, Environment.ProcessId, out warning);
        foreach (var listen in listens)
        {
            if (Libc.fcntl(listen.Descriptor, Libc.F_GETFD, 0) is var flags and >= 0 && Libc.fcntl(listen.Descriptor, Libc.F_SETFD, flags | Libc.FD_CLOEXEC) >= 0)
                continue;
            warning = string.Create(CultureInfo.InvariantCulture, $"LISTEN_FDS says {listens.Count}, but descriptor {listen.Descriptor} is not open: no inherited socket is used");
            return [];
        }
        return listens;
    }

    /// <summary>What the variables mean for a process, without touching a descriptor.</summary>
    /// <param name="pid">LISTEN_PID, or null where it is unset; so the others.</param>
    /// <param name="count">LISTEN_FDS.</param>
    /// <param name="names">LISTEN_FDNAMES.</param>
    /// <param name="self">The id of the process that asks.</param>
    /// <param name="warning">As of <see cref="Take"/>.</param>
    public static IReadOnlyList<InheritedListen> Read(string? pid, string? count, string? names, int self, out string? warning)
    {
        warning = null;
        if (pid is null || count is null)
            return [];
        if (!ServiceVariables.TryNumber(pid, out var meant))
            return Refuse($"LISTEN_PID is '{Printable.Escape(pid)}', not a process id", out warning);
        if (meant != (ulong)self)
            return [];
        if (!ServiceVariables.TryNumber(count, out var sockets))
            return Refuse($"LISTEN_FDS is '{Printable.Escape(count)}', not a number", out warning);
        if (sockets > Limit)
            return Refuse(string.Create(CultureInfo.InvariantCulture, $"LISTEN_FDS is {sockets}, and at most {Limit} are taken"), out warning);

        var called = names?.Split(':') ?? [.. Enumerable.Repeat("unknown", (int)sockets)];
        // No socket has no name, yet an empty text splits into one.
        if (sockets == 0 && names is null or "")
            return [];
        if ((ulong)called.Length != sockets)
            return Refuse(string.Create(CultureInfo.InvariantCulture, $"LISTEN_FDNAMES has {called.Length} names for {sockets} sockets"), out warning);
        if (called.FirstOrDefault(name => name.Length > NameLimit || name.Any(c => c is < ' ' or > '~')) is { } odd)
            return Refuse($"LISTEN_FDNAMES has '{Printable.Escape(odd)}', which is not a name", out warning);
        return [.. called.Select((name, index) => new InheritedListen(name, First + index))];
    }

    private static IReadOnlyList<InheritedListen> Refuse(string reason, out string? warning)
    {
        warning = $"{reason}: no inherited socket is used";
        return [];
    }
}
