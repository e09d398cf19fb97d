namespace Fairlead.Tests.Config;

public class EndpointTests
{
    [Theory]
    [InlineData(":8080", ":8080")]
    [InlineData("*:8080", ":8080")]
    [InlineData("*:0", ":0")]
    [InlineData("10.0.0.5:80/tcp", "10.0.0.5:80")]
    [InlineData("[2001:db8::5]:80-90/udp", "[2001:db8::5]:80-90/udp")]
    [InlineData("host:53/tcp+udp", "host:53/tcp+udp")]
    [InlineData("unix:/run/a:b", "unix:/run/a:b")]
    public void An_endpoint_is_read_and_written(string text, string written) => Assert.Equal(written, Endpoint.Parse(text).ToString());

    [Theory]
    [InlineData("", "has no port; write HOST:PORT, like 10.0.0.5:80, or unix:PATH")]
    [InlineData("host", "has no port; write HOST:PORT, like 10.0.0.5:80, or unix:PATH")]
    [InlineData("[::1]", "has no port; write HOST:PORT, like 10.0.0.5:80, or unix:PATH")]
    [InlineData("8080", "has no colon; write :8080 for the port on every address, or HOST:PORT")]
    [InlineData("::1:80", "has too many parts; write HOST:PORT, with an IPv6 address in brackets, like [::1]:80")]
    [InlineData("host:unix:/a", "has too many parts; write HOST:PORT, with an IPv6 address in brackets, like [::1]:80")]
    [InlineData("host:", "port is missing; write a number from 1 to 65535, like 8080")]
    [InlineData("host:80/quic", "protocol '/quic' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP")]
    [InlineData("unix:", "Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock")]
    public void Another_text_is_refused(string text, string complaint)
    {
        Assert.Equal($"endpoint '{text}': {complaint}", Assert.Throws<FormatException>(() => Endpoint.Parse(text)).Message);
    }
}
