using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>The real packet filter, in a network namespace of the test with a client in another.</summary>
public sealed class InputFilterTests
{
    [Theory(Timeout = 60000)]
    [InlineData("table inet filter { chain input { type filter hook input priority 0; policy drop; ct state established,related accept; iif lo accept; tcp dport 22 accept; }; }", 1)]
    [InlineData("table ip filter { chain input { type filter hook input priority 0; policy accept; ct state vmap { established : accept, related : accept, invalid : drop }; ip protocol icmp accept; drop; }; }", 1)]
    [InlineData("table inet early { chain raw { type filter hook prerouting priority -300; tcp dport != 22 drop; }; }; table ip late { chain own { tcp dport { 22, 80 } accept; }; chain input { type filter hook input priority 10; policy drop; meta l4proto tcp goto own; }; }", 2)]
    [InlineData("table inet filter { set open { type inet_service; flags interval; elements = { 22, 100-200 }; }; chain input { type filter hook input priority 0; policy drop; tcp dport @open accept; udp dport 53 accept; tcp flags & (fin|syn|rst|ack) == syn tcp dport 443 accept; }; }", 1)]
    public async Task The_command_of_a_warning_lets_a_connection_in(string rules, int chains)
    {
        var nft = RequireNft();
        using var machine = new TwoMachines();
        await machine.RunAsync(nft, $"{rules}; table inet watch {{ counter seen {{ }}; chain before {{ type filter hook prerouting priority -400; tcp flags syn counter name seen; }}; }}");
        using var listener = machine.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 0));
            socket.Listen();
            return socket;
        });
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        IReadOnlyList<string> Warnings() => machine.Inside(() => InputFilter.Warnings([(IPAddress.Any, port, false, $":{port}"), (IPAddress.IPv6Any, port, false, $":{port}")]));

        using var client = machine.Outside(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        var connecting = client.ConnectAsync(TwoMachines.Address, port, TestContext.Current.CancellationToken).AsTask();
        while ((await machine.RunAsync(nft, "list counter inet watch seen")).Contains("packets 0", StringComparison.Ordinal))
            await Task.Yield();
        Assert.False(connecting.IsCompleted);
        var warnings = Warnings();
        Assert.Equal(chains, warnings.Count);

        foreach (var warning in warnings)
        {
            var command = warning[warning.IndexOf("nft insert rule", StringComparison.Ordinal)..];
            await machine.RunAsync("/bin/sh", "-c", command);
        }
        Assert.Empty(Warnings());
        // The kernel sends the first segment again after a second; nobody else has to.
        await connecting;
        using var accepted = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        Assert.Equal(client.LocalEndPoint, accepted.RemoteEndPoint);
    }

    [Fact(Timeout = 60000)]
    public async Task What_is_foretold_for_UDP_comes_true()
    {
        var nft = RequireNft();
        using var machine = new TwoMachines();
        using var listener = machine.Inside(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Any, 0));
            return socket;
        });
        var port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        await machine.RunAsync(nft, $"table inet filter {{ chain input {{ type filter hook input priority 0; policy drop; tcp dport {port} accept; meta l4proto {{ tcp, udp }} th dport 443 accept; }}; }}; table inet watch {{ counter seen {{ }}; chain before {{ type filter hook prerouting priority -400; udp dport {port} counter name seen; }}; }}");
        IReadOnlyList<string> Warnings() => machine.Inside(() => InputFilter.Warnings([(IPAddress.Any, port, false, $":{port}"), (IPAddress.Any, port, true, $":{port}/udp"), (IPAddress.Any, 443, true, ":443/udp")]));

        using var client = machine.Outside(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        client.SendTo([1], new IPEndPoint(TwoMachines.Address, port));
        while ((await machine.RunAsync(nft, "list counter inet watch seen")).Contains("packets 0", StringComparison.Ordinal))
            await Task.Yield();
        var command = $"nft insert rule inet filter input udp dport {port} accept";
        Assert.Equal($"the packet filter lets nobody from outside send to :{port}/udp: chain input of table inet filter (hook input, priority 0, policy drop); to let everybody in: {command}", Assert.Single(Warnings()));

        await machine.RunAsync("/bin/sh", "-c", command);
        Assert.Empty(Warnings());
        client.SendTo([2], new IPEndPoint(TwoMachines.Address, port));
        var received = new byte[2];
        // The first was dropped.
        Assert.Equal((1, 2), (await listener.ReceiveAsync(received, TestContext.Current.CancellationToken), received[0]));
    }

    [Fact(Timeout = 60000)]
    public async Task Rules_that_iptables_made_are_understood()
    {
        RequireNft();
        var iptables = Peers.Require("iptables-nft", "iptables");
        using var machine = new TwoMachines();
        foreach (var rule in new[] { "-P INPUT DROP", "-A INPUT -i lo -j ACCEPT", "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -s 192.0.2.0/24 -p tcp --dport 80 -j ACCEPT" })
            await machine.RunAsync(iptables, rule.Split(' '));

        var warnings = machine.Inside(() => InputFilter.Warnings([(IPAddress.Any, 22, false, ":22"), (IPAddress.Any, 80, false, ":80"), (IPAddress.Any, 443, false, ":443"), (IPAddress.IPv6Any, 443, false, ":443")]));

        Assert.Equal(
        [
            "the packet filter lets only some sources connect to :80: chain INPUT of table ip filter (hook input, priority 0, policy drop); to let everybody in: nft insert rule ip filter INPUT tcp dport 80 accept",
            "the packet filter lets nobody from outside connect to :443 over IPv4: chain INPUT of table ip filter (hook input, priority 0, policy drop); to let everybody in: nft insert rule ip filter INPUT tcp dport 443 accept",
        ], warnings);
    }

    [Fact(Timeout = 60000)]
    public void An_empty_packet_filter_is_not_warned_of()
    {
        RequireNft();
        using var machine = new TwoMachines();
        Assert.Empty(machine.Inside(() => InputFilter.Warnings([(IPAddress.Any, 80, false, ":80")])));
    }

    [Fact(Timeout = 60000)]
    public async Task Check_warns_of_a_listen_that_nobody_could_reach()
    {
        var nft = RequireNft();
        using var machine = new TwoMachines();
        await machine.RunAsync(nft, "table inet filter { chain input { type filter hook input priority 0; policy drop; tcp dport 22 accept; }; }");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "forwards: [{ listen: ':8080', to: '10.0.0.5:80' }, { listen: ':22', to: '10.0.0.5:22' }]", TestContext.Current.CancellationToken);
            var output = await machine.RunAsync(Running.Binary, "check", file);
            Assert.Contains("the packet filter lets nobody from outside connect to :8080: chain input of table inet filter", output, StringComparison.Ordinal);
            Assert.Contains("nft insert rule inet filter input tcp dport 8080 accept", output, StringComparison.Ordinal);
            Assert.DoesNotContain("connect to :22", output, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string RequireNft()
    {
        Peers.RequireRoot();
        Peers.Require("ip", "iproute2");
        return Peers.Require("nft", "nftables");
    }
}
