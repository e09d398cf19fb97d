using System.Net;
using System.Text;

namespace Fairlead.Tests.Protocols;

public sealed class FtpReplyTests
{
    [Fact]
    public void Only_the_last_line_of_a_reply_ends_it_whatever_the_others_look_like()
    {
        string[] lines =
        [
            "220-Welcome", "227 Entering Passive Mode (10,0,0,1,4,1)", " 220 not yet", "220-nor now", "2200 nor now", "", "220 Ready", "227 Entering Passive Mode (10,0,0,2,4,1)", "what is this", "230",
        ];
        var open = 0;

        var read = lines.Select(line => FtpReplyLine.Parse(Encoding.ASCII.GetBytes(line), ref open)).ToList();

        Assert.Equal([220, 220, 220, 220, 220, 220, 220, 227, 0, 230], read.Select(line => line.Code));
        Assert.Equal([false, false, false, false, false, false, true, true, false, true], read.Select(line => line.IsFinal));
        Assert.Equal([true, false, false, false, false, false, false, true, false, true], read.Select(line => line.IsFirst));
        Assert.Equal([3, 0, 0, 0, 0, 0, 3, 3, 0, 3], read.Select(line => line.Text));
    }

    [Fact]
    public void A_refused_option_of_Telnet_before_a_reply_belongs_to_it()
    {
        var open = 0;
        Assert.Equal(new FtpReplyLine(220, true, true, 6), FtpReplyLine.Parse([255, 252, 1, .. "220 Ready"u8], ref open));
    }

    [Theory]
    [InlineData("22 x")]
    [InlineData("22a x")]
    [InlineData("099 x")]
    [InlineData("700 x")]
    [InlineData("220x")]
    [InlineData("")]
    public void What_has_no_code_is_no_reply(string line)
    {
        var open = 0;
        Assert.Equal(default, FtpReplyLine.Parse(Encoding.ASCII.GetBytes(line), ref open));
        Assert.Equal(0, open);
    }

    [Theory]
    [InlineData(" Entering Passive Mode (10,0,0,1,4,1).")]
    [InlineData(" Entering Passive Mode 10,0,0,1,4,1")]
    [InlineData(" =10,0,0,1,4,1")]
    [InlineData("10,0,0,1,4,1")]
    [InlineData(" Passive mode 2 of 3, look: [10,0,0,1,4,1]")]
    [InlineData(" Entering Passive Mode (010,000,000,001,004,001)")]
    public void The_address_of_a_227_is_found_with_and_without_parentheses(string text)
    {
        Assert.True(FtpPassive.TryReadPasv(Encoding.ASCII.GetBytes(text), out var address, out var port));
        Assert.Equal("10.0.0.1:1025", $"{address}:{port}");
    }

    [Theory]
    [InlineData(" Entering Passive Mode")]
    [InlineData(" (10,0,0,1,4)")]
    [InlineData(" (10,0,0,1,4,1,9)")]
    [InlineData(" (10,0,0,256,4,1)")]
    [InlineData(" (10,0,0,1,4,1000)")]
    [InlineData(" (10,0,0,1,0,0)")]
    [InlineData(" (10, 0, 0, 1, 4, 1)")]
    public void A_227_without_six_numbers_has_no_address(string text)
    {
        Assert.False(FtpPassive.TryReadPasv(Encoding.ASCII.GetBytes(text), out _, out _));
    }

    [Theory]
    [InlineData(" Entering Extended Passive Mode (|||6446|)", 6446)]
    [InlineData(" (again) (!!!65535!).", 65535)]
    [InlineData("(|||1|)", 1)]
    public void The_port_of_a_229_stands_between_four_of_a_kind(string text, int expected)
    {
        Assert.True(FtpPassive.TryReadEpsv(Encoding.ASCII.GetBytes(text), out var port));
        Assert.Equal(expected, port);
    }

    [Theory]
    [InlineData(" Entering Extended Passive Mode")]
    [InlineData(" (|||6446|")]
    [InlineData(" (||6446|)")]
    [InlineData(" (|1|10.0.0.1|6446|)")]
    [InlineData(" (|||65536|)")]
    [InlineData(" (|||0|)")]
    [InlineData(" (||||)")]
    [InlineData(" (|||-1|)")]
    [InlineData(" (|||")]
    [InlineData(" (((")]
    public void A_229_of_another_form_has_no_port(string text)
    {
        Assert.False(FtpPassive.TryReadEpsv(Encoding.ASCII.GetBytes(text), out _));
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        foreach (var port in (int[])[1, 255, 256, 1024, 40000, 65535])
        {
            var address = IPAddress.Parse("203.0.113.255");
            Assert.True(FtpPassive.TryReadPasv(Encoding.ASCII.GetBytes(FtpPassive.Pasv(address, port)[3..]), out var read, out var readPort));
            Assert.Equal((address, port), (read, readPort));
            Assert.True(FtpPassive.TryReadEpsv(Encoding.ASCII.GetBytes(FtpPassive.Epsv(port)[3..]), out readPort));
            Assert.Equal(port, readPort);
        }
    }

    [Theory]
    [InlineData(" AUTH TLS", true)]
    [InlineData(" auth tls;ssl", true)]
    [InlineData(" PBSZ", true)]
    [InlineData(" PROT", true)]
    [InlineData(" CCC", true)]
    [InlineData(" SPSV", true)]
    [InlineData(" EPSV", false)]
    [InlineData(" MLST type*;size*;", false)]
    [InlineData(" AUTHOR", false)]
    [InlineData("", false)]
    public void Features_of_security_are_withheld(string line, bool isWithheld)
    {
        Assert.Equal(isWithheld, FtpFeatures.IsWithheld(Encoding.ASCII.GetBytes(line)));
    }
}
