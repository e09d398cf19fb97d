using System.Runtime.CompilerServices;

namespace Fairlead.Net;

/// <summary>Runs one call after the other, each on some thread of the pool: what happens there alone needs no lock, though no thread is its own.</summary>
internal sealed class SerialContext : SynchronizationContext, IThreadPoolWorkItem
{
    // So many calls, then others who want the thread have their turn.
    private const int MostATurn = 64;

    private static readonly SendOrPostCallback resume = static continuation => ((Action)continuation!)();

    private readonly Lock gate = new();
    private readonly Queue<(SendOrPostCallback Call, object? State)> calls = [];
    private bool isRunning;

    /// <summary>The one that the caller runs in; null elsewhere.</summary>
    public static new SerialContext? Current => SynchronizationContext.Current as SerialContext;

    /// <summary>Runs a call behind those that were posted before. From any thread.</summary>
    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (gate)
        {
            calls.Enqueue((d, state));
            if (isRunning)
                return;
            isRunning = true;
        }
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Runs a call and waits for its end; at once where the caller runs here already.</summary>
    public override void Send(SendOrPostCallback d, object? state)
    {
        if (Current == this)
        {
            d(state);
            return;
        }
        var done = new TaskCompletionSource();
        Post(
            _ =>
            {
                try
                {
                    d(state);
                    done.SetResult();
                }
                catch (Exception e)
                {
                    done.SetException(e);
                }
            },
            null);
        done.Task.GetAwaiter().GetResult();
    }

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;

    /// <summary>What follows the await runs here, behind what was posted before.</summary>
    public Turn NextTurn() => new(this);

    void IThreadPoolWorkItem.Execute()
    {
        var outside = SynchronizationContext.Current;
        SetSynchronizationContext(this);
        try
        {
            for (var i = 0; i < MostATurn; i++)
            {
                (SendOrPostCallback Call, object? State) next;
                lock (gate)
                {
                    if (!calls.TryDequeue(out next))
                    {
                        isRunning = false;
                        return;
                    }
                }
                next.Call(next.State);
            }
        }
        finally
        {
            SetSynchronizationContext(outside);
        }
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Awaits the turn without an object for it.</summary>
    public readonly struct Turn(SerialContext context) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Turn GetAwaiter() => this;

        public void GetResult()
        {
        }

        public void OnCompleted(Action continuation) => context.Post(resume, continuation);

        public void UnsafeOnCompleted(Action continuation) => context.Post(resume, continuation);
    }
}
