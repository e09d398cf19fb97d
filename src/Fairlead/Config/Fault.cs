namespace Fairlead;

/// <summary>What is wrong with a forward, or with what stands beside the forwards, and at which key.</summary>
/// <param name="Key">The key, as a path: <c>timeouts.connect</c>, <c>routes[0].to[1].weight</c>. A key that is not written stands for the map that lacks it.</param>
/// <param name="Message">What was found, what is expected and how to write it, without naming the forward.</param>
internal sealed record Fault(string Key, string Message)
{
    /// <summary>Stands for the number of a forward where the key is one of the file itself.</summary>
    public const int OfFile = -1;

    /// <summary>Which of the forwards, from 0, or <see cref="OfFile"/>.</summary>
    public int Forward { get; init; }

    /// <summary>The key, as a path, for want of which it is wrong; null where nothing is missing.</summary>
    public string? Lacks { get; init; }

    /// <summary>The other of two keys that contradict each other; null where one is wrong by itself.</summary>
    public Contradiction? Other { get; init; }
}

/// <summary>The other of two keys that contradict each other.</summary>
/// <param name="Forward">Which of the forwards it is a key of, from 0, or <see cref="Fault.OfFile"/>.</param>
/// <param name="Key">The key, as a path.</param>
/// <param name="Message">The error at whichever of the two stands first, given the place of the second.</param>
internal sealed record Contradiction(int Forward, string Key, Func<Place, string> Message);
