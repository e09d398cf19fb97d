using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// The standard input and output of a command as a connection (<c>ProxyCommand</c> of ssh_config(5)). The command ends with it: it is killed, and the process that is left is waited
/// for by the runtime.
/// </summary>
internal sealed class CommandConnection : Connection
{
    // What it says on standard error goes to the log: so many lines of so many characters, then no more.
    private const int MostLines = 100, MostCharacters = Printable.Limit;

    private readonly Process process;
    private readonly Stream input, output;
    private readonly CancellationTokenSource closing = new();
    private readonly SynchronizationContext? context;
    private int closed;

    private CommandConnection(Process process, SynchronizationContext? context)
    {
        (this.process, this.context) = (process, context);
        (input, output) = (process.StandardInput.BaseStream, process.StandardOutput.BaseStream);
    }

    /// <inheritdoc/>
    public override EndPoint? LocalEndPoint => null;

    /// <inheritdoc/>
    public override EndPoint? RemoteEndPoint => null;

    /// <inheritdoc/>
    public override SynchronizationContext? Context => context;

    /// <summary>Starts a command. Blocks as long as that takes the system.</summary>
    /// <param name="command">What the user's shell is given; the shell is replaced by it.</param>
    /// <param name="context">Where the connection belongs.</param>
    /// <param name="say">Told, from any thread, what the command says on standard error.</param>
    /// <param name="end">Told, from any thread, of a status other than 0 with which it ends by itself.</param>
    /// <returns>A connection, or why there is none.</returns>
    public static DialResult Start(string command, SynchronizationContext? context, Action<string> say, Action<int> end)
    {
        var start = ShellCommand.StartInfo($"exec {command}");
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        try
        {
            var connection = new CommandConnection(Process.Start(start)!, context);
            _ = connection.WatchAsync(say, end);
            return DialResult.To(connection);
        }
        catch (Exception error) when (error is Win32Exception or IOException)
        {
            return new DialResult(DialOutcome.Failed, null, $"the shell {start.FileName} cannot be run: {error.Message.TrimEnd('.')}");
        }
    }

    /// <inheritdoc/>
    protected override async ValueTask<int> ReadCoreAsync(Memory<byte> buffer)
    {
        try
        {
            return await output.ReadAsync(buffer, closing.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            await input.WriteAsync(bytes, closing.Token).ConfigureAwait(false);
            await input.FlushAsync(closing.Token).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw Broken(error);
        }
    }

    /// <inheritdoc/>
    public override ValueTask CompleteWritesAsync()
    {
        input.Dispose();
        return default;
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        if (Interlocked.Exchange(ref closed, 1) != 0)
            return;
        closing.Cancel();
        try
        {
            process.Kill();
        }
        catch (Exception error) when (error is InvalidOperationException or Win32Exception)
        {
            // It has ended by itself.
        }
        input.Dispose();
        output.Dispose();
    }

    /// <inheritdoc/>
    public override void Dispose() => Abort();

    // Until it has ended and nobody can say anything any more, or nobody wants to hear it. Never throws.
    private async Task WatchAsync(Action<string> say, Action<int> end)
    {
        try
        {
            await HearAsync(process.StandardError, say).ConfigureAwait(false);
            await process.WaitForExitAsync(closing.Token).ConfigureAwait(false);
            if (process.ExitCode != 0 && Volatile.Read(ref closed) == 0)
                end(process.ExitCode);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            // The connection is closed.
        }
        finally
        {
            process.Dispose();
        }
    }

    private async Task HearAsync(StreamReader errors, Action<string> say)
    {
        var (buffer, line, lines) = (new char[1024], new StringBuilder(), 0);
        int count;
        do
        {
            count = await errors.ReadAsync(buffer, closing.Token).ConfigureAwait(false);
            for (var i = 0; i < count; i++)
            {
                if (buffer[i] is '\n')
                    Tell();
                else if (line.Length <= MostCharacters)
                    line.Append(buffer[i]);
            }
        }
        while (count > 0);
        Tell();

        void Tell()
        {
            if (line.ToString().Trim() is { Length: > 0 } text && lines++ < MostLines)
                say(text);
            line.Clear();
        }
    }

    private ConnectionException Broken(Exception cause) => Volatile.Read(ref closed) != 0
        ? new ConnectionException(ConnectionError.Aborted, "The connection was closed at this end.", cause)
        : new ConnectionException(ConnectionError.Reset, "The command does not take or give any more.", cause);
}
