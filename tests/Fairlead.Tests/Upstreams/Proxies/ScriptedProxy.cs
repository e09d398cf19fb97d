using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A proxy that says what the test says, over connections inside the process. It is reached whatever address is dialled.</summary>
/// <param name="script">Its side of a conversation.</param>
internal sealed class ScriptedProxy(Func<Connection, Task> script) : IDialer
{
    /// <summary>What was dialled, in its order.</summary>
    public List<EndPoint> Dialled { get; } = [];

    /// <summary>The client's end of the last connection.</summary>
    public MemoryConnection? Near { get; private set; }

    /// <summary>The proxy's.</summary>
    public MemoryConnection? Far { get; private set; }

    /// <summary>The last conversation.</summary>
    public Task Script { get; private set; } = Task.CompletedTask;

    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        Dialled.Add(target);
        (Near, Far) = MemoryConnection.CreatePair();
        Script = script(Far);
        return new(DialResult.To(Near));
    }

    /// <summary>Whether the client has reset the connection, or closed it. What it had said before is passed over.</summary>
    public async Task<bool> IsResetAsync() => (await Traffic.DrainAsync(Far!)).Error == ConnectionError.Reset;

    /// <summary>Writes byte by byte, each to be read before the next.</summary>
    public static async Task DribbleAsync(Connection connection, byte[] bytes)
    {
        foreach (var one in bytes)
        {
            await connection.WriteAsync(new[] { one });
            await Task.Yield();
        }
    }
}

/// <summary>A dial that fails.</summary>
internal sealed class FailingDialer(DialResult result) : IDialer
{
    public ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default) => new(result);
}
