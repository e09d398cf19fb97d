using System.Text;
using Fairlead.Cli;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>
/// What comes over the wire, to whichever parser: what was written is read the same, in whatever pieces it comes; what is cut or changed is read or refused as it is said to be; and no more memory is
/// taken than what came is worth.
/// </summary>
public sealed class WireFuzzTests
{
    // A name of one letter and its comma become a string and a place for it.
    private const int BytesPerByte = 64, BytesAtLeast = 32 << 10;

    private static readonly SshPublicKey key = TestKeys.Of("ssh-ed25519").PublicKey;

    [Theory, Seeds(2)]
    public void Values_that_are_written_are_read_the_same_and_no_beginning_of_them_is(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 200; i++)
        {
            var writer = new SshWriter(random.Next(1, 64));
            var kinds = Enumerable.Range(0, random.Next(1, 12)).Select(_ => (Kind: random.Next(8), Value: random.Next())).ToList();
            foreach (var (kind, value) in kinds)
                Write(writer, kind, value);
            Read(kinds, writer.Written);
            var cut = writer.ToArray()[..^random.Next(1, writer.Written.Length + 1)];
            Assert.Throws<SshFormatException>(() => Read(kinds, cut));
        }
    }

    [Theory, Seeds(2)]
    public void Channels_that_are_asked_for_are_read_as_they_were_written(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            var (name, other, port) = (Text(random, 80), Text(random, 80), random.Next(65536));
            SshOpen[] opens =
            [
                new SshOpen.DirectTcp(name, port, other, random.Next(65536)), new SshOpen.ForwardedTcp(name, port, other, random.Next(65536)), new SshOpen.DirectStreamlocal(name),
                new SshOpen.ForwardedStreamlocal(name), new SshOpen.UdpAssociation(name, port), new SshOpen.UdpListen(name, port), new SshOpen.Session(),
            ];
            foreach (var open in opens)
            {
                var bytes = open.Write(new SshWriter()).ToArray();
                Assert.Equal(open, ReadOpen(open.Type, bytes));
                var bad = Mutation.Of(random, bytes, least: 1);
                Within(bad.Length, () => Record.Exception(() => ReadOpen(open.Type, bad)) is null or SshFormatException);
            }
        }

        static SshOpen ReadOpen(string type, byte[] bytes)
        {
            var fields = new SshReader(bytes);
            return SshOpen.Read(type, ref fields);
        }
    }

    [Theory, Seeds(2)]
    public void Offers_of_keys_are_read_or_refused_and_agreed_on_or_not(int seed)
    {
        var random = new Random(seed);
        var own = KexInit.Of(SshAlgorithms.Default, SignatureAlgorithms.Names, isServer: true, isFirst: true, SshRandom.Secure);
        var good = KexInit.Of(SshAlgorithms.Default, SignatureAlgorithms.Names, isServer: false, isFirst: true, SshRandom.Secure).Payload;
        for (var i = 0; i < 200; i++)
        {
            // Names are changed, or there are very many.
            var bytes = i % 20 == 0 ? Offer(string.Concat(Enumerable.Repeat(i % 40 == 0 ? "," : "a,", random.Next(4000)))) : Mutation.Of(random, good, least: 1, kept: 17);
            KexInit? read = null;
            Within(bytes.Length, () => Record.Exception(() => read = KexInit.Read(bytes)) is null or SshFormatException);
            if (read is null)
                continue;
            Assert.Equal(bytes, read.Payload);
            Assert.True(Record.Exception(() => Agreement.Of(read, own, isServer: true)) is null or SshProtocolException);
            Assert.True(Record.Exception(() => Agreement.Of(own, read, isServer: false)) is null or SshProtocolException);
        }

        static byte[] Offer(string names)
        {
            var writer = new SshWriter().Begin(Message.SSH_MSG_KEXINIT).WriteBytes(new byte[16]);
            for (var list = 0; list < 10; list++)
                writer.WriteString(names);
            return writer.WriteBoolean(false).WriteUInt32(0).ToArray();
        }
    }

    [Theory, Seeds(2)]
    public void Packets_are_the_same_in_whatever_pieces_they_come(int seed)
    {
        var random = new Random(seed);
        foreach (var name in SshAlgorithms.Default.Ciphers)
        {
            using var writer = new PacketWriter(SshRandom.Secure);
            using var reader = new PacketReader();
            writer.Use(CipherOf(name, isSealing: true), resets: true);
            reader.Use(CipherOf(name, isSealing: false), resets: true);
            var sent = Enumerable.Range(0, 30).Select(_ => Traffic.RandomBytes(random.Next(1, random.Next(2) == 0 ? 40 : 33_000), random.Next())).ToList();
            foreach (var payload in sent)
                writer.Append(payload);
            var wire = writer.Take();
            var read = new List<byte[]>();
            for (var at = 0; at < wire.Count;)
            {
                var room = reader.Room();
                var count = Math.Min(Math.Min(random.Next(2) == 0 ? random.Next(1, 30) : random.Next(1, 50_000), room.Length), wire.Count - at);
                wire.AsMemory(at, count).CopyTo(room);
                reader.Commit(count);
                at += count;
                while (reader.TryRead(out var payload))
                    read.Add(payload.ToArray());
                reader.Rest();
            }
            PacketWriter.Return(wire);
            Assert.Equal(sent, read);
        }
    }

    [Theory, Seeds(2)]
    public async Task The_line_before_the_protocol_is_the_same_in_whatever_pieces_it_comes(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 100; i++)
        {
            var before = string.Concat(Enumerable.Range(0, random.Next(4)).Select(_ => new string((char)random.Next(32, 127), random.Next(100)).Replace("SSH-", "", StringComparison.Ordinal) + "\r\n"));
            var line = "SSH-2.0-" + new string((char)random.Next(32, 256), random.Next(200));
            var bytes = Encoding.Latin1.GetBytes($"{before}{line}{(random.Next(2) == 0 ? "\r\n" : "\n")}rest");
            var (near, far) = MemoryConnection.CreatePair();
            var reading = Identification.ReadAsync(near, isServer: false).AsTask();
            await Traffic.SendAsync(far, bytes, () => random.Next(1, 60));
            Assert.Equal(line.TrimEnd('\r'), await reading);
            await Traffic.ExpectToEndAsync(near, "rest"u8.ToArray());
        }
    }

    [Theory, Seeds(2)]
    public async Task Any_other_line_is_refused_or_the_end_of_it(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 200; i++)
        {
            var bytes = Mutation.Of(random, "hello\r\nSSH-2.0-OpenSSH_9.9 comment\r\n"u8.ToArray(), least: 1);
            var (near, far) = MemoryConnection.CreatePair();
            _ = Record.ExceptionAsync(() => Traffic.SendAsync(far, bytes, () => random.Next(1, 60))).AsTask();
            string? line = null;
            var error = await Record.ExceptionAsync(async () => line = await Identification.ReadAsync(near, isServer: random.Next(2) == 0));
            Assert.True(error is null or SshProtocolException);
            Assert.True(line is null || (line.StartsWith("SSH-", StringComparison.Ordinal) && line.Length <= 255));
            near.Dispose();
            far.Dispose();
        }
    }

    [Theory, Seeds(2)]
    public void Nothing_takes_more_memory_than_what_came_is_worth(int seed)
    {
        var random = new Random(seed);
        var certificate = TestCertificates.Make(key, critical: [("force-command", "date")], extensions: ["permit-port-forwarding"]);
        byte[][] messages =
        [
            certificate, key.Blob.ToArray(), new SshWriter().Begin(12).WriteUInt32(uint.MaxValue).WriteString(key.Blob.Span).WriteString("a").ToArray(),
            new SshWriter().Begin(60).WriteString("").WriteString("").WriteString("").WriteUInt32(16).WriteString("Password: ").WriteBoolean(false).ToArray(),
        ];
        var lines = Encoding.UTF8.GetBytes($"example.com,*.net,!x {key} a\nrestrict,permitopen=\"a:80\",from=\"10.0.0.0/8,!10.1.*\" {key} b\n");
        for (var i = 0; i < 150; i++)
        {
            var message = Mutation.Of(random, messages[random.Next(messages.Length)], least: 1);
            Within(message.Length, () => Record.Exception(() => SshPresentedKey.Read(message)) is null or SshFormatException);
            Within(message.Length, () => Record.Exception(() => SshAgent.ReadIdentities(message)) is null or SshFormatException);
            Within(message.Length, () => Record.Exception(() => SshQuestions.Read(message)) is null or SshFormatException or SshProtocolException);
            var text = Encoding.UTF8.GetString(Mutation.Of(random, lines, least: 0));
            Within(text.Length, () => KnownHosts.Parse(("known_hosts", text)) is not null);
            Within(text.Length, () => AuthorizedKeys.Parse("keys", text, TimeZoneInfo.Utc) is not null);
        }
    }

    [Theory, Seeds(2)]
    public async Task Orders_to_a_running_one_are_read_as_they_were_written_in_whatever_pieces_they_come(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 100; i++)
        {
            var texts = Enumerable.Range(0, random.Next(1, 30)).Select(_ => Text(random, 60).Replace("\0", "", StringComparison.Ordinal)).ToArray();
            var bytes = ControlOrder.Write(texts);
            Assert.Equal(texts, ControlOrder.Read(bytes));
            using var stream = new Pieces(bytes, random);
            Assert.Equal(texts, await ControlOrder.ReadAsync(stream, CancellationToken.None));
            Assert.Throws<FormatException>(() => ControlOrder.Read([.. bytes, 1]));
        }
        using var without = new Pieces(new byte[ControlOrder.MostBytes], random);
        await Assert.ThrowsAsync<FormatException>(() => ControlOrder.ReadAsync(without, CancellationToken.None));
    }

    private static void Within(int length, Func<bool> isRight)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.True(isRight());
        var taken = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(taken <= BytesAtLeast + ((long)length * BytesPerByte), $"{taken} bytes were taken for {length}");
    }

    private static string Text(Random random, int most) => new([.. Enumerable.Range(0, random.Next(most)).Select(_ => (char)random.Next(0xd800))]);

    private static PacketCipher CipherOf(string name, bool isSealing)
    {
        var cipher = PacketCiphers.FindCipher(name)!;
        var mac = cipher.IsAead ? null : "hmac-sha2-256";
        return PacketCiphers.Create(name, mac, new byte[cipher.KeyLength], new byte[cipher.IvLength], new byte[mac is null ? 0 : PacketCiphers.FindMac(mac)!.KeyLength], isSealing);
    }

    private static void Write(SshWriter writer, int kind, int value) => _ = kind switch
    {
        0 => writer.WriteByte((byte)value),
        1 => writer.WriteBoolean(value % 2 == 0),
        2 => writer.WriteUInt32((uint)value),
        3 => writer.WriteUInt64((ulong)value << 20),
        4 => writer.WriteString(Traffic.RandomBytes(value % 300, value)),
        5 => writer.WriteString(Text(new Random(value), 80)),
        6 => writer.WriteNameList(Names(value)),
        _ => writer.WriteMpint(Traffic.RandomBytes(value % 70, value)),
    };

    private static void Read(IEnumerable<(int Kind, int Value)> kinds, ReadOnlySpan<byte> bytes)
    {
        var reader = new SshReader(bytes);
        foreach (var (kind, value) in kinds)
        {
            switch (kind)
            {
                case 0:
                    Assert.Equal((byte)value, reader.ReadByte());
                    break;
                case 1:
                    Assert.Equal(value % 2 == 0, reader.ReadBoolean());
                    break;
                case 2:
                    Assert.Equal((uint)value, reader.ReadUInt32());
                    break;
                case 3:
                    Assert.Equal((ulong)value << 20, reader.ReadUInt64());
                    break;
                case 4:
                    Assert.True(reader.ReadString().SequenceEqual(Traffic.RandomBytes(value % 300, value)));
                    break;
                case 5:
                    Assert.Equal(Text(new Random(value), 80), reader.ReadText());
                    break;
                case 6:
                    Assert.Equal(Names(value), reader.ReadNameList());
                    break;
                default:
                    Assert.True(reader.ReadMpint().SequenceEqual(Traffic.RandomBytes(value % 70, value).AsSpan().TrimStart((byte)0)));
                    break;
            }
        }
        reader.End();
    }

    private static string[] Names(int value) => [.. Enumerable.Range(0, value % 5).Select(name => new string((char)('a' + name), 1 + (value % 7)))];

    // Gives a few bytes at a time.
    private sealed class Pieces(byte[] bytes, Random random) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(buffer.Length, random.Next(1, 4000))], cancellationToken);
    }
}
