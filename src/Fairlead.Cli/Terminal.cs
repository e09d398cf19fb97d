using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cli;

/// <summary>Asks whoever sits at the terminal that this process was started from (tty(4)), whatever its standard streams are. Linux only.</summary>
internal static partial class Terminal
{
    // A passphrase is a sentence at the most.
    private const int MostBytes = 1024;

    // fcntl.h, poll.h and termios.h, the same on x86-64 and arm64.
    private const int O_RDWR = 0x2, O_NOCTTY = 0x100, O_CLOEXEC = 0x80000, TCSAFLUSH = 2;
    private const short POLLIN = 1;
    private const uint ECHO = 0x8;

    // struct termios: four words of flags, of which c_lflag is the last; the rest is put back as it was.
    private const int TermiosWords = 15, LocalFlags = 3;

    // How soon a question that is taken back is over.
    private const int PollMilliseconds = 100;

    private static readonly SemaphoreSlim turn = new(1);

    /// <summary>Whom to ask; null: there is no terminal.</summary>
    public static AskUser? Ask => OperatingSystem.IsLinux() && HasTerminal() ? static (text, isShown, cancel) => Task.Run(() => AskInTurnAsync(text, isShown, cancel), CancellationToken.None) : null;

    [SupportedOSPlatform("linux")]
    private static bool HasTerminal()
    {
        using var terminal = Open();
        return terminal is not null;
    }

    // One question at a time, whichever tunnel asks.
    private static async Task<string?> AskInTurnAsync(string text, bool isShown, CancellationToken cancel)
    {
        try
        {
            await turn.WaitAsync(cancel);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        try
        {
            // A person types for as long as a person types: not on a thread that others wait for.
            return await Task.Factory.StartNew(() => AskNow(text, isShown, cancel), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        finally
        {
            turn.Release();
        }
    }

    private static string? AskNow(string text, bool isShown, CancellationToken cancel)
    {
        using var terminal = Open();
        if (terminal is null)
            return null;
        Write(terminal, text);
        if (isShown)
            return ReadLine(terminal, cancel);
        using var silence = new Silence(terminal);
        var line = ReadLine(terminal, cancel);
        // The one that was typed is not seen either.
        Write(terminal, "\n");
        return line;
    }

    private static SafeFileHandle? Open()
    {
        var descriptor = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC, 0);
        return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : null;
    }

    private static unsafe void Write(SafeFileHandle terminal, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        fixed (byte* at = bytes)
            _ = write(terminal, at, (nuint)bytes.Length);
    }

    // Null: it was taken back, or the terminal has gone, or more was typed than anybody means to.
    private static unsafe string? ReadLine(SafeFileHandle terminal, CancellationToken cancel)
    {
        Span<byte> line = stackalloc byte[MostBytes];
        try
        {
            for (var length = 0; length < MostBytes;)
            {
                var wait = new PollDescriptor { Descriptor = (int)terminal.DangerousGetHandle(), Events = POLLIN };
                var ready = poll(&wait, 1, PollMilliseconds);
                if (cancel.IsCancellationRequested)
                    return null;
                if (ready <= 0)
                    continue;
                fixed (byte* at = line)
                {
                    if (read(terminal, at + length, 1) != 1)
                        return null;
                }
                if (line[length] == '\n')
                    return Encoding.UTF8.GetString(line[..length]);
                length++;
            }
            return null;
        }
        finally
        {
            line.Clear();
        }
    }

    /// <summary>What is typed is not shown, until it is disposed of or the process ends.</summary>
    private sealed unsafe class Silence : IDisposable
    {
        private readonly SafeFileHandle terminal;
        private readonly uint[] before = new uint[TermiosWords];

        public Silence(SafeFileHandle terminal)
        {
            this.terminal = terminal;
            fixed (uint* flags = before)
                _ = tcgetattr(terminal, flags);
            AppDomain.CurrentDomain.ProcessExit += OnExit;
            var silent = (uint[])before.Clone();
            silent[LocalFlags] &= ~ECHO;
            Set(silent);
        }

        public void Dispose()
        {
            Set(before);
            AppDomain.CurrentDomain.ProcessExit -= OnExit;
        }

        private void OnExit(object? sender, EventArgs e) => Set(before);

        private void Set(uint[] termios)
        {
            fixed (uint* flags = termios)
                _ = tcsetattr(terminal, TCSAFLUSH, flags);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events, Returned;
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string pathname, int flags, int mode);

    [LibraryImport("libc")]
    private static unsafe partial int poll(PollDescriptor* fds, nuint nfds, int timeout);

    [LibraryImport("libc")]
    private static unsafe partial nint read(SafeFileHandle fd, byte* buf, nuint count);

    [LibraryImport("libc")]
    private static unsafe partial nint write(SafeFileHandle fd, byte* buf, nuint count);

    [LibraryImport("libc")]
    private static unsafe partial int tcgetattr(SafeFileHandle fd, uint* termios_p);

    [LibraryImport("libc")]
    private static unsafe partial int tcsetattr(SafeFileHandle fd, int optional_actions, uint* termios_p);
}
