using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

[SupportedOSPlatform("linux")]
public sealed class StreamSenseTests
{
    private static readonly DatagramPeer alice = new(AddressKey.Read([192, 0, 2, 1]), 1000, 0), bob = new(AddressKey.Read([192, 0, 2, 2]), 1000, 0);

    [Fact]
    public void A_few_of_one_peer_turn_after_turn_are_a_stream()
    {
        var sense = new StreamSense();
        Assert.Equal([false, false, false, true, true], Enumerable.Range(0, 5).Select(_ => Sense(ref sense, alice, bob, bob)));
        // One that answers ends it, and it has to begin anew.
        Assert.False(Sense(ref sense, alice));
        Assert.False(Sense(ref sense, bob, bob));
    }

    [Fact]
    public void Many_peers_with_one_each_are_questions()
    {
        var sense = new StreamSense();
        Assert.All(Enumerable.Range(0, 10), _ => Assert.False(Sense(ref sense, alice, bob, alice, bob)));
    }

    [Fact]
    public void A_large_batch_need_not_gather_and_does_not_end_a_stream()
    {
        var sense = new StreamSense();
        for (var i = 0; i < 4; i++)
            Assert.False(Sense(ref sense, [.. Enumerable.Repeat(alice, 40)]));
        Assert.True(Sense(ref sense, alice, alice));
        Assert.False(Sense(ref sense, [.. Enumerable.Repeat(alice, 40)]));
        Assert.True(Sense(ref sense, alice, alice));
    }

    [Fact]
    public void On_a_connected_socket_all_are_of_one_peer()
    {
        var sense = new StreamSense();
        var places = new DatagramPlace[2];
        for (var i = 0; i < 4; i++)
            Assert.Equal(i == 3, sense.IsOn(new DatagramReceiver.Arrival { Batch = new DatagramBatch([], places), IsLast = true }, isFirst: true, ofOnePeer: true));
        Assert.False(sense.IsOn(new DatagramReceiver.Arrival { Batch = new DatagramBatch([], places), IsLast = true }, isFirst: false, ofOnePeer: true));
    }

    private static bool Sense(ref StreamSense sense, params DatagramPeer[] peers) =>
        sense.IsOn(new DatagramReceiver.Arrival { Batch = new DatagramBatch([], new DatagramPlace[peers.Length]), Peers = peers, IsLast = true }, isFirst: true, ofOnePeer: false);
}
