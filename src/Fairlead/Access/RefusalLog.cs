using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// Which refused clients are worth a line in the log: one a source a second, and ten a second of all together. Whoever refused clients come
/// from, and however many, what is remembered are the lines of the last second.
/// </summary>
internal sealed class RefusalLog(TimeProvider time)
{
    private const int MostLinesASecond = 10;
    private static readonly TimeSpan second = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private readonly Queue<(AddressKey Source, long Since)> lines = new(MostLinesASecond);
    private long leftOut;

    /// <summary>Whether a line about this refusal may be written.</summary>
    /// <param name="source">Who was refused.</param>
    /// <param name="leftOutBefore">How many refusals were left out since the last line, to be told in this one.</param>
    public bool MayTell(AddressKey source, out long leftOutBefore)
    {
        lock (gate)
        {
            while (lines.TryPeek(out var oldest) && time.GetElapsedTime(oldest.Since) >= second)
                lines.Dequeue();
            if (lines.Count == MostLinesASecond || IsTold(source))
            {
                leftOut++;
                leftOutBefore = 0;
                return false;
            }
            lines.Enqueue((source, time.GetTimestamp()));
            leftOutBefore = leftOut;
            leftOut = 0;
            return true;
        }
    }

    private bool IsTold(AddressKey source)
    {
        foreach (var line in lines)
        {
            if (line.Source == source)
                return true;
        }
        return false;
    }
}
