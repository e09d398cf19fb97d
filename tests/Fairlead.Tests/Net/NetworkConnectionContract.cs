using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

/// <summary>What the connections of every <see cref="INetwork"/> do besides.</summary>
public abstract class NetworkConnectionContract(NetworkRig rig) : ConnectionContract, IDisposable
{
    protected NetworkRig Rig { get; } = rig;

    protected override bool HasReset => Rig.HasReset;

    protected override Task RunAsync(Func<Task> test) => Rig.RunAsync(test);

    protected override async Task<(Connection, Connection)> ConnectAsync() => await Rig.ConnectAsync();

    [Fact(Timeout = 30000)]
    public Task Addresses_name_both_ends_and_the_peers_outlive_the_connection() => RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var dialled = await Rig.DialAsync(acceptor.LocalEndPoint);
        var accepted = await NetworkRig.AcceptAsync(acceptor);
        var (near, far) = (dialled.LocalEndPoint, accepted.LocalEndPoint);
        dialled.Dispose();
        accepted.Abort();
        Assert.Equal(acceptor.LocalEndPoint, dialled.RemoteEndPoint);
        Assert.Equal(acceptor.LocalEndPoint, far);
        Assert.Equal(near, accepted.RemoteEndPoint);

        // A Unix client has no name of its own.
        if (acceptor.LocalEndPoint is UnixDomainSocketEndPoint)
            Assert.Null(near);
        else
            Assert.NotEqual(0, ((IPEndPoint)near!).Port);
    });

    [Fact(Timeout = 30000)]
    public Task The_peers_key_is_its_address_and_costs_nothing_to_ask_for() => RunAsync(async () =>
    {
        var (dialled, accepted) = await Rig.ConnectAsync();
        accepted.Abort();
        foreach (var connection in new[] { dialled, accepted })
        {
            var expected = AddressKey.Of((connection.RemoteEndPoint as IPEndPoint)?.Address);
            var before = GC.GetAllocatedBytesForCurrentThread();
            var key = connection.RemoteKey;
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.Equal(expected, key);
        }
        dialled.Dispose();
    });

    public void Dispose() => Rig.Dispose();
}

/// <summary>What is so for TCP only.</summary>
public abstract class TcpConnectionContract(TcpRig rig) : NetworkConnectionContract(rig)
{
    [Fact(Timeout = 30000)]
    public Task An_IPv4_client_of_a_dual_stack_listener_has_an_IPv4_address() => RunAsync(async () =>
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "There is no IPv6 here.");
        using var acceptor = Rig.Listen(new IPEndPoint(IPAddress.IPv6Any, 0));
        var port = ((IPEndPoint)acceptor.LocalEndPoint).Port;
        foreach (var loopback in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            using var dialled = await Rig.DialAsync(new IPEndPoint(loopback, port));
            using var accepted = await NetworkRig.AcceptAsync(acceptor);
            Assert.Equal(new IPEndPoint(loopback, port), accepted.LocalEndPoint);
            Assert.Equal(dialled.LocalEndPoint, accepted.RemoteEndPoint);
            Assert.Equal(AddressKey.Of(loopback), accepted.RemoteKey);
        }
    });

    [Fact(Timeout = 30000)]
    public Task An_IPv4_target_in_the_clothes_of_IPv6_is_dialled_as_IPv4() => RunAsync(async () =>
    {
        using var acceptor = Rig.Listen();
        var target = (IPEndPoint)acceptor.LocalEndPoint;
        using var dialled = await Rig.DialAsync(new IPEndPoint(target.Address.MapToIPv6(), target.Port));
        Assert.Equal(target, dialled.RemoteEndPoint);
    });
}
