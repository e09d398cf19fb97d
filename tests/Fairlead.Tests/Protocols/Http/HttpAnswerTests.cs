using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class HttpAnswerTests
{
    [Fact]
    public void An_answer_is_a_response_with_its_reason()
    {
        Assert.Equal(
            "HTTP/1.1 400 Bad Request\nContent-Type: text/plain; charset=utf-8\nContent-Length: 16\nCache-Control: no-store\nConnection: close\n\nHost is missing\n",
            HttpText.Text(new HttpAnswer(400, "Host is missing").ToBytes()));
    }

    [Theory]
    [InlineData(200), InlineData(400), InlineData(403), InlineData(404), InlineData(405), InlineData(407), InlineData(408), InlineData(414), InlineData(431), InlineData(501), InlineData(502)]
    [InlineData(504), InlineData(505)]
    public void Every_answer_is_framed_and_read_again(int status)
    {
        var bytes = new HttpAnswer(status, "größer").ToBytes();
        var parsed = HttpResponseHead.Read(bytes);
        Assert.Equal(status, parsed.Value!.Status);
        Assert.NotEqual("Error", parsed.Value.Reason);
        var framing = HttpFraming.OfResponse("GET", status, parsed.Value.Fields, isHttp10: false, out _);
        Assert.Equal(bytes.Length - parsed.Length, framing.Length);
        Assert.False(parsed.Value.KeepsOpen);
    }

    [Fact]
    public void An_answer_to_HEAD_has_no_body()
    {
        var answer = new HttpAnswer(404, "nothing is here");
        Assert.Equal(answer.ToBytes().Length, answer.ToBytes(isHead: true).Length + Encoding.UTF8.GetByteCount("nothing is here\n"));
    }

    [Fact]
    public void A_password_is_asked_for_and_the_connection_may_stay()
    {
        var head = HttpResponseHead.Read(HttpAnswer.CredentialsWanted.ToBytes(keepsOpen: true)).Value!;
        Assert.Equal("Basic realm=\"fairlead\", charset=\"UTF-8\"", head.Fields.First("Proxy-Authenticate"));
        Assert.True(head.KeepsOpen);
    }

    [Theory]
    [InlineData(DialOutcome.NotAllowed, 403)]
    [InlineData(DialOutcome.Refused, 502)]
    [InlineData(DialOutcome.Unreachable, 502)]
    [InlineData(DialOutcome.NameUnknown, 502)]
    [InlineData(DialOutcome.NoLocalAddress, 502)]
    [InlineData(DialOutcome.NoResources, 502)]
    [InlineData(DialOutcome.Busy, 502)]
    [InlineData(DialOutcome.Cancelled, 502)]
    [InlineData(DialOutcome.Failed, 502)]
    [InlineData(DialOutcome.TimedOut, 504)]
    public void A_dial_that_failed_has_a_status_and_a_reason_without_its_detail(DialOutcome outcome, int status)
    {
        var answer = HttpAnswer.Of(new DialResult(outcome, null, "proxy 10.1.2.3:1080: no"), "example.com:80");
        Assert.Equal(status, answer.Status);
        Assert.DoesNotContain("10.1.2.3", answer.Text, StringComparison.Ordinal);
        Assert.True(answer.Text.Contains("example.com:80", StringComparison.Ordinal) || outcome is DialOutcome.NoLocalAddress or DialOutcome.NoResources);
    }

    [Theory]
    [InlineData("Basic dXNlcjpwYXNz", "user", "pass")]
    [InlineData("bAsIc  dXNlcjpwYXNz", "user", "pass")]
    [InlineData("Basic dXNlcjpwYTpzcw==", "user", "pa:ss")]
    [InlineData("Basic Og==", "", "")]
    [InlineData("Basic w6TDtjrDvA==", "äö", "ü")]
    public void A_user_and_a_password_are_read(string value, string user, string password)
    {
        var credentials = BasicCredentials.Read(Presented(value))!;
        Assert.Equal((user, password), (Encoding.UTF8.GetString(credentials.User), Encoding.UTF8.GetString(credentials.Password)));
        Assert.Equal("***", credentials.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("Basic")]
    [InlineData("Basic ")]
    [InlineData("Basic\tdXNlcjpwYXNz")]
    [InlineData("Bearer dXNlcjpwYXNz")]
    [InlineData("Basic dXNlcjpwYXN")]
    [InlineData("Basic dXNlcg==")]
    [InlineData("Basic dXNl cjpwYXNz")]
    [InlineData("Basic dXNlcjpwYXNz, Basic dXNlcjpwYXNz")]
    [InlineData("Basic ====")]
    [InlineData("Basic \u00e4\u00f6\u00fc\u00df")]
    public void What_is_no_user_and_password_is_none(string value) => Assert.Null(BasicCredentials.Read(Presented(value)));

    [Fact]
    public void Two_presentations_are_none() => Assert.Null(BasicCredentials.Read(new HttpFields([new("Proxy-Authorization", "Basic Og=="), new("proxy-authorization", "Basic Og==")])));

    [Fact]
    public void A_user_and_a_password_are_bounded_and_written_as_they_are_read()
    {
        var longest = new string('u', BasicCredentials.MostBytes);
        var credentials = BasicCredentials.Read(Presented(BasicCredentials.ToField(longest, Encoding.UTF8.GetBytes(longest))))!;
        Assert.Equal((longest, longest), (Encoding.UTF8.GetString(credentials.User), Encoding.UTF8.GetString(credentials.Password)));
        Assert.Null(BasicCredentials.Read(Presented(BasicCredentials.ToField(longest + "u", []))));
        Assert.Null(BasicCredentials.Read(Presented(BasicCredentials.ToField("", Encoding.UTF8.GetBytes(longest + "p")))));
        Assert.Null(BasicCredentials.Read(Presented(BasicCredentials.ToField(new string('u', 100_000), []))));
    }

    [Theory]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: proxy.example:3128\n\n", "proxy.example:3128")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: proxy.example\n\n", "proxy.example:80")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: [::1]:1080\n\n", "[::1]:1080")]
    [InlineData("GET /proxy.pac HTTP/1.0\n\n", "10.0.0.1:1080")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost:\n\n", "10.0.0.1:1080")]
    public void The_PAC_file_names_the_proxy_as_the_client_has_reached_it(string request, string proxy)
    {
        var answer = ProxyAutoConfig.Answer(HttpText.RequestHead(request), new IPEndPoint(IPAddress.Parse("10.0.0.1"), 1080), isSecured: false);
        Assert.Equal((200, "application/x-ns-proxy-autoconfig"), (answer.Status, answer.ContentType));
        Assert.Equal($"function FindProxyForURL(url, host) {{\n    return \"PROXY {proxy}\";\n}}", answer.Text.ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: proxy.example:8443\n\n", "proxy.example:8443")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: proxy.example\n\n", "proxy.example:443")]
    [InlineData("GET /proxy.pac HTTP/1.1\nHost: [::1]:80\n\n", "[::1]:80")]
    public void A_PAC_file_that_was_asked_for_inside_TLS_says_so(string request, string proxy)
    {
        var answer = ProxyAutoConfig.Answer(HttpText.RequestHead(request), null, isSecured: true);
        Assert.Contains($"\"HTTPS {proxy}\"", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("h\";alert(1);\"")]
    [InlineData("h\\")]
    [InlineData("h; DIRECT")]
    [InlineData("h:80; DIRECT")]
    [InlineData("<h>")]
    [InlineData("h'")]
    public void Nothing_can_be_put_into_the_PAC_file(string host) => Assert.Equal(400, HttpText.Request($"GET /proxy.pac HTTP/1.1\nHost: {host}\n\n").Code);

    [Fact]
    public void The_PAC_file_is_only_read() => Assert.Equal(405, ProxyAutoConfig.Answer(HttpText.RequestHead("POST /proxy.pac HTTP/1.1\nHost: h\n\n"), null, isSecured: false).Status);

    private static HttpFields Presented(string value) => new([new("Proxy-Authorization", value)]);
}
