using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public sealed class FileWatchTests : IDisposable
{
    private readonly ManualTime time = new();
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly FileWatch watch;
    private int changes;

    public FileWatchTests() => watch = new FileWatch(() => changes++, time);

    private string Path => System.IO.Path.Combine(folder.FullName, "fairlead.yaml");

    [Fact]
    public void A_file_whose_time_lies_in_the_future_has_not_changed()
    {
        File.WriteAllText(Path, "one");
        File.SetLastWriteTimeUtc(Path, DateTime.UtcNow + TimeSpan.FromHours(1));
        watch.Watch([Path], [], DateTime.UtcNow);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, changes);

        // As any other, it changes by another time.
        File.SetLastWriteTimeUtc(Path, DateTime.UtcNow + TimeSpan.FromHours(2));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, changes);
    }

    [Fact]
    public void A_file_that_may_have_been_written_while_it_was_read_is_told_of_once()
    {
        File.WriteAllText(Path, "one");
        watch.Watch([Path], [], DateTime.UtcNow);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, changes);
    }

    [Fact]
    public void A_change_is_told_of_when_it_has_come_to_rest()
    {
        var state = 0;
        watch.Watch(() => $"{state}", isKnown: true);
        for (state = 1; state <= 5; state++)
            time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, changes);
        state = 5;
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, changes);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(1, changes);
    }

    [Fact]
    public void Nothing_is_told_of_what_is_not_watched_any_more()
    {
        var state = 0;
        watch.Watch(() => $"{state}", isKnown: true);
        watch.Rest();
        state = 1;
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, changes);
    }

    public void Dispose()
    {
        watch.Dispose();
        folder.Delete(recursive: true);
    }
}
