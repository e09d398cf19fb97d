using System.Net;

namespace Fairlead.Tests.Config;

public sealed class ProxyUrlTests
{
    public static TheoryData<string, string> Valid => new()
    {
        { "socks5://10.0.0.5", "socks5://10.0.0.5:1080" },
        { "socks5://proxy.example:9050", "socks5://proxy.example:9050" },
        { "SOCKS5H://proxy.example/", "socks5h://proxy.example:1080" },
        { "socks4a://me@proxy.example", "socks4a://me@proxy.example:1080" },
        { "http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128" },
        { "http://alice:secret@proxy.example:3128/", "http://alice:***@proxy.example:3128" },
        { "socks5://alice:secret@[::1]", "socks5://alice:***@[::1]:1080" },
        { "socks5://alice@h:1", "socks5://alice@h:1" },
        { "socks5://alice:@h:65535", "socks5://alice:***@h:65535" },
        { "socks5://al%40ice:a%3Ab@h:1", "socks5://al%40ice:***@h:1" },
        { "socks5://alice:p@ss/w:rd@h:1", "socks5://alice:***@h:1" },
    };

    [Theory, MemberData(nameof(Valid))]
    public void A_proxy_of_the_form_is_read_and_shown_without_its_password(string text, string shown) => Assert.Equal(shown, ProxyUrl.Parse(text).ToString());

    [Fact]
    public void Its_parts_are_what_was_written()
    {
        var url = ProxyUrl.Parse("socks5h://al%40ice:p%C3%A4%25ss@proxy.example:9050");
        Assert.Equal((ProxyScheme.Socks5h, "proxy.example", 9050, "al@ice"), (url.Scheme, url.Host, url.Port, url.User));
        Assert.True(url.Password!.Matches("pä%ss"));
        Assert.Equal("pä%ss"u8, url.Password.Reveal());
        Assert.Equal(new DnsEndPoint("proxy.example", 9050), url.EndPoint);
        Assert.Equal(IPEndPoint.Parse("[::1]:1080"), ProxyUrl.Parse("socks5://[::1]").EndPoint);
        Assert.Null(ProxyUrl.Parse("socks5://alice@h").Password);
        Assert.True(ProxyUrl.Parse("socks5://alice:p@ss/w:rd@h:1").Password!.Matches("p@ss/w:rd"));
    }

    [Fact]
    public void Two_of_the_same_parts_are_equal()
    {
        var url = ProxyUrl.Parse("socks5://alice:secret@h:1080");
        Assert.Equal(ProxyUrl.Parse("socks5://alice:secret@h"), url);
        Assert.Equal(ProxyUrl.Parse("socks5://alice:secret@h").GetHashCode(), url.GetHashCode());
        Assert.NotEqual(ProxyUrl.Parse("socks5://alice:other@h"), url);
        Assert.NotEqual(ProxyUrl.Parse("socks5h://alice:secret@h"), url);
    }

    [Fact]
    public void A_password_may_be_elsewhere()
    {
        Assert.True(ProxyUrl.Parse($"socks5://alice:env:PATH@h").Password!.Matches(Environment.GetEnvironmentVariable("PATH")!));
        var file = ProxyUrl.Parse("socks5://alice:file:/etc/secret@h", "via", path => path == "/etc/secret" ? "from a file" : throw new FormatException("no"));
        Assert.True(file.Password!.Matches("from a file"));
    }

    public static TheoryData<string, string> Invalid => new()
    {
        { "proxy.example:1080", "proxy 'proxy.example:1080': has no scheme; write socks5, socks5h, socks4a or http before it, like socks5://10.0.0.5:1080" },
        { "https://h:1", "proxy 'https://h:1': scheme 'https' is unknown; write socks5, socks5h, socks4a or http" },
        { "ssh://h", "proxy 'ssh://h': scheme 'ssh' is that of a tunnel, and no proxy's; write socks5, socks5h, socks4a or http" },
        { "socks4://h", "proxy 'socks4://h': scheme 'socks4' has no names; write socks4a, which a proxy of SOCKS4 takes for addresses too" },
        { "http://h", "proxy 'http://h': has no port; write one, like http://10.0.0.5:3128" },
        { "socks5://", "proxy 'socks5://': host is missing; write the proxy's name or address" },
        { "socks5://:1080", "proxy 'socks5://:1080': host is missing; write the proxy's name or address" },
        { "socks5://*:1080", "proxy 'socks5://*:1080': host is missing; write the proxy's name or address" },
        { "socks5://h:0", "proxy 'socks5://h:0': port 0 cannot be connected to; write the port that the proxy listens on" },
        { "socks5://h:1-2", "proxy 'socks5://h:1-2': has the ports 1-2; a proxy has one" },
        { "socks5://h:x", "proxy 'socks5://h:x': port 'x' is not a number; write a number from 1 to 65535, like 8080" },
        { "socks5://h:", "proxy 'socks5://h:': port is missing; write a number from 1 to 65535, like 8080" },
        { "socks5://::1:80", "proxy 'socks5://::1:80': has too many parts; write HOST:PORT, with an IPv6 address in brackets, like socks5://[::1]:1080" },
        { "socks5://[::1", "proxy 'socks5://[::1': has a '[' without ']'; an IPv6 address stands in brackets, like [::1]:80" },
        { "socks5://h:1/path", "proxy 'socks5://h:1/path': has '/path' behind the host; a proxy has no path" },
        { "socks5://h ost", "proxy 'socks5://h ost': host 'h ost' has a space; a name has letters, digits, '-', '_' and dots" },
        { "socks5://:secret@h", "proxy 'socks5://:***@h': user is missing; write USER:PASSWORD before the '@', or leave it out" },
        { "socks5://@h", "proxy 'socks5://@h': user is missing; write USER:PASSWORD before the '@', or leave it out" },
        { "socks4a://me:secret@h", "proxy 'socks4a://me:***@h': has a password, and SOCKS4 knows none; write socks5h, or leave the password out" },
        { "http://a%3Ab:secret@h:1", "proxy 'http://a%3Ab:***@h:1': user has a ':', which HTTP takes for its end; use another user" },
        { "socks5://a%00:secret@h", "proxy 'socks5://a%00:***@h': user has a NUL character; no proxy takes one" },
        { "socks5://al%4ice:secret@h", "proxy 'socks5://al%4ice:***@h': user has a '%' that two hexadecimal digits do not follow; write %25 for the character itself" },
        { "socks5://alice:sec%ret@h", "proxy 'socks5://alice:***@h': password has a '%' that two hexadecimal digits do not follow; write %25 for the character itself" },
        { "socks5://alice:sec%r", "proxy 'socks5://alice:sec%r': port 'sec%r' is not a number; write a number from 1 to 65535, like 8080" },
        { "socks5://alice:%ff@h", "proxy 'socks5://alice:***@h': password is not UTF-8; write each of its bytes as %XX" },
        { "alice:secret@h:1080", "proxy 'alice:***@h:1080': has no scheme; write socks5, socks5h, socks4a or http before it, like socks5://10.0.0.5:1080" },
        { "socks5://alice:env:FAIRLEAD_NOT_SET@h", "proxy 'socks5://alice:***@h': password 'env:FAIRLEAD_NOT_SET' names an environment variable that is not set; set it, or write file:/path" },
        { "so\u001bcks://h", "proxy 'so\\u001bcks://h': scheme 'so\\u001bcks' is unknown; write socks5, socks5h, socks4a or http" },
    };

    [Theory, MemberData(nameof(Invalid))]
    public void Any_other_is_refused_with_the_part_and_the_remedy_and_without_the_password(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<FormatException>(() => ProxyUrl.Parse(text)).Message);

    [Fact]
    public void A_user_and_a_password_have_255_bytes_at_the_most()
    {
        var longest = new string('x', 255);
        Assert.Equal(longest, ProxyUrl.Parse($"socks5://{longest}:{longest}@h").User);
        Assert.EndsWith("user is 256 bytes long; at most 255 can be sent", Assert.Throws<FormatException>(() => ProxyUrl.Parse($"socks5://{longest}x:p@h")).Message, StringComparison.Ordinal);
        Assert.EndsWith("password is longer than the 255 bytes that SOCKS5 can send; use a shorter one", Assert.Throws<FormatException>(() => ProxyUrl.Parse($"socks5://u:{longest}x@h")).Message, StringComparison.Ordinal);
        Assert.NotNull(ProxyUrl.Parse($"http://u:{longest}x@h:1").Password);
    }

    [Theory, Seeds(2)]
    public void Whatever_the_text_is_it_is_read_or_refused(int seed)
    {
        var random = new Random(seed);
        string[] pieces = ["socks5", "http", "://", ":", "@", "[", "]", "::1", "%", "%41", "/", "?", "h", "10.0.0.5", "1080", "env:", "unix:", "-", "*", "\u202e", "\0", " "];
        for (var i = 0; i < 3000; i++)
        {
            var text = (random.Next(2) == 0 ? "socks5://" : "") + string.Concat(Enumerable.Range(0, random.Next(10)).Select(_ => pieces[random.Next(pieces.Length)]));
            try
            {
                var url = ProxyUrl.Parse(text);
                Assert.InRange(url.Port, 1, 65535);
                if (url.Password is null)
                    Assert.Equal(url, ProxyUrl.Parse(url.ToString()));
            }
            catch (FormatException e)
            {
                Assert.False(e.Message.Any(char.IsControl), e.Message);
            }
        }
    }
}
