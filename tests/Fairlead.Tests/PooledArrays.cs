using System.Diagnostics.Tracing;

namespace Fairlead.Tests;

/// <summary>Counts arrays of the shared pools that were taken and not given back, of the whole process: it says something only where nothing else runs.</summary>
internal sealed class PooledArrays : EventListener
{
    private const int BufferRented = 1, BufferReturned = 3;

    private long outstanding;

    /// <summary>How many there are, of those that were taken since it began to count.</summary>
    public long Outstanding => Interlocked.Read(ref outstanding);

    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == "System.Buffers.ArrayPoolEventSource")
            EnableEvents(eventSource, EventLevel.Verbose);
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData.EventId == BufferRented)
            Interlocked.Increment(ref outstanding);
        else if (eventData.EventId == BufferReturned)
            Interlocked.Decrement(ref outstanding);
    }
}
