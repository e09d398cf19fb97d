using System.Runtime.CompilerServices;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>
/// Sessions that were recorded with OpenSSH and Dropbear, one for each algorithm and role, replayed without them: all that the peer said is fed in byte for byte, and all that this end says has to be, byte for byte, what
/// the peer took when it was recorded. How they are recorded: CONTRIBUTING.md.
/// </summary>
/// <remarks>
/// This end has the same keys and the same chance as then, so that it comes to the same secrets, and what the peer encrypted opens. It is the connection as the program uses it, from the first line to the last packet; a
/// recording of messages with the keys of the session would show only that they can be read.
/// </remarks>
public sealed class TranscriptTests
{
    public static TheoryData<string> Names => [.. TranscriptCase.All.Select(about => about.Name)];

    [Theory(Timeout = 60000), MemberData(nameof(Names))]
    public async Task What_a_real_peer_said_is_understood_and_answered_as_then(string name)
    {
        var about = TranscriptCase.All.Single(one => one.Name == name);
        var transcript = Transcript.Read(Path.Combine(Folder(), $"{name}.txt"));
        using var key = TranscriptSession.ReadKey(Folder(), about);
        await TranscriptSession.ReplayAsync(transcript, about, key);
    }

    [Fact(Timeout = 60000)]
    public async Task A_byte_that_is_another_than_then_is_noticed()
    {
        var about = TranscriptCase.All[0];
        var recorded = Transcript.Read(Path.Combine(Folder(), $"{about.Name}.txt"));
        using var key = TranscriptSession.ReadKey(Folder(), about);
        var turns = recorded.Turns.ToList();
        for (var i = 0; i < turns.Count; i++)
        {
            var changed = new Transcript { Target = recorded.Target };
            for (var j = 0; j < turns.Count; j++)
            {
                var bytes = turns[j].Bytes.ToArray();
                if (i == j)
                    bytes[bytes.Length / 2] ^= 1;
                changed.Add(turns[j].IsSent, bytes);
            }
            await Assert.ThrowsAnyAsync<Exception>(() => TranscriptSession.ReplayAsync(changed, about, key));
        }
    }

    [Fact]
    public void There_is_no_recording_of_anything_else() =>
        Assert.Equal(TranscriptCase.All.Select(about => $"{about.Name}.txt").Order(StringComparer.Ordinal), Directory.GetFiles(Folder(), "*.txt").Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void The_program_has_no_other_chance_than_the_systems()
    {
        var assemblies = new[] { typeof(SshRandom).Assembly, typeof(Forward).Assembly, typeof(Fairlead.Cli.CommandLine).Assembly };
        Assert.DoesNotContain(assemblies.SelectMany(assembly => assembly.GetTypes()), type => type.IsSubclassOf(typeof(SshRandom)));
    }

    private static string Folder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
