using System.Diagnostics;
using System.Net;

namespace Fairlead.SystemTests;

/// <summary>UDP on machines with several addresses and networks: who answers, and how long a datagram may be.</summary>
public sealed class UdpNetworkTests
{
    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task An_answer_leaves_from_the_address_that_was_written_to(string engine)
    {
        using var server = new UdpServer();
        var port = FreePorts.One();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: echo, listen: ':{port}/udp', to: '{server.Address}', engine: {engine} }}");
        // Connected clients get nothing from another address.
        foreach (var address in new[] { "127.0.0.1", "127.0.0.2", "127.9.9.9", "::1" })
        {
            using var client = new UdpCaller(new IPEndPoint(IPAddress.Parse(address), port));
            Assert.EndsWith(address, await client.AskAsync(address), StringComparison.Ordinal);
        }
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_machine_with_two_addresses_on_one_cable_answers_from_each(string engine)
    {
        Peers.RequireRoot();
        Peers.Require("ip", "iproute2");
        using var machines = new TwoMachines();
        machines.Inside(() => Sh("ip address add 198.51.100.7/24 dev cable0; ip -6 address add 2001:db8::1/64 dev cable0 nodad; ip -6 address add 2001:db8::7/64 dev cable0 nodad"));
        machines.Outside(() => Sh("ip -6 address add 2001:db8::2/64 dev cable0 nodad"));
        using var server = machines.Inside(() => new UdpServer());
        await using var run = await machines.Inside(() => UdpInstance.StartAsync($"  - {{ name: echo, listen: ':7000/udp', to: '{server.Address}', engine: {engine} }}"));
        foreach (var address in new[] { "198.51.100.1", "198.51.100.7", "2001:db8::1", "2001:db8::7" })
        {
            using var client = machines.Outside(() => new UdpCaller(new IPEndPoint(IPAddress.Parse(address), 7000)));
            Assert.EndsWith(address, await client.AskUntilAsync(address, answer => answer.EndsWith(address, StringComparison.Ordinal)), StringComparison.Ordinal);
        }
    }

    [Theory(Timeout = 60000), InlineData("native", 0), InlineData("portable", 0), InlineData("native", 1500), InlineData("portable", 1500), InlineData("native", 9000), InlineData("portable", 9000)]
    public async Task Datagrams_of_every_size_pass_whole_and_in_order_both_ways(string engine, int mtu)
    {
        int[] sizes = [0, 1, 1200, 1200, 1200, 700, 1472, 1473, 1473, 8972, 8973, 9000, 9000, 65_507, 1, 65_507, 0, 1400, 1400];
        TwoMachines? machines = null;
        if (mtu != 0)
        {
            Peers.RequireRoot();
            Peers.Require("ip", "iproute2");
            machines = new TwoMachines();
        }
        try
        {
            var (client, server, target, listen) = (default(UdpCaller)!, default(UdpServer)!, default(IPEndPoint)!, "127.0.0.1:0");
            if (machines is null)
            {
                server = new UdpServer(answer: static (datagram, _) => datagram);
                target = server.Address;
            }
            else
            {
                // Clients come by the cable, of 1,500 or 9,000 bytes; the upstream is behind a way of 1,500 in any case.
                var set = $"ip link set cable0 mtu {mtu}";
                machines.Inside(() => Sh($"{set}; ip route add 198.51.100.3/32 dev cable0 mtu 1500"));
                machines.Outside(() => Sh($"{set}; ip address add 198.51.100.3/32 dev cable0"));
                target = new IPEndPoint(IPAddress.Parse("198.51.100.3"), 7001);
                server = machines.Outside(() => new UdpServer(target, static (datagram, _) => datagram));
                listen = "198.51.100.1:7000";
            }
            var text = $"  - {{ name: echo, listen: '{listen}/udp', to: '{target}', engine: {engine} }}";
            await using var run = machines is null ? await UdpInstance.StartAsync(text) : await machines.Inside(() => UdpInstance.StartAsync(text));
            var address = await run.AddressAsync("echo");
            client = machines is null ? new UdpCaller(address) : machines.Outside(() => new UdpCaller(address));
            using (client)
            using (server)
            {
                // While it stands still they gather, and are read as one batch.
                run.Run.Signal(19);
                var sent = sizes.Select((size, i) => Enumerable.Repeat((byte)(i + 1), size).ToArray()).ToList();
                sent.ForEach(client.Send);
                run.Run.Signal(18);
                foreach (var datagram in sent)
                    Assert.Equal(datagram, await client.ReceiveAsync());
                Assert.Equal(sent.Select(datagram => datagram.Length), server.Arrived.Select(one => one.Datagram.Length));
                Assert.Equal("{}", $"{(await run.StatusAsync("echo")).GetProperty("dropped")}");
            }
        }
        finally
        {
            machines?.Dispose();
        }
    }

    private static int Sh(string script)
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-ec", script]) { RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{script}: {errors}");
        return 0;
    }
}
