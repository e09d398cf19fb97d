using System.Buffers.Binary;
using System.Text;
using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>A name server behind a forward, asked with a resolver's tools.</summary>
public sealed partial class UdpPeerTests
{
    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Dig_asks_dnsmasq_through_a_forward_of_UDP(string engine)
    {
        using var names = await NameServer.StartAsync();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: dns, listen: '127.0.0.1:0/udp', to: '127.0.0.1:{names.Port}', engine: {engine} }}");
        var address = await run.AddressAsync("dns");

        Assert.Equal("192.0.2.1\n", await names.DigAsync(address, "+short", "both.test", "A"));
        Assert.Equal("2001:db8::1\n", await names.DigAsync(address, "+short", "both.test", "AAAA"));
        var large = await names.DigAsync(address, "+bufsize=4096", "+ignore", "large.test", "TXT");
        Assert.Equal(NameServer.Records, Regex.Count(large, "\"[a-z]{250}\""));
        Assert.InRange(Size(large), 3800, 4096);
        Assert.Matches(@"flags:(?! [a-z ]*tc)", large);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_truncated_answer_is_asked_for_again_over_TCP_by_the_same_forward(string engine)
    {
        using var names = await NameServer.StartAsync();
        var port = FreePorts.One();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: dns, listen: '127.0.0.1:{port}/tcp+udp', to: '127.0.0.1:{names.Port}', engine: {engine} }}");
        var address = await run.AddressAsync("dns");

        Assert.Equal("192.0.2.1\n", await names.DigAsync(address, "+short", "+tcp", "both.test", "A"));
        var large = await names.DigAsync(address, "+bufsize=512", "large.test", "TXT");
        Assert.Contains("Truncated, retrying in TCP mode", large, StringComparison.Ordinal);
        Assert.Equal(NameServer.Records, Regex.Count(large, "\"[a-z]{250}\""));
        await run.UntilAsync("dns", status => status.GetProperty("upstreams").EnumerateArray().Select(upstream => upstream.GetProperty("dialled").GetInt64()).Order().SequenceEqual([1L, 2L]));
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Two_questions_of_one_socket_get_both_answers_where_each_may_have_one(string engine)
    {
        using var names = await NameServer.StartAsync();
        await using var run = await UdpInstance.StartAsync($"  - {{ name: dns, listen: '127.0.0.1:0/udp', to: '127.0.0.1:{names.Port}', responses: 1, engine: {engine} }}");
        using var resolver = new UdpCaller(await run.AddressAsync("dns"));

        // As the C library does: A and AAAA, one behind the other.
        resolver.Send(Question(1, "both.test", 1));
        resolver.Send(Question(2, "both.test", 28));
        var answers = new[] { await resolver.ReceiveAsync(), await resolver.ReceiveAsync() };

        Assert.Equal([1, 2], answers.Select(answer => (int)BinaryPrimitives.ReadUInt16BigEndian(answer)).Order());
        Assert.All(answers, answer => Assert.Equal(1, BinaryPrimitives.ReadUInt16BigEndian(answer.AsSpan(6))));
        await run.Run.WaitForTextAsync(" answered upstream ");
        await run.UntilAsync("dns", status => status.GetProperty("connections").GetInt32() == 0);
        Assert.Equal("{}", $"{(await run.StatusAsync("dns")).GetProperty("dropped")}");
    }

    // RFC 1035 section 4.1: a head with one question, recursion not desired.
    private static byte[] Question(ushort id, string name, byte type)
    {
        var labels = name.Split('.').SelectMany(label => Encoding.ASCII.GetBytes(label).Prepend((byte)label.Length));
        return [(byte)(id >> 8), (byte)id, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. labels, 0, 0, type, 0, 1];
    }

    private static int Size(string dig) => int.Parse(SizeLine().Match(dig).Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);

    [GeneratedRegex(@"MSG SIZE  rcvd: (\d+)")]
    private static partial Regex SizeLine();
}
