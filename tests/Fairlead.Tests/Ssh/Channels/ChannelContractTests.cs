using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests.Ssh;

/// <summary>Channels as connections, over connections inside the process.</summary>
public abstract class ChannelContract(int window, int packet, long rekeyBytes) : ConnectionContract
{
    protected override Task RunAsync(Func<Task> test) => new SerialContext().RunAsync(test);

    protected override int Holds => Math.Min(window, 16 << 10);

    protected override int Bulk => Math.Min(window * 200, base.Bulk);

    protected override async Task<(Connection First, Connection Second)> ConnectAsync()
    {
        var pair = await SshPair.ConnectAsync(
            client => client with { ChannelWindow = window, ChannelPacket = packet, RekeyBytes = rekeyBytes },
            server => server with { ChannelWindow = window, ChannelPacket = packet, RekeyBytes = rekeyBytes });
        return await pair.OpenAsync();
    }
}

public sealed class ChannelTests() : ChannelContract(2 << 20, 32 << 10, 1L << 30);

public sealed class ChannelOfOnePacketTests() : ChannelContract(100, 100, 1L << 30);

public sealed class ChannelWithKeysExchangedAllTheTimeTests() : ChannelContract(64 << 10, 8 << 10, 100 << 10);

/// <summary>Channels of connections between native sockets, with a relay between them.</summary>
public sealed class SshRelayRig(NetworkRig network, int window, int packet, long rekeyBytes) : NetworkRelayRig(network)
{
    private readonly List<SshPair> pairs = [];

    public override int Bulk => Math.Min(window * 100, base.Bulk);

    // The windows do not grow here; what the relay and the packets on their way hold does not depend on them.
    public override int MoreThanFits => Math.Max(window * 4, 4 << 20);

    public override async Task<(Connection Outer, Connection Inner)> ConnectAsync(Side side)
    {
        var (outer, inner) = await base.ConnectAsync(side);
        var (near, far) = side == Side.Client ? (outer, inner) : (inner, outer);
        var pair = await SshPair.ConnectAsync(near, far,
            client => client with { ChannelWindow = window, MaxChannelWindow = window, ChannelPacket = packet, RekeyBytes = rekeyBytes },
            server => server with { ChannelWindow = window, MaxChannelWindow = window, ChannelPacket = packet, RekeyBytes = rekeyBytes });
        pairs.Add(pair);
        var (opened, accepted) = await pair.OpenAsync();
        return side == Side.Client ? (opened, accepted) : (accepted, opened);
    }

    public override Relay Make(Connection client, Connection upstream, RelayOptions options)
    {
        var relay = Relay.Between(client, upstream, options);
        Assert.IsType<CopyRelay>(relay);
        return relay;
    }

    // The window limits it.
    public override void Limit(Connection connection)
    {
    }
}

[SupportedOSPlatform("linux")]
public sealed class RelayOverChannelsTests() : RelayContract(new SshRelayRig(new NativeTcpRig(), 64 << 10, 32 << 10, 1L << 30));

[SupportedOSPlatform("linux")]
public sealed class RelayOverChannelsWithKeysExchangedTests() : RelayContract(new SshRelayRig(new NativeTcpRig(), 64 << 10, 16 << 10, 300 << 10));
