using System.Net;

namespace Fairlead.Tests.Config;

public sealed class FtpRulesTests
{
    [Fact]
    public void What_is_written_by_default_is_right()
    {
        Assert.Empty(FtpRules.Faults(new FtpConfig(), hasTls: false));
        Assert.Equal(FtpTls.Refuse, new FtpConfig().Tls);
        Assert.Empty(FtpRules.Faults(new FtpConfig { Ports = new PortRange(1, 65535), Advertise = IPAddress.Parse("192.0.2.1"), Tls = FtpTls.Pass }, hasTls: false));
        Assert.Empty(FtpRules.Faults(new FtpConfig { Tls = FtpTls.Terminate }, hasTls: true));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 10)]
    [InlineData(10, 9)]
    [InlineData(65535, 65536)]
    public void Ports_are_from_1_to_65535_and_in_order(int first, int last)
    {
        var fault = Assert.Single(FtpRules.Faults(new FtpConfig { Ports = new PortRange(first, last) }, hasTls: false));
        Assert.Equal("ftp.ports", fault.Key);
    }

    [Theory]
    [InlineData("2001:db8::1", "IPv4")]
    [InlineData("0.0.0.0", "no address of one machine")]
    [InlineData("224.0.0.1", "no address of one machine")]
    [InlineData("255.255.255.255", "no address of one machine")]
    public void What_is_advertised_is_an_IPv4_address_of_one_machine(string address, string words)
    {
        var fault = Assert.Single(FtpRules.Faults(new FtpConfig { Advertise = IPAddress.Parse(address) }, hasTls: false));
        Assert.Equal("ftp.advertise", fault.Key);
        Assert.Contains(words, fault.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(FtpTls.Pass, "ftp.ports")]
    [InlineData(FtpTls.Terminate, "tls")]
    public void TLS_needs_what_carries_or_ends_it(FtpTls tls, string lacks)
    {
        var fault = Assert.Single(FtpRules.Faults(new FtpConfig { Tls = tls }, hasTls: false));
        Assert.Equal(("ftp.tls", lacks), (fault.Key, fault.Lacks));
    }
}
