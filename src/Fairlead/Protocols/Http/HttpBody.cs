namespace Fairlead;

/// <summary>Follows one body while it is passed on, and tells which of the bytes that arrive belong to it.</summary>
internal sealed class HttpBody(HttpFraming framing)
{
    private readonly HttpChunks? chunks = framing.End == HttpBodyEnd.Chunks ? new HttpChunks() : null;
    private long left = framing.Length;

    /// <summary>Whether its last byte has been seen; never of one that the end of the connection ends.</summary>
    public bool IsComplete => framing.End switch
    {
        HttpBodyEnd.None => true,
        HttpBodyEnd.Length => left == 0,
        HttpBodyEnd.Chunks => chunks!.IsComplete,
        _ => false,
    };

    /// <summary>Whether an end of the connection at this place is its end, and not a body cut short.</summary>
    public bool MayEndHere => framing.End == HttpBodyEnd.Close || IsComplete;

    /// <summary>What is wrong with it; null if nothing is so far.</summary>
    public string? Fault => chunks?.Fault;

    /// <summary>Takes the next run of bytes that are all payload, or all the framing of chunks.</summary>
    /// <inheritdoc cref="HttpChunks.Next"/>
    public int Next(ReadOnlySpan<byte> bytes, out bool isPayload)
    {
        if (chunks is not null)
            return chunks.Next(bytes, out isPayload);
        isPayload = true;
        if (framing.End == HttpBodyEnd.Close)
            return bytes.Length;
        var length = (int)Math.Min(left, bytes.Length);
        left -= length;
        return length;
    }

    /// <summary>Takes as many bytes as belong to it, payload and framing. What follows them is somebody else's.</summary>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (taken < bytes.Length && Next(bytes[taken..], out _) is var length and > 0)
            taken += length;
        return taken;
    }
}
