using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary><c>/udp</c> as its users meet it: one line on a command line, tables, and what an upstream is told of its clients.</summary>
public sealed class UdpForwardTests
{
    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_forward_of_UDP_is_one_line_and_ends_soon_after_the_last_answer(string engine)
    {
        using var server = new UdpServer();
        var port = FreePorts.One();
        // However long a stop may wait, and the session was answered: it does not wait for its silence of minutes.
        await using var forward = Running.Start("forward", "--engine", engine, "--drain", "1h", $"{port}:{server.Address}/udp");
        await forward.WaitForTextAsync($"listening on :{port}/udp, forwarding to {server.Address} ({engine})");
        var first = forward.Errors.Split('\n')[0];
        Assert.Contains($"every address of this machine for {port}/udp", first, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{port}:{server.Address}/udp", first, StringComparison.Ordinal);
        using var client = new UdpCaller(new IPEndPoint(IPAddress.Loopback, port));
        await client.AskAsync("?");
        forward.Signal(Running.SIGINT);
        Assert.Equal(0, await forward.WhenOverAsync());
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Sessions_of_UDP_are_listed(string engine)
    {
        using var server = new UdpServer();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: echo, listen: '127.0.0.1:0/udp', to: '{server.Address}', engine: {engine} }}");
        var address = await run.AddressAsync("echo");
        using var client = new UdpCaller(address);
        await client.AskAsync("?");
        Assert.Matches($@"\n +1  echo +{client.Address} +{address}/udp +{server.Address}/udp ", (await run.AskAsync("connections")).Output);
        Assert.Matches($@"\necho +{address}/udp +{server.Address} +{engine} +1 +1 +0 +0 ", (await run.AskAsync("status")).Output);
        Assert.Contains($"{client.Address}", (await run.AskAsync("top")).Output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("native", "first", "127.0.0.1"), InlineData("portable", "first", "127.0.0.1"), InlineData("native", "each", "127.0.0.1"), InlineData("portable", "each", "127.0.0.1")]
    [InlineData("native", "first", "::1"), InlineData("portable", "first", "::1"), InlineData("native", "each", "::1"), InlineData("portable", "each", "::1")]
    public async Task The_upstream_reads_in_a_PROXY_header_who_the_client_is_and_whom_it_wrote_to(string engine, string which, string host)
    {
        using var server = new UdpServer();
        var port = FreePorts.One();
        await using var run = await UdpInstance.StartAsync(
            $"  - {{ name: syslog, listen: ':{port}/udp', to: '{server.Address}', engine: {engine}, proxy_protocol: {{ send: v2, udp: {which} }} }}");
        var address = new IPEndPoint(IPAddress.Parse(host), port);
        using var client = new UdpCaller(address);
        foreach (var text in new[] { "one", "two", "three" })
            await client.AskAsync(text);
        var arrived = server.Arrived.Select(one => one.Datagram).ToList();
        Assert.Equal(3, arrived.Count);
        foreach (var (i, text) in new[] { "one", "two", "three" }.Index())
        {
            var rest = arrived[i];
            if (which == "each" || i == 0)
                rest = Read(rest, client.Address, address);
            Assert.Equal(text, Encoding.ASCII.GetString(rest));
        }
    }

    // The header of version 2, section 2.2 of HAProxy's proxy-protocol.txt: what stands behind it.
    private static byte[] Read(byte[] datagram, IPEndPoint client, IPEndPoint server)
    {
        Assert.Equal("\r\n\r\n\0\r\nQUIT\n"u8.ToArray(), datagram[..12]);
        var isV4 = client.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        Assert.Equal([0x21, (byte)(isV4 ? 0x12 : 0x22)], datagram[12..14]);
        var size = isV4 ? 4 : 16;
        var length = BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(14));
        Assert.InRange(length, 2 * size + 4, 512);
        Assert.Equal((client.Address, server.Address), (new IPAddress(datagram.AsSpan(16, size)), new IPAddress(datagram.AsSpan(16 + size, size))));
        Assert.Equal((client.Port, server.Port), (BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(16 + 2 * size)), BinaryPrimitives.ReadUInt16BigEndian(datagram.AsSpan(18 + 2 * size))));
        return datagram[(16 + length)..];
    }
}
