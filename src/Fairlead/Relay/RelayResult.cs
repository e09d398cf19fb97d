namespace Fairlead;

/// <summary>The two ends of a session.</summary>
public enum Side
{
    /// <summary>Neither: Fairlead itself.</summary>
    Fairlead,

    /// <summary>Who connected to a listen.</summary>
    Client,

    /// <summary>Who was dialled.</summary>
    Upstream,
}

/// <summary>How a relay ended.</summary>
public enum RelayEnd
{
    /// <summary>Both sides completed their writes, and every byte was passed on.</summary>
    Closed,

    /// <summary>A side reset its connection, so the other's was reset too.</summary>
    Reset,

    /// <summary>A side stopped answering, or cannot be reached any more.</summary>
    Lost,

    /// <summary>Silence for too long.</summary>
    Idle,

    /// <summary>One direction had ended, and the other was silent for too long.</summary>
    HalfClosed,

    /// <summary>It was told to stop.</summary>
    Stopped,

    /// <summary>Something else went wrong; a bug, or a system in trouble.</summary>
    Fault,
}

/// <summary>What became of a relay: a value, because the network is not exceptional.</summary>
/// <param name="End">How it ended.</param>
/// <param name="By">
/// Whose doing that was. For <see cref="RelayEnd.Closed"/>: who completed its writes first.
/// </param>
/// <param name="BytesFromClient">Bytes that the upstream's connection took.</param>
/// <param name="BytesFromUpstream">Bytes that the client's connection took.</param>
public sealed record RelayResult(RelayEnd End, Side By, long BytesFromClient, long BytesFromUpstream);
