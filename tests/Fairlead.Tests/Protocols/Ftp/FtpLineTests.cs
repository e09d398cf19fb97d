using System.Text;

namespace Fairlead.Tests.Protocols;

public sealed class FtpLineTests
{
    [Theory]
    [InlineData("NOOP\r\n", 4)]
    [InlineData("NOOP\n", 4)]
    [InlineData("\r\n", 0)]
    [InlineData("\n", 0)]
    [InlineData("a\rb\r\n", 3)]
    [InlineData("a\r\r\n", 2)]
    public void A_line_ends_with_CR_LF_or_with_LF_alone(string line, int text)
    {
        Assert.Equal(new FtpLine(FtpLineOutcome.Complete, text, line.Length), FtpLine.Find(Encoding.ASCII.GetBytes(line)));
    }

    [Fact]
    public void A_line_comes_whole_however_it_is_split()
    {
        var line = "RETR some file\r\n"u8;
        for (var i = 0; i < line.Length; i++)
            Assert.Equal(new FtpLine(FtpLineOutcome.NeedMore), FtpLine.Find(line[..i]));
        Assert.Equal(new FtpLine(FtpLineOutcome.Complete, line.Length - 2, line.Length), FtpLine.Find(line));
        Assert.Equal(line.Length, FtpLine.Find([.. line, .. "QUIT\r\n"u8]).Length);
    }

    [Fact]
    public void A_line_has_4096_bytes_at_the_most()
    {
        byte[] longest = [.. Enumerable.Repeat((byte)'a', FtpLine.Limit - 1), (byte)'\n'];
        Assert.Equal(new FtpLine(FtpLineOutcome.Complete, FtpLine.Limit - 1, FtpLine.Limit), FtpLine.Find(longest));
        Assert.Equal(FtpLineOutcome.NeedMore, FtpLine.Find(longest.AsSpan(0, FtpLine.Limit - 1)).Outcome);
        Assert.Equal(FtpLineOutcome.TooLong, FtpLine.Find([(byte)'a', .. longest]).Outcome);
    }

    [Fact]
    public void Nothing_that_is_sent_makes_a_parser_throw_or_read_past_the_end()
    {
        var random = new Random(5);
        var bytes = new byte[80];
        byte[][] good = [.. ((string[])["PORT 10,0,0,1,4,1", "EPRT |2|2001:db8::1|5282|", "227 Entering Passive Mode (10,0,0,1,4,1)", "229 Extended (|||6446|)", "211-Features", "EPSV ALL"]).Select(Encoding.ASCII.GetBytes)];
        for (var round = 0; round < 20_000; round++)
        {
            var length = random.Next(bytes.Length);
            random.NextBytes(bytes.AsSpan(0, length));
            if (round % 2 == 0)
            {
                var model = good[random.Next(good.Length)];
                model.CopyTo(bytes, 0);
                length = model.Length;
                for (var i = random.Next(4); i > 0; i--)
                    bytes[random.Next(length)] = (byte)random.Next(256);
            }
            var line = bytes.AsSpan(0, length);
            Assert.True(FtpLine.Find(line).Length <= length);
            var command = FtpCommand.Parse(line);
            Assert.InRange(command.Argument, 0, length);
            Assert.InRange(command.Start, 0, length);
            var open = random.Next(2) * 211;
            Assert.InRange(FtpReplyLine.Parse(line, ref open).Text, 0, length);
            FtpPassive.TryReadPasv(line, out _, out _);
            FtpPassive.TryReadEpsv(line, out _);
            FtpActive.ReadPort(line[command.Argument..], out _, out _);
            FtpActive.ReadEprt(line[command.Argument..], out _, out _);
            FtpEpsvArgument.Read(line[command.Argument..]);
            FtpFeatures.IsWithheld(line);
        }
    }
}
