using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests;

public sealed class OpenFailuresTests
{
    [Theory]
    [InlineData(SshOpenFailure.ConnectFailed, "Connection refused", DialOutcome.Refused, 5)]
    [InlineData(SshOpenFailure.ConnectFailed, "Connection timed out", DialOutcome.TimedOut, 6)]
    [InlineData(SshOpenFailure.ConnectFailed, "dial tcp: i/o timeout", DialOutcome.TimedOut, 6)]
    [InlineData(SshOpenFailure.ConnectFailed, "Network is unreachable", DialOutcome.Unreachable, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "No route to host", DialOutcome.Unreachable, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "Name or service not known", DialOutcome.NameUnknown, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "unknown host (mail)", DialOutcome.NameUnknown, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "No address associated with hostname", DialOutcome.NameUnknown, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "Temporary failure in name resolution", DialOutcome.NameUnknown, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "x cannot be looked up", DialOutcome.NameUnknown, 4)]
    [InlineData(SshOpenFailure.ConnectFailed, "", DialOutcome.Failed, 1)]
    [InlineData(SshOpenFailure.AdministrativelyProhibited, "open failed", DialOutcome.NotAllowed, 2)]
    [InlineData(SshOpenFailure.ResourceShortage, "Connection refused", DialOutcome.NoResources, 1)]
    [InlineData(SshOpenFailure.UnknownChannelType, "Connection refused", DialOutcome.NotSupported, 7)]
    [InlineData((SshOpenFailure)77, "", DialOutcome.Failed, 1)]
    public void Each_is_an_outcome_and_a_number_of_SOCKS(SshOpenFailure failure, string words, DialOutcome outcome, byte socks)
    {
        Assert.Equal(outcome, OpenFailures.ToOutcome(failure, words));
        Assert.Equal(socks, (byte)SocksReplies.To5(outcome));
    }

    [Theory, InlineData(DialOutcome.Refused), InlineData(DialOutcome.Unreachable), InlineData(DialOutcome.TimedOut), InlineData(DialOutcome.NameUnknown), InlineData(DialOutcome.NotAllowed), InlineData(DialOutcome.NoResources)]
    public void What_the_hub_tells_a_tunnel_of_ours_understands(DialOutcome outcome)
    {
        var (failure, words) = OpenFailures.Of(outcome);
        Assert.Equal(outcome, OpenFailures.ToOutcome(failure, words));
    }
}
