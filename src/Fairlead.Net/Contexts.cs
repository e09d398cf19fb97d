namespace Fairlead.Net;

/// <summary>Running things where a connection or an acceptor belongs.</summary>
internal static class Contexts
{
    /// <summary>Whether the caller is where one call runs after the other: on an event loop, or in a context that is like one.</summary>
    public static bool IsSerialHere => SerialContext.Current is not null || (OperatingSystem.IsLinux() && EventLoop.Current is not null);

    /// <summary>Runs an action there, some time later; at once where any thread will do.</summary>
    public static void Run(this SynchronizationContext? context, Action action)
    {
        if (context is null)
            action();
        else
            context.Post(static work => ((Action)work!)(), action);
    }

    /// <summary>Runs an action there: at once where the caller is there already or any thread will do, else some time later.</summary>
    public static void RunThere(this SynchronizationContext? context, Action action)
    {
        if (context is null || context == SynchronizationContext.Current)
            action();
        else
            context.Run(action);
    }

    /// <summary>Runs an asynchronous function there; completes as it does.</summary>
    public static Task RunAsync(this SynchronizationContext? context, Func<Task> function)
    {
        if (context is null)
            return Task.Run(function);
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        context.Run(() => _ = CompleteAsync(function, done));
        return done.Task;
    }

    // Never faults: how the function ended is in what it completes.
    private static async Task CompleteAsync(Func<Task> function, TaskCompletionSource done)
    {
        try
        {
            await function();
            done.SetResult();
        }
        catch (Exception e)
        {
            done.SetException(e);
        }
    }
}
