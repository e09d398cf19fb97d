using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Channels;

namespace Fairlead.Cli;

/// <summary>
/// The terminal while <c>top</c> has it: the alternate screen, without a cursor, and its keys. However the program ends or is suspended, the terminal
/// is given back as it was.
/// </summary>
internal sealed class TopScreen : IDisposable
{
    // xterm's private modes: 1049 the alternate screen, 25 the cursor.
    private const string Enter = "\e[?1049h\e[?25l";
    private const string Leave = "\e[?25h\e[?1049l";

    private readonly Channel<ConsoleKeyInfo> keys = Channel.CreateBounded<ConsoleKeyInfo>(new BoundedChannelOptions(16) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly CancellationTokenSource ended = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly Stream output = Console.OpenStandardOutput();
    private readonly Lock gate = new();
    private bool isEntered;
    private Task<bool>? nextKey;

    public TopScreen()
    {
        AppDomain.CurrentDomain.ProcessExit += GiveBack;
        foreach (var signal in new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT })
            registrations.Add(PosixSignalRegistration.Create(signal, End));
        if (!OperatingSystem.IsWindows())
        {
            // The shell shall find its own screen; and the page be drawn again when it is in front again.
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTSTP, _ => Switch(false)));
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGCONT, _ => Switch(true)));
            registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => keys.Writer.TryWrite(default)));
        }
        Switch(true);
        // A background thread: one that waits for a key keeps no process alive.
        if (!Console.IsInputRedirected)
            new Thread(ReadKeys) { IsBackground = true, Name = "keys" }.Start();
    }

    /// <summary>Cancelled when a signal asks for the end.</summary>
    public CancellationToken Ended => ended.Token;

    public static int Height => Console.WindowHeight > 0 ? Console.WindowHeight : 24;

    /// <summary>Shows a page in one write, over the one before it.</summary>
    public void Draw(IReadOnlyList<string> lines)
    {
        var page = new StringBuilder("\e[H");
        for (var i = 0; i < lines.Count; i++)
            page.Append(i == 0 ? "" : "\r\n").Append(lines[i]).Append("\e[K");
        Write(page.Append("\e[J").ToString());
    }

    /// <summary>Waits for a key.</summary>
    /// <returns>The key, the default one where only the size has changed; null when the time is over.</returns>
    public async Task<ConsoleKeyInfo?> WaitForKeyAsync(Task timeOver)
    {
        // Asked for once, however often the time is over before it comes.
        nextKey ??= keys.Reader.WaitToReadAsync(Ended).AsTask();
        await Task.WhenAny(nextKey, timeOver).ConfigureAwait(false);
        Ended.ThrowIfCancellationRequested();
        if (!nextKey.IsCompleted)
            return null;
        nextKey = null;
        return keys.Reader.TryRead(out var pressed) ? pressed : null;
    }

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        Switch(false);
        AppDomain.CurrentDomain.ProcessExit -= GiveBack;
    }

    private void GiveBack(object? sender, EventArgs e) => Switch(false);

    private void End(PosixSignalContext context)
    {
        context.Cancel = true;
        ended.Cancel();
    }

    private void Switch(bool enter)
    {
        lock (gate)
        {
            if (isEntered == enter)
                return;
            isEntered = enter;
        }
        Write(enter ? Enter : Leave);
        keys.Writer.TryWrite(default);
    }

    private void ReadKeys()
    {
        try
        {
            while (true)
                keys.Writer.TryWrite(Console.ReadKey(intercept: true));
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // The keyboard is gone; signals still end it.
        }
    }

    private void Write(string text)
    {
        try
        {
            output.Write(Encoding.UTF8.GetBytes(text));
            output.Flush();
        }
        catch (IOException)
        {
            // The terminal has closed, and its signal follows.
        }
    }
}
