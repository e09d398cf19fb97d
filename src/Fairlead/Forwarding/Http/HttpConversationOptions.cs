using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What an HTTP conversation may do, and how long it waits.</summary>
internal sealed record HttpConversationOptions
{
    /// <summary>Connects to a target, if that is allowed.</summary>
    public required Func<EndPoint, ValueTask<DialResult>> Dial { get; init; }

    /// <summary>
    /// What is answered to a request without passing it on: that a password is wanted, the PAC file, that nothing is at a path. Null: it is passed on, or handed back if it
    /// is a CONNECT. Asked of every request.
    /// </summary>
    public required Func<HttpRequestHead, ValueTask<HttpAnswer?>> Answer { get; init; }

    /// <summary>Told how many bytes the upstream has taken of the client's (<see cref="Side.Client"/>), and the other way round; of both at the same time, perhaps on two threads.</summary>
    public required Action<Side, int> Passed { get; init; }

    /// <summary>What measures all of it.</summary>
    public required TimeProvider Time { get; init; }

    /// <summary>How long the head of a request may take, from its first byte on; and how long the first one is waited for.</summary>
    public TimeSpan Head { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long another request is waited for.</summary>
    public TimeSpan BetweenRequests { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Silence in both directions after which an exchange is given up; infinite: never.</summary>
    public TimeSpan Idle { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>The same once the client has completed its writes.</summary>
    public TimeSpan HalfClosed { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How fast bytes may pass; null: as fast as they can.</summary>
    public RelayRates? Rates { get; init; }
}

/// <summary>How an HTTP conversation ended.</summary>
/// <param name="End">How, in the words of a relay.</param>
/// <param name="By">Whose doing it was.</param>
/// <param name="Connect">
/// A CONNECT that is to be served: the client's connection is open and reads on behind the head, and <paramref name="End"/> means nothing. Null: the conversation is over, and what
/// could be said to the client has been.
/// </param>
/// <param name="Answer">The last answer that was not the upstream's; null: there was none.</param>
/// <param name="Requests">How many requests there were, that CONNECT and those without an answer included.</param>
internal sealed record HttpConversationResult(RelayEnd End, Side By, HttpRequestHead? Connect, HttpAnswer? Answer, long Requests);
