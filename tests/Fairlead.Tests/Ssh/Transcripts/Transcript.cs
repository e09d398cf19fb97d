using System.Globalization;

namespace Fairlead.Tests.Ssh;

/// <summary>All bytes that went over a connection, of both ends and in their order.</summary>
/// <remarks>As a file: a line <c>target PORT</c>, then a line for all that one end said before the other said something: <c>&gt;</c> what this end sent, or <c>&lt;</c> what the peer did, and Base64.</remarks>
internal sealed class Transcript
{
    private readonly List<(bool IsSent, List<byte> Bytes)> turns = [];

    /// <summary>The port that this end asked to be connected to.</summary>
    public int Target { get; init; }

    /// <summary>What either end said, in turns.</summary>
    public IEnumerable<(bool IsSent, byte[] Bytes)> Turns => turns.Select(turn => (turn.IsSent, turn.Bytes.ToArray()));

    /// <summary>Takes down what was sent, or has come.</summary>
    public void Add(bool isSent, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
            return;
        if (turns.Count == 0 || turns[^1].IsSent != isSent)
            turns.Add((isSent, []));
        turns[^1].Bytes.AddRange(bytes);
    }

    public static Transcript Read(string path)
    {
        var lines = File.ReadAllLines(path);
        var transcript = new Transcript { Target = int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture) };
        foreach (var line in lines[1..])
            transcript.Add(line[0] == '>', Convert.FromBase64String(line[2..]));
        return transcript;
    }

    public void Write(string path) =>
        File.WriteAllLines(path, turns.Select(turn => $"{(turn.IsSent ? '>' : '<')} {Convert.ToBase64String([.. turn.Bytes])}").Prepend($"target {Target}"));
}
