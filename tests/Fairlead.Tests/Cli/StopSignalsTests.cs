using System.Runtime.InteropServices;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class StopSignalsTests
{
    [Theory]
    [InlineData(PosixSignal.SIGINT)]
    [InlineData(PosixSignal.SIGTERM)]
    [InlineData(PosixSignal.SIGHUP)]
    public void The_first_signal_asks_and_the_second_insists(PosixSignal first)
    {
        using var signals = new StopSignals();
        Assert.False(signals.Asked.IsCompleted);

        signals.Receive(first);
        Assert.True(signals.Asked.IsCompleted);
        Assert.False(signals.AtOnce.IsCancellationRequested);

        signals.Receive(PosixSignal.SIGTERM);
        Assert.True(signals.AtOnce.IsCancellationRequested);
    }

    [Fact]
    public void A_terminal_that_closes_twice_does_not_insist()
    {
        using var signals = new StopSignals();

        signals.Receive(PosixSignal.SIGHUP);
        signals.Receive(PosixSignal.SIGHUP);

        Assert.False(signals.AtOnce.IsCancellationRequested);
    }
}
