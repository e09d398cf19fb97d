using Fairlead.Net;

namespace Fairlead.Tests.Protocols.Socks;

public sealed class SocksRepliesTests
{
    [Theory]
    [InlineData(DialOutcome.Connected, 0x00, 0x5a)]
    [InlineData(DialOutcome.Refused, 0x05, 0x5b)]
    [InlineData(DialOutcome.Unreachable, 0x04, 0x5b)]
    [InlineData(DialOutcome.TimedOut, 0x06, 0x5b)]
    [InlineData(DialOutcome.NameUnknown, 0x04, 0x5b)]
    [InlineData(DialOutcome.NoLocalAddress, 0x01, 0x5b)]
    [InlineData(DialOutcome.NoResources, 0x01, 0x5b)]
    [InlineData(DialOutcome.Busy, 0x01, 0x5b)]
    [InlineData(DialOutcome.Cancelled, 0x01, 0x5b)]
    [InlineData(DialOutcome.NotAllowed, 0x02, 0x5b)]
    [InlineData(DialOutcome.Failed, 0x01, 0x5b)]
    public void A_client_is_told_how_the_dial_ended(DialOutcome outcome, byte code5, byte code4)
    {
        Assert.Equal(code5, SocksReplies.To5(outcome));
        Assert.Equal(code4, SocksReplies.To4(outcome));
    }

    [Theory]
    [InlineData(0x00, DialOutcome.Connected)]
    [InlineData(0x01, DialOutcome.Failed)]
    [InlineData(0x02, DialOutcome.NotAllowed)]
    [InlineData(0x03, DialOutcome.Unreachable)]
    [InlineData(0x04, DialOutcome.Unreachable)]
    [InlineData(0x05, DialOutcome.Refused)]
    [InlineData(0x06, DialOutcome.TimedOut)]
    [InlineData(0x07, DialOutcome.NotSupported)]
    [InlineData(0x08, DialOutcome.Failed)]
    [InlineData(0xF0, DialOutcome.Failed)]
    public void A_SOCKS5_proxy_is_understood(byte code, DialOutcome outcome) => Assert.Equal(outcome, SocksReplies.From5(code));

    [Theory]
    [InlineData(0x5a, DialOutcome.Connected)]
    [InlineData(0x5b, DialOutcome.Failed)]
    [InlineData(0x5c, DialOutcome.NotAllowed)]
    [InlineData(0x5d, DialOutcome.NotAllowed)]
    [InlineData(0x00, DialOutcome.Failed)]
    public void A_SOCKS4_proxy_is_understood(byte code, DialOutcome outcome) => Assert.Equal(outcome, SocksReplies.From4(code));

    [Fact]
    public void Every_code_has_words()
    {
        Assert.All(Enumerable.Range(0, 256), code => Assert.NotEmpty(SocksReplies.Words5((byte)code)));
        Assert.Equal(("connection refused", "failure 0xf0"), (SocksReplies.Words5(5), SocksReplies.Words5(0xF0)));
        Assert.Equal(("granted", "failure 0x00"), (SocksReplies.Words4(0x5a), SocksReplies.Words4(0)));
    }
}
