using System.Buffers.Binary;
using System.Net.Security;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class ClientHelloTests
{
    [Theory]
    [InlineData("example.com", "example.com")]
    [InlineData("Example.COM", "example.com")]
    [InlineData("example.com.", "example.com")]
    [InlineData("localhost", "localhost")]
    [InlineData("xn--bcher-kva.example", "xn--bcher-kva.example")]
    public void The_name_is_found(string sent, string name)
    {
        Assert.Equal(new ClientHello(ClientHelloState.Name, Name: name), ClientHello.Read(Record(Hello(ServerName(sent)))));
    }

    [Theory]
    [InlineData(63 + 1 + 63 + 1 + 63 + 1 + 61, true)]
    [InlineData(63 + 1 + 63 + 1 + 63 + 1 + 62, false)]
    [InlineData(5000, false)]
    [InlineData(1, true)]
    public void A_name_has_at_most_253_characters(int length, bool isName)
    {
        var name = new StringBuilder();
        while (name.Length < length)
            name.Append('a', Math.Min(63, length - name.Length)).Append(name.Length < length ? "." : "");
        Assert.Equal(length, name.Length);
        var hello = ClientHello.Read(Record(Hello(ServerName(name.ToString()))));
        Assert.Equal(isName ? new ClientHello(ClientHelloState.Name, Name: name.ToString()) : new ClientHello(ClientHelloState.NoName, HasWrongName: true), hello);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("exa mple.com")]
    [InlineData("example.com\0.evil.org")]
    [InlineData("\u001b[2Jexample.com")]
    [InlineData("b\u00fccher.example")]
    [InlineData("192.0.2.1")]
    [InlineData("2001:db8::1")]
    [InlineData("fe80::1%eth0")]
    [InlineData("10.1")]
    [InlineData("*.example.com")]
    [InlineData("-example.com")]
    [InlineData("a..b")]
    public void What_cannot_be_a_name_counts_as_none_and_is_told(string sent)
    {
        Assert.Equal(new ClientHello(ClientHelloState.NoName, HasWrongName: true), ClientHello.Read(Record(Hello(ServerName(sent)))));
    }

    [Fact]
    public void Without_the_extension_or_without_any_there_is_no_name()
    {
        Assert.Equal(new ClientHello(ClientHelloState.NoName), ClientHello.Read(Record(Hello(Extension(10, 0, 2, 0, 29)))));
        Assert.Equal(new ClientHello(ClientHelloState.NoName), ClientHello.Read(Record(Hello([]))));
        Assert.Equal(new ClientHello(ClientHelloState.NoName), ClientHello.Read(Record(Hello(null))));
    }

    [Fact]
    public void Names_of_other_types_are_passed_over_and_two_hosts_are_a_wrong_name()
    {
        byte[] one = [0, 0, 1, (byte)'a'], other = [7, 0, 2, 1, 2];
        Assert.Equal("a", ClientHello.Read(Record(Hello(Extension(0, Vector([.. other, .. one]))))).Name);
        Assert.Equal(new ClientHello(ClientHelloState.NoName), ClientHello.Read(Record(Hello(Extension(0, Vector(other))))));
        Assert.Equal(new ClientHello(ClientHelloState.NoName, HasWrongName: true), ClientHello.Read(Record(Hello(Extension(0, Vector([.. one, .. one]))))));
    }

    [Fact]
    public void The_name_is_found_behind_other_extensions()
    {
        byte[] many = [.. Enumerable.Range(20, 40).SelectMany(type => Extension(type, new byte[100])), .. ServerName("example.com"), .. Extension(16, Vector([2, (byte)'h', (byte)'2']))];
        Assert.Equal("example.com", ClientHello.Read(Record(Hello(many))).Name);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(7), InlineData(100), InlineData(16384)]
    public void However_it_is_cut_into_records_and_pieces_it_is_the_same(int fragment)
    {
        var bytes = Record(Hello(ServerName("www.example.com")), fragment);
        for (var length = 0; length < bytes.Length; length++)
        {
            var part = ClientHello.Read(bytes.AsSpan(0, length));
            Assert.Equal(ClientHelloState.NeedMore, part.State);
            Assert.InRange(part.Needed, length + 1, bytes.Length);
        }
        var whole = new ClientHello(ClientHelloState.Name, Name: "www.example.com");
        Assert.Equal(whole, ClientHello.Read(bytes));
        Assert.Equal(whole, ClientHello.Read([.. bytes, .. "early data"u8]));
        Assert.Equal(whole, ClientHello.Read([.. bytes, .. new byte[20_000]]));
    }

    [Fact]
    public void A_message_that_another_follows_in_its_record_is_read()
    {
        Assert.Equal("example.com", ClientHello.Read(Record([.. Hello(ServerName("example.com")), .. new byte[50]])).Name);
    }

    [Fact]
    public void A_dribble_of_single_bytes_in_records_of_one_is_looked_at_a_few_times_only()
    {
        var bytes = Record(Hello([.. Extension(21, new byte[2400]), .. ServerName("www.example.com")]), fragment: 1);
        Assert.InRange(bytes.Length, 14_000, ClientHello.Most);
        var (looks, have) = (0, 0);
        ClientHello hello;
        do
        {
            hello = ClientHello.Read(bytes.AsSpan(0, have));
            have = Math.Max(have, hello.Needed);
            looks++;
        }
        while (hello.State == ClientHelloState.NeedMore);
        Assert.Equal("www.example.com", hello.Name);
        Assert.InRange(looks, 1, 100);
    }

    [Fact]
    public void One_that_cannot_end_within_the_limit_is_refused_as_soon_as_that_is_known()
    {
        // 16,384 bytes are the limit, of which 5 and 4 are headers.
        byte[] fits = [22, 3, 1, 0x3F, 0xFB, 1, 0, 0x3F, 0xF7], tooLong = [22, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xF8], huge = [22, 3, 1, 0, 4, 1, 0xFF, 0xFF, 0xFF];
        Assert.Equal(new ClientHello(ClientHelloState.NeedMore, Needed: ClientHello.Most), ClientHello.Read(fits));
        Assert.Equal(ClientHelloState.NotTls, ClientHello.Read(tooLong).State);
        Assert.Equal(ClientHelloState.NotTls, ClientHello.Read(huge).State);
        Assert.Equal(ClientHelloState.NotTls, ClientHello.Read(Record(Hello(Extension(21, new byte[3000])), fragment: 1)).State);
        Assert.Equal(ClientHelloState.NoName, ClientHello.Read(Record(Hello(Extension(21, new byte[ClientHello.Most - 5 - 4 - 2 - 4 - 41])))).State);
    }

    [Theory]
    [InlineData("47")] // G
    [InlineData("53 53 48 2D")] // SSH-
    [InlineData("80 2E 01 00 02")] // SSL 2
    [InlineData("15 03 01 00 02 02 28")] // an alert
    [InlineData("17 03 03 00 10")]
    [InlineData("16 02 00")]
    [InlineData("16 04 00")]
    [InlineData("16 03 01 00 00")] // an empty fragment
    [InlineData("16 03 01 40 01")] // a fragment beyond the limit
    [InlineData("16 03 01 00 01 02")] // a ServerHello
    [InlineData("16 03 01 00 01 01 17 03 03 00 01 01")] // other records between its fragments
    [InlineData("16 03 01 00 04 01 00 00 00")] // nothing in it
    public void What_is_no_ClientHello_is_told_at_once(string hex) => AssertNotTls(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));

    [Fact]
    public void A_message_whose_lengths_contradict_each_other_is_broken()
    {
        var body = Hello(ServerName("example.com"))[4..];
        for (var length = 0; length < body.Length; length++)
        {
            // What ends behind the compression methods is a whole message of old.
            if (length != 41)
                AssertNotTls(Record(Message(body[..length])));
        }
        AssertNotTls(Record(Message([.. body, 0])));
        AssertNotTls(Record(Hello([.. ServerName("a.example"), .. ServerName("b.example")])));
        AssertNotTls(Record(Hello(Extension(0))));
        AssertNotTls(Record(Hello(Extension(0, 0, 0))));
        AssertNotTls(Record(Hello(Extension(0, 0, 5, 0, 0, 1, 97))));
        AssertNotTls(Record(Hello(Extension(0, 0, 4, 0, 0, 2, 97))));
        AssertNotTls(Record(Hello(Extension(0, 0, 4, 0, 0, 1, 97, 0))));
        AssertNotTls(Record(Hello([0, 0, 0])));
        byte[] oldVersion = [.. body];
        oldVersion[0] = 2;
        AssertNotTls(Record(Message(oldVersion)));
        byte[] longSession = [.. body];
        longSession[34] = 33;
        AssertNotTls(Record(Message([.. longSession[..35], .. new byte[33], .. longSession[35..]])));
    }

    [Theory(Timeout = 30000), InlineData("www.example.com"), InlineData("")]
    public async Task The_hello_of_a_real_client_is_read(string name)
    {
        var (near, far) = MemoryConnection.CreatePair();
        using var tls = new SslStream(new ClientStream(near));
        var handshake = tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, ApplicationProtocols = [SslApplicationProtocol.Http2] }, TestContext.Current.CancellationToken);
        var bytes = new byte[ClientHello.Most];
        var count = 0;
        ClientHello hello;
        while ((hello = ClientHello.Read(bytes.AsSpan(0, count))).State == ClientHelloState.NeedMore)
            count += await far.ReadAsync(bytes.AsMemory(count, Math.Min(100, hello.Needed - count)));
        Assert.Equal(name.Length > 0 ? new ClientHello(ClientHelloState.Name, Name: name) : new ClientHello(ClientHelloState.NoName), hello);
        far.Abort();
        await Assert.ThrowsAnyAsync<Exception>(() => handshake);
    }

    [Fact]
    public void Random_and_mutated_bytes_never_throw_and_never_ask_for_more_than_the_limit()
    {
        var random = new Random(3);
        byte[][] good = [Record(Hello(ServerName("www.example.com"))), Record(Hello(ServerName("www.example.com")), 3), Record(Hello([.. Extension(21, new byte[500]), .. ServerName("a")]), 50)];
        for (var i = 0; i < 20_000; i++)
        {
            byte[] bytes = i % 4 == 0 ? [22, 3, 1, .. Traffic.RandomBytes(random.Next(0, 300), i)] : [.. good[random.Next(good.Length)]];
            for (var mutations = random.Next(0, 4); mutations > 0; mutations--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            var whole = ClientHello.Read(bytes);
            Assert.Equal(whole.State == ClientHelloState.NeedMore, whole.Needed > 0);
            Assert.Equal(whole.State == ClientHelloState.Name, whole.Name is not null);
            Assert.Equal(whole.State == ClientHelloState.NotTls, whole.Reason is not null);
            if (whole.State == ClientHelloState.NeedMore)
                Assert.InRange(whole.Needed, bytes.Length + 1, ClientHello.Most);
            var part = ClientHello.Read(bytes.AsSpan(0, random.Next(bytes.Length + 1)));
            if (part.State is ClientHelloState.Name or ClientHelloState.NoName)
                Assert.Equal(whole, part);
            else if (part.State == ClientHelloState.NeedMore && whole.State is ClientHelloState.Name or ClientHelloState.NoName)
                Assert.InRange(part.Needed, 1, bytes.Length);
        }
    }

    private static void AssertNotTls(byte[] bytes)
    {
        var hello = ClientHello.Read(bytes);
        Assert.Equal(ClientHelloState.NotTls, hello.State);
        Assert.NotEmpty(hello.Reason!);
    }

    /// <summary>A message of two cipher suites and 41 bytes before the extensions; null: without any.</summary>
    private static byte[] Hello(byte[]? extensions)
    {
        byte[] fields = [3, 3, .. new byte[32], 0, 0, 2, 0x13, 0x01, 1, 0];
        return Message(extensions is null ? fields : [.. fields, .. Vector(extensions)]);
    }

    private static byte[] Message(byte[] body) => [1, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    private static byte[] ServerName(string name) => Extension(0, Vector([0, .. Vector(Encoding.Latin1.GetBytes(name))]));

    private static byte[] Extension(int type, params byte[] content) => [(byte)(type >> 8), (byte)type, .. Vector(content)];

    private static byte[] Vector(byte[] content) => [(byte)(content.Length >> 8), (byte)content.Length, .. content];

    private static byte[] Record(byte[] message, int fragment = 16384)
    {
        var bytes = new List<byte>();
        foreach (var part in message.Chunk(fragment))
        {
            var length = new byte[2];
            BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)part.Length);
            bytes.AddRange([22, 3, 1, .. length, .. part]);
        }
        return [.. bytes];
    }

    /// <summary>As little of a stream as a handshake needs.</summary>
    private sealed class ClientStream(Connection connection) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => connection.ReadAsync(buffer);

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => connection.WriteAsync(buffer);

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
