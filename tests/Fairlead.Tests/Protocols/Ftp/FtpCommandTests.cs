using System.Text;

namespace Fairlead.Tests.Protocols;

public sealed class FtpCommandTests
{
    [Theory]
    [InlineData("PASV", "Pasv", "")]
    [InlineData("pasv ", "Pasv", "")]
    [InlineData("Epsv 2", "Epsv", "2")]
    [InlineData("PORT 10,0,0,1,4,1", "Port", "10,0,0,1,4,1")]
    [InlineData("eprt |1|10.0.0.1|1025|", "Eprt", "|1|10.0.0.1|1025|")]
    [InlineData("AUTH TLS", "Auth", "TLS")]
    [InlineData("PBSZ 0", "Pbsz", "0")]
    [InlineData("PROT P", "Prot", "P")]
    [InlineData("CCC", "Ccc", "")]
    [InlineData("FEAT", "Feat", "")]
    [InlineData("REIN", "Rein", "")]
    [InlineData("ABOR", "Abor", "")]
    [InlineData("LPRT 4,4,10,0,0,1,2,4,1", "Unsupported", "4,4,10,0,0,1,2,4,1")]
    [InlineData("RETR a file  with spaces ", "Other", "a file  with spaces ")]
    [InlineData("XSHA256 x", "Other", "x")]
    [InlineData("PASVX", "Other", "")]
    [InlineData("PAS", "Other", "")]
    [InlineData("  PORT 1", "Port", "1")]
    public void A_command_is_its_verb_in_any_case_and_an_argument(string line, string verb, string argument)
    {
        var command = FtpCommand.Parse(Encoding.ASCII.GetBytes(line));

        Assert.Equal((Enum.Parse<FtpVerb>(verb), argument), (command.Verb, line[command.Argument..]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("   ")]
    [InlineData("PORT\t10,0,0,1,4,1")]
    [InlineData("PO\0RT 10,0,0,1,4,1")]
    [InlineData("NOOP\rPORT 10,0,0,1,4,1")]
    [InlineData("P\u00ff\u00f1ORT 10,0,0,1,4,1")]
    [InlineData("P@SW")]
    [InlineData("\u00ff\u00ffPORT 10,0,0,1,4,1")]
    [InlineData("\u00ff")]
    public void What_a_server_might_read_as_another_command_is_malformed(string line)
    {
        Assert.Equal(FtpVerb.Malformed, FtpCommand.Parse(Encoding.Latin1.GetBytes(line)).Verb);
    }

    [Theory]
    [InlineData("\u00ff\u00f4\u00ff\u00f2ABOR", "Abor", 4, false)] // IAC IP IAC DM
    [InlineData("\u00ff\u00f4\u00ffABOR", "Abor", 3, true)] // the mark was urgent data, and the system took it out
    [InlineData("\u00ff\u00fd\u0001\u00ff\u00fb\u0003PASV", "Pasv", 6, false)] // IAC DO ECHO IAC WILL SUPPRESS-GO-AHEAD
    [InlineData("\u00ff\u00f1 PASV", "Pasv", 3, false)]
    public void Telnet_commands_before_a_command_belong_to_it(string line, string verb, int start, bool hasLostMark)
    {
        var command = FtpCommand.Parse(Encoding.Latin1.GetBytes(line));

        Assert.Equal((Enum.Parse<FtpVerb>(verb), start, hasLostMark), (command.Verb, command.Start, command.HasLostMark));
    }

    [Theory]
    [InlineData("", "Port")]
    [InlineData(" ", "Port")]
    [InlineData("1", "V4")]
    [InlineData("2", "V6")]
    [InlineData("all", "All")]
    [InlineData("ALL ", "All")]
    [InlineData("3", "OtherProtocol")]
    [InlineData("alle", "Malformed")]
    [InlineData("-1", "Malformed")]
    public void EPSV_asks_for_a_port_of_a_network_protocol_or_for_ALL(string argument, string meaning)
    {
        Assert.Equal(Enum.Parse<FtpEpsv>(meaning), FtpEpsvArgument.Read(Encoding.ASCII.GetBytes(argument)));
    }
}
