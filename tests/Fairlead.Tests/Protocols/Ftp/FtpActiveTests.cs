using System.Net;
using System.Text;

namespace Fairlead.Tests.Protocols;

public sealed class FtpActiveTests
{
    [Theory]
    [InlineData("10,0,0,1,4,1", "10.0.0.1:1025")]
    [InlineData(" 255,255,255,255,255,255 ", "255.255.255.255:65535")]
    [InlineData("0,0,0,0,0,1", "0.0.0.0:1")]
    public void PORT_has_an_address_and_a_port_in_six_numbers(string argument, string expected)
    {
        Assert.Equal(FtpArgument.Address, FtpActive.ReadPort(Encoding.ASCII.GetBytes(argument), out var address, out var port));
        Assert.Equal(expected, $"{address}:{port}");
    }

    [Theory]
    [InlineData("")]
    [InlineData("10,0,0,1,4")]
    [InlineData("10,0,0,1,4,1,1")]
    [InlineData("10,0,0,256,4,1")]
    [InlineData("10,0,0,1,0,0")]
    [InlineData("10.0.0.1.4.1")]
    [InlineData("(10,0,0,1,4,1)")]
    [InlineData("10,0,0,1,4,1 x")]
    [InlineData("0x0a,0,0,1,4,1")]
    [InlineData("1000,0,0,1,4,1")]
    public void A_PORT_of_another_form_is_malformed(string argument)
    {
        Assert.Equal(FtpArgument.Malformed, FtpActive.ReadPort(Encoding.ASCII.GetBytes(argument), out _, out _));
    }

    [Theory]
    [InlineData("|1|132.235.1.2|6275|", "132.235.1.2:6275")]
    [InlineData("|2|1080::8:800:200C:417A|5282|", "[1080::8:800:200c:417a]:5282")]
    [InlineData("!1!10.0.0.1!65535!", "10.0.0.1:65535")]
    [InlineData("|2|::ffff:10.0.0.1|1025|", "10.0.0.1:1025")]
    [InlineData("|2|::1|1|", "[::1]:1")]
    public void EPRT_has_a_network_protocol_an_address_and_a_port(string argument, string expected)
    {
        Assert.Equal(FtpArgument.Address, FtpActive.ReadEprt(Encoding.ASCII.GetBytes(argument), out var address, out var port));
        Assert.Equal(expected, new IPEndPoint(address, port).ToString());
    }

    [Theory]
    [InlineData("", "Malformed")]
    [InlineData("|", "Malformed")]
    [InlineData("||||", "Malformed")]
    [InlineData("|1|10.0.0.1|1025", "Malformed")]
    [InlineData("|1|10.0.0.1|1025||", "Malformed")]
    [InlineData("x|1|10.0.0.1|1025|", "Malformed")]
    [InlineData("|1|10.0.0.1|65536|", "Malformed")]
    [InlineData("|1|10.0.0.1|0|", "Malformed")]
    [InlineData("|1|10.1|1025|", "Malformed")]
    [InlineData("|1|::1|1025|", "Malformed")]
    [InlineData("|1|host|1025|", "Malformed")]
    [InlineData("|2|10.0.0.1|1025|", "Malformed")]
    [InlineData("|2|fe80::1%1|1025|", "Malformed")]
    [InlineData("|2|[::1]|1025|", "Malformed")]
    [InlineData("|2|:::|1025|", "Malformed")]
    [InlineData("|3|a|1025|", "OtherProtocol")]
    [InlineData("|x|a|1025|", "Malformed")]
    public void An_EPRT_of_another_form_is_malformed_or_of_another_protocol(string argument, string expected)
    {
        Assert.Equal(Enum.Parse<FtpArgument>(expected), FtpActive.ReadEprt(Encoding.ASCII.GetBytes(argument), out _, out _));
    }

    [Theory]
    [InlineData("10.0.0.1:1025", "PORT 10,0,0,1,4,1")]
    [InlineData("[2001:db8::1]:5282", "EPRT |2|2001:db8::1|5282|")]
    [InlineData("[fe80::1%7]:5282", "EPRT |2|fe80::1|5282|")]
    public void A_server_is_told_by_PORT_or_EPRT_where_it_is_waited_for(string at, string command)
    {
        Assert.Equal(command, FtpActive.Command(IPEndPoint.Parse(at)));
    }
}
