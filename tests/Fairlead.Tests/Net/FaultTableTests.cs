using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class FaultTableTests
{
    [Theory]
    [InlineData(SocketError.TooManyOpenSockets, nameof(AcceptRemedy.Pause))]
    [InlineData(SocketError.NoBufferSpaceAvailable, nameof(AcceptRemedy.Pause))]
    [InlineData(SocketError.SocketError, nameof(AcceptRemedy.Pause))]
    [InlineData(SocketError.ConnectionAborted, nameof(AcceptRemedy.CarryOn))]
    [InlineData(SocketError.NetworkDown, nameof(AcceptRemedy.CarryOn))]
    [InlineData(SocketError.HostUnreachable, nameof(AcceptRemedy.CarryOn))]
    [InlineData(SocketError.AccessDenied, nameof(AcceptRemedy.CarryOn))]
    [InlineData(SocketError.OperationAborted, nameof(AcceptRemedy.Stop))]
    [InlineData(SocketError.InvalidArgument, nameof(AcceptRemedy.Stop))]
    [InlineData(SocketError.NotSocket, nameof(AcceptRemedy.Stop))]
    public void A_failed_accept_has_its_remedy(SocketError error, string remedy) =>
        Assert.Equal(remedy, AcceptFault.Decide(error).ToString());

    [Fact]
    public void A_pause_lasts_a_twentieth_to_a_seventh_of_a_second()
    {
        for (var i = 0; i < 1000; i++)
            Assert.InRange(AcceptFault.NextPause().TotalMilliseconds, 50, 150);
    }

    [Theory]
    [InlineData(SocketError.ConnectionRefused, AddressFamily.InterNetwork, DialOutcome.Refused)]
    [InlineData(SocketError.ConnectionRefused, AddressFamily.Unix, DialOutcome.Refused)]
    [InlineData(SocketError.ConnectionReset, AddressFamily.InterNetwork, DialOutcome.Refused)]
    [InlineData(SocketError.AddressNotAvailable, AddressFamily.InterNetwork, DialOutcome.NoLocalAddress)]
    [InlineData(SocketError.AddressNotAvailable, AddressFamily.Unix, DialOutcome.Refused)]
    [InlineData(SocketError.WouldBlock, AddressFamily.InterNetworkV6, DialOutcome.NoResources)]
    [InlineData(SocketError.WouldBlock, AddressFamily.Unix, DialOutcome.Busy)]
    [InlineData(SocketError.NetworkUnreachable, AddressFamily.InterNetwork, DialOutcome.Unreachable)]
    [InlineData(SocketError.AddressFamilyNotSupported, AddressFamily.InterNetworkV6, DialOutcome.Unreachable)]
    [InlineData(SocketError.TimedOut, AddressFamily.InterNetwork, DialOutcome.TimedOut)]
    [InlineData(SocketError.TooManyOpenSockets, AddressFamily.InterNetwork, DialOutcome.NoResources)]
    [InlineData(SocketError.OperationAborted, AddressFamily.InterNetwork, DialOutcome.Cancelled)]
    [InlineData(SocketError.AccessDenied, AddressFamily.Unix, DialOutcome.Failed)]
    public void A_failed_dial_has_its_word(SocketError error, AddressFamily family, DialOutcome outcome) =>
        Assert.Equal(outcome, DialOutcomes.From(error, family));

    [Theory]
    [InlineData(SocketError.ConnectionReset, ConnectionError.Reset)]
    [InlineData(SocketError.Shutdown, ConnectionError.Reset)]
    [InlineData(SocketError.ConnectionAborted, ConnectionError.Reset)]
    [InlineData(SocketError.OperationAborted, ConnectionError.Aborted)]
    [InlineData(SocketError.TimedOut, ConnectionError.TimedOut)]
    [InlineData(SocketError.HostUnreachable, ConnectionError.Unreachable)]
    [InlineData(SocketError.NetworkUnreachable, ConnectionError.Unreachable)]
    [InlineData(SocketError.MessageSize, ConnectionError.Failed)]
    public void A_broken_connection_has_its_word(SocketError error, ConnectionError word) =>
        Assert.Equal(word, ConnectionErrors.From(error));
}
