using System.Net.Sockets;

namespace Fairlead.Tests;

/// <summary>What the log says of accepting that is paused.</summary>
public class PauseLogTests
{
    [Fact]
    public void Pauses_are_told_once_a_minute_with_how_many_were_not()
    {
        var (time, log) = (new ManualTime(), new List<LogEntry>());
        var pauses = new PauseLog(log.Add, time);
        for (var i = 0; i < 4; i++)
            pauses.Tell(":80", SocketError.NoBufferSpaceAvailable);
        time.Advance(TimeSpan.FromSeconds(59));
        pauses.Tell(":81", SocketError.NoBufferSpaceAvailable);
        Assert.Single(log);
        time.Advance(TimeSpan.FromSeconds(1));
        pauses.Tell(":81", SocketError.NoBufferSpaceAvailable);

        Assert.Equal(
            ["accepting on :80 is paused for a moment: the system has no memory for a connection (ENOBUFS)", "accepting on :81 is paused for a moment: the system has no memory for a connection (ENOBUFS) (4 pauses before it are not shown)"],
            log.Select(entry => entry.Message));
    }

    [Theory]
    [InlineData(SocketError.TooManyOpenSockets, true, "this process has no descriptor left (EMFILE); raise its limit (ulimit -Hn, LimitNOFILE= in the unit)")]
    [InlineData(SocketError.TooManyOpenSockets, false, "the system has no descriptor left (ENFILE); raise fs.file-max, or find who holds them")]
    [InlineData(SocketError.NoBufferSpaceAvailable, false, "the system has no memory for a connection (ENOBUFS)")]
    public void The_reason_says_who_lacks_what(SocketError error, bool isOwn, string expected) => Assert.Equal(expected, PauseLog.Reason(error, isOwn));
}
