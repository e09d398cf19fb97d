using Fairlead.Ssh;

namespace Fairlead;

/// <summary>What the far end of a tunnel is asked to listen on, which outlives the tunnel's connections: each new one is asked for it again.</summary>
internal interface IRemoteListen
{
    /// <summary>What is asked for, as it is shown.</summary>
    string Text { get; }

    /// <summary>Asks the far end. Where the connection lives.</summary>
    Task<RemoteListening> AskAsync(SshConnection connection);
}

/// <summary>What became of asking.</summary>
/// <param name="IsOver">Whether the connection ended before there was an answer.</param>
/// <param name="Text">What is listened on, as it is shown; null: it was refused.</param>
/// <param name="GiveUpAsync">Has the far end listen no more; null where it does not.</param>
/// <param name="Over">Completes when the far end has ceased to listen by itself while the connection stands; null where it does not say so.</param>
internal readonly record struct RemoteListening(bool IsOver, string? Text = null, Func<Task>? GiveUpAsync = null, Task? Over = null);
