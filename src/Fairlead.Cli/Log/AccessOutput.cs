namespace Fairlead.Cli;

/// <summary>Where lines of the access log go.</summary>
internal interface IAccessOutput : IDisposable
{
    /// <summary>Writes, and waits until it is done or has failed.</summary>
    /// <param name="bytes">Whole lines.</param>
    /// <param name="error">Null, or the system's words for why not all was written.</param>
    /// <returns>How many bytes were written for certain.</returns>
    int Write(ReadOnlySpan<byte> bytes, out string? error);
}

/// <summary>A stream, like standard output; stays the caller's.</summary>
internal sealed class StreamOutput(Stream stream) : IAccessOutput
{
    public int Write(ReadOnlySpan<byte> bytes, out string? error)
    {
        error = null;
        try
        {
            stream.Write(bytes);
            stream.Flush();
            return bytes.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            error = e.Message.TrimEnd('.');
            return 0;
        }
    }

    public void Dispose()
    {
        // It is somebody else's.
    }
}
