using System.Globalization;
using System.Runtime.InteropServices;

namespace Fairlead.Cli;

/// <summary>
/// The signals that end the program: the first asks it to stop, a second one to do so at once. Made before the program says that it
/// is ready, and disposed when it has stopped.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    private readonly TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly CancellationTokenSource atOnce = new();
    private readonly List<PosixSignalRegistration> registrations = [];

    /// <summary>Takes the signals over from the system, which would kill the process.</summary>
    /// <param name="onHangUp">What SIGHUP asks for, where it is not a stop.</param>
    public void Register(Action? onHangUp = null)
    {
        Register(PosixSignal.SIGINT, () => Receive(PosixSignal.SIGINT));
        Register(PosixSignal.SIGTERM, () => Receive(PosixSignal.SIGTERM));
        // A program that was started with nohup outlives its terminal.
        if (onHangUp is not null || !IsHangUpIgnored())
            Register(PosixSignal.SIGHUP, onHangUp ?? (() => Receive(PosixSignal.SIGHUP)));
    }

    /// <summary>Completes with the first signal.</summary>
    public Task Asked => asked.Task;

    /// <summary>Cancelled with the second.</summary>
    public CancellationToken AtOnce => atOnce.Token;

    /// <summary>Asks for a stop as a signal would; or for one at once.</summary>
    public void Ask(bool atOnce)
    {
        asked.TrySetResult();
        if (atOnce)
            this.atOnce.Cancel();
    }

    public void Receive(PosixSignal signal)
    {
        // A terminal that closes may send its signal twice, by the kernel and by the shell; nobody means that as impatience.
        if (!asked.TrySetResult() && signal != PosixSignal.SIGHUP)
            atOnce.Cancel();
    }

    // The source of the second signal is left to the collector: a handler may still be on its way to it.
    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private void Register(PosixSignal signal, Action received)
    {
        registrations.Add(PosixSignalRegistration.Create(signal, context =>
        {
            context.Cancel = true;
            received();
        }));
    }

    /// <summary>Whether the process was started with SIGHUP ignored: bit 0 of SigIgn in proc(5).</summary>
    private static bool IsHangUpIgnored()
    {
        const string Name = "SigIgn:";
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
            return line is not null && (ulong.Parse(line.AsSpan(Name.Length), NumberStyles.AllowHexSpecifier | NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) & 1) != 0;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException)
        {
            return false;
        }
    }
}
