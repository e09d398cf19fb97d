using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>How connections end that go through channels: in one direction first, or all of a sudden.</summary>
public sealed class SshEndTests
{
    [Theory(Timeout = 60000)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.L)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.R)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.D)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.L, "portable")]
    [InlineData(SshEnds.SshToHub, SshWay.L)]
    [InlineData(SshEnds.SshToHub, SshWay.R)]
    [InlineData(SshEnds.SshToHub, SshWay.D)]
    [InlineData(SshEnds.FairleadToHub, SshWay.L)]
    [InlineData(SshEnds.FairleadToHub, SshWay.R)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.L)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.R)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.D)]
    [InlineData(SshEnds.DropbearToHub, SshWay.L)]
    [InlineData(SshEnds.DropbearToHub, SshWay.R)]
    public async Task Half_close_from_either_end_lets_the_others_rest_through(SshEnds ends, SshWay way, string engine = "native")
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(ends, way, bulk.Port, engine);
        foreach (var isClientFirst in (bool[])[true, false])
        {
            var (client, server) = await ConnectAsync(link, bulk);
            using (client)
            using (server)
            {
                var (first, last) = isClientFirst ? (client, server) : (server, client);
                await first.SendAsync("a question"u8.ToArray());
                first.Shutdown(SocketShutdown.Send);
                Assert.Equal("a question", await ReadToEndAsync(last));
                await last.SendAsync("and the answer"u8.ToArray());
                last.Shutdown(SocketShutdown.Send);
                Assert.Equal("and the answer", await ReadToEndAsync(first));
            }
        }
    }

    [Theory(Timeout = 60000)]
    [InlineData(SshWay.L)]
    [InlineData(SshWay.R)]
    [InlineData(SshWay.D)]
    [InlineData(SshWay.L, "portable")]
    [InlineData(SshWay.R, "portable")]
    public async Task A_reset_at_one_end_is_a_reset_at_the_other(SshWay way, string engine = "native")
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(SshEnds.FairleadToHub, way, bulk.Port, engine);
        foreach (var isByClient in (bool[])[true, false])
        {
            var (client, server) = await ConnectAsync(link, bulk);
            using (client)
            using (server)
            {
                var (one, other) = isByClient ? (client, server) : (server, client);
                one.LingerState = new LingerOption(true, 0);
                one.Dispose();
                var error = await Assert.ThrowsAsync<SocketException>(async () => await other.ReceiveAsync(new byte[1]));
                Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
            }
        }
    }

    // Not with Dropbear's client (2022.83): where it sees the reset before it has written what came, it says EOF, and never CLOSE. sshd waits for that in vain, too.
    [Theory(Timeout = 60000)]
    [InlineData(SshEnds.FairleadToSshd)]
    [InlineData(SshEnds.FairleadToHub)]
    [InlineData(SshEnds.SshToHub)]
    [InlineData(SshEnds.FairleadToDropbear)]
    public async Task An_end_that_goes_away_ends_the_other_in_the_middle_of_a_transfer(SshEnds ends)
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(ends, SshWay.L, bulk.Port);
        var (client, server) = await ConnectAsync(link, bulk);
        var sending = Task.Run(async () =>
        {
            var piece = new byte[64 << 10];
            while (true)
                await server.SendAsync(piece);
        }, TestContext.Current.CancellationToken);
        await client.ReceiveAsync(new byte[1000]);
        client.Dispose();
        await Assert.ThrowsAsync<SocketException>(() => sending);
        server.Dispose();
    }

    // Both ends of a connection through the link, of which it is known that it is open all the way: something has gone it, both ways.
    private static async Task<(Socket Client, Socket Server)> ConnectAsync(SshLink link, Bulk bulk)
    {
        var accepting = bulk.AcceptAsync();
        var client = await link.ConnectAsync();
        var server = await accepting;
        foreach (var (from, to) in new[] { (client, server), (server, client) })
        {
            await from.SendAsync(new byte[] { 1 });
            Assert.Equal(1, await to.ReceiveAsync(new byte[1]));
        }
        return (client, server);
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var text = new StringBuilder();
        var buffer = new byte[1024];
        int count;
        while ((count = await socket.ReceiveAsync(buffer)) > 0)
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return text.ToString();
    }
}
