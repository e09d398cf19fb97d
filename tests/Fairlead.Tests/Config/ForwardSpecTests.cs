namespace Fairlead.Tests.Config;

public class ForwardSpecTests
{
    public static TheoryData<string, string, string> Valid => new()
    {
        { "8080:10.0.0.5:80", ":8080", "10.0.0.5:80" },
        { "8080:10.0.0.5:80/tcp", ":8080", "10.0.0.5:80" },
        { ":8080:localhost:80", ":8080", "localhost:80" },
        { "*:8080:localhost:80", ":8080", "localhost:80" },
        { "127.0.0.1:8080:10.0.0.5:80", "127.0.0.1:8080", "10.0.0.5:80" },
        { "localhost:0:h_1.example.com.:65535", "localhost:0", "h_1.example.com.:65535" },
        { "[::]:8080:[::1]:80", "[::]:8080", "[::1]:80" },
        { "8080:[fe80::1%eth0]:80", ":8080", "[fe80::1%eth0]:80" },
        { "8080:[::ffff:10.0.0.5]:80", ":8080", "[::ffff:10.0.0.5]:80" },
        { "8080:3com.example:80", ":8080", "3com.example:80" },
        { "8080:10.0.0.5.nip.io:80", ":8080", "10.0.0.5.nip.io:80" },
        { "8000-8010:10.0.0.5:9000-9010", ":8000-8010", "10.0.0.5:9000-9010" },
        { "127.0.0.1:8000-8010:10.0.0.5:80", "127.0.0.1:8000-8010", "10.0.0.5:80" },
        { "8000-8000:10.0.0.5:80-80", ":8000", "10.0.0.5:80" },
        { "unix:/run/a:10.0.0.5:80", "unix:/run/a", "10.0.0.5:80" },
        { "5353:10.0.0.53:53/udp", ":5353/udp", "10.0.0.53:53" },
        { "[::1]:5353:[2001:db8::53]:53/udp", "[::1]:5353/udp", "[2001:db8::53]:53" },
        { "localhost:53:10.0.0.53:53/tcp+udp", "localhost:53/tcp+udp", "10.0.0.53:53" },
        { "27015-27030:10.0.0.30:27015-27030/udp", ":27015-27030/udp", "10.0.0.30:27015-27030" },
        { "unix:/run/a:[::1]:80/tcp", "unix:/run/a", "[::1]:80/tcp" },
        { "unix:/run/a:unix:/run/b:c", "unix:/run/a", "unix:/run/b:c" },
        { "127.0.0.1:80:unix:rel/path", "127.0.0.1:80", "unix:rel/path" },
        { "[::1]:80:unix:/run/[a", "[::1]:80", "unix:/run/[a" },
        { "8000-8001:unix:/run/tcp.sock", ":8000-8001", "unix:/run/tcp.sock" },
    };

    [Theory]
    [MemberData(nameof(Valid))]
    public void A_spec_of_the_form_is_read(string spec, string listen, string to)
    {
        var forward = ForwardConfig.Parse(spec);

        Assert.Equal(listen, Assert.Single(forward.Listen).ToString());
        Assert.Equal(to, forward.To.ToString());
        Assert.Equal(listen, forward.Title);
    }

    public static TheoryData<string, string> Invalid => new()
    {
        { "", "is empty; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80" },
        { "8080", "has no target; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80" },
        { "8080:80", "has no target host; write 8080:127.0.0.1:80 for a port of this machine" },
        { "8080:10.0.0.5", "target '10.0.0.5' has no port; write one behind it, like 8080:10.0.0.5:80" },
        { "8080:", "target '' has no port; write one behind it, like 8080:10.0.0.5:80" },
        { "host:80", "has no target; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80" },
        { ":", "has no target; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80" },
        { "::", "listen port is missing; write a number from 1 to 65535, like 8080" },
        { ":::", "listen port is missing; write a number from 1 to 65535, like 8080" },
        { "8080::80", "target host is missing; write its name or address, or 127.0.0.1 for this machine" },
        { "8080:*:80", "target host '*' stands for every address, and a target is one; write its name or address, or 127.0.0.1 for this machine" },
        { ":80:80", "listen port is missing; write a number from 1 to 65535, like 8080" },
        { "x:host:80", "listen port 'x' is not a number; write a number from 1 to 65535, like 8080" },
        { "8080:host:http", "target port 'http' is not a number; write a number from 1 to 65535, like 8080" },
        { "8080:host:", "target port is missing; write a number from 1 to 65535, like 8080" },
        { ":host:80", "listen port is missing; write a number from 1 to 65535, like 8080" },
        { "70000:host:80", "listen port '70000' is above 65535; write a number from 1 to 65535, like 8080" },
        { "99999999999999999999:host:80", "listen port '99999999999999999999' is above 65535; write a number from 1 to 65535, like 8080" },
        { "8080:host:65536", "target port '65536' is above 65535; write a number from 1 to 65535, like 8080" },
        { "-1:host:80", "listen port range '-1' lacks an end; write the first and the last port, like 8000-8010" },
        { "8000-:host:80", "listen port range '8000-' lacks an end; write the first and the last port, like 8000-8010" },
        { "-8010:host:80", "listen port range '-8010' lacks an end; write the first and the last port, like 8000-8010" },
        { "8010-8000:host:80", "listen port range '8010-8000' runs backwards; write 8000-8010" },
        { "0-10:host:80", "listen port range '0-10' begins with 0; a range begins at 1, and port 0 (the system chooses one) stands alone" },
        { "8000-8010-8020:host:80", "listen port '8010-8020' is not a number; write a number from 1 to 65535, like 8080" },
        { "8000-8010:host:9000-9004", "listen range 8000-8010 has 11 ports and target range 9000-9004 has 5; ranges map one to one, so write ranges of the same length, or one target port for all" },
        { "8080:host:9000-9004", "one port is listened on and the target is 5 ports (9000-9004); write one target port, or listen on 5 ports" },
        { "unix:/run/a:host:9000-9004", "one socket is listened on and the target is 5 ports (9000-9004); write one target port, or listen on 5 ports" },
        { "0-0:host:80", "listen port range '0-0' begins with 0; a range begins at 1, and port 0 (the system chooses one) stands alone" },
        { "8080:host:0", "target port 0 cannot be connected to; write the port that the target listens on, from 1 to 65535" },
        { "53/udp:host:53", "listen port '53/udp' carries a protocol, which stands once, at the end: 8080:10.0.0.5:80/udp" },
        { "unix:/run/a:host:53/udp", "target host:53/udp is for UDP, and a Unix socket is a stream; leave /udp out, or listen on a port" },
        { "unix:/run/a:host:53/tcp+udp", "target host:53/tcp+udp is for UDP, and a Unix socket is a stream; leave /tcp+udp out, or listen on a port" },
        { "53:unix:/run/a/udp", "target Unix path '/run/a/udp' ends in a protocol, and a Unix socket has none; leave out /udp" },
        { "127.0.0.1:53:127.0.0.1:53/udp", "leads to itself: the target 127.0.0.1:53 is reached by listen 127.0.0.1:53/udp; write another target" },
        { "8000-8010:host:9000-9004/udp", "listen range 8000-8010 has 11 ports and target range 9000-9004 has 5; ranges map one to one, so write ranges of the same length, or one target port for all" },
        { "8080:host:80/sctp", "protocol '/sctp' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP" },
        { "8080:host:80/TCP", "protocol '/TCP' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP" },
        { "8080:host:80/", "protocol '/' is unknown; write /tcp, /udp or /tcp+udp, or leave it out for TCP" },
        { "8080/tcp:host:80", "listen port '8080/tcp' carries a protocol, which stands once, at the end: 8080:10.0.0.5:80/tcp" },
        { "8080:10.0.0.256:80", "target host '10.0.0.256' is not an IPv4 address: '256' is above 255; write an address like 10.0.0.5" },
        { "8080:10.0.1:80", "target host '10.0.1' is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5" },
        { "8080:1234:80", "target host '1234' is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5" },
        { "8080:010.0.0.1:80", "target host '010.0.0.1' is not an IPv4 address: '010' has a leading zero, which some programs read as octal; write '10'" },
        { "8080:0x7f.1:80", "target host '0x7f.1' ends in a number but is not an IPv4 address; write an address like 10.0.0.5, or a name that ends in letters" },
        { "8080:0x7f000001:80", "target host '0x7f000001' ends in a number but is not an IPv4 address; write an address like 10.0.0.5, or a name that ends in letters" },
        { "8080:host.1:80", "target host 'host.1' ends in a number but is not an IPv4 address; write an address like 10.0.0.5, or a name that ends in letters" },
        { "8080:1.2.3.4.5:80", "target host '1.2.3.4.5' is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5" },
        { "8080:ho st:80", "target host 'ho st' has a space; a name has letters, digits, '-', '_' and dots" },
        { "8080:ho\tst:80", "target host 'ho\\u0009st' has a control character; a name has letters, digits, '-', '_' and dots" },
        { "8080:h\u00f6st:80", "target host 'höst' has a character beyond ASCII; write the name as its DNS form, which begins with xn--" },
        { "8080:ho\u202est:80", "target host 'ho\\u202est' has a character beyond ASCII; write the name as its DNS form, which begins with xn--" },
        { "8080:-host:80", "target host '-host' has a label that begins or ends with '-'; labels begin and end with a letter or a digit" },
        { "8080:host-:80", "target host 'host-' has a label that begins or ends with '-'; labels begin and end with a letter or a digit" },
        { "8080:a..b:80", "target host 'a..b' has an empty label; write names like host.example.com" },
        { "8080:.:80", "target host '.' has an empty label; write names like host.example.com" },
        { "8080:http//host:80", "target host 'http//host' has a '/'; write a host, like 10.0.0.5, without a path, a network or http://" },
        { "8080:http://host:80", "listen host '8080' is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5" },
        { "::1:8080:host:80", "has too many parts; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80, with an IPv6 address in brackets, like [::1]" },
        { "8080:::1:80", "has too many parts; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80, with an IPv6 address in brackets, like [::1]" },
        { "8080:2001:db8::1:80", "has too many parts; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80, with an IPv6 address in brackets, like [::1]" },
        { "8080:[::1:80", "has a '[' without ']'; an IPv6 address stands in brackets, like [::1]:80" },
        { "8080:[::1]80:80", "target host '[::1]80' is not an IPv6 address; write one like [2001:db8::5] or [fe80::1%eth0]" },
        { "8080:[]:80", "target host '[]' is not an IPv6 address in brackets; only those stand in brackets, like [::1]" },
        { "8080:[host]:80", "target host '[host]' is not an IPv6 address in brackets; only those stand in brackets, like [::1]" },
        { "8080:[10.0.0.1]:80", "target host '[10.0.0.1]' is not an IPv6 address in brackets; only those stand in brackets, like [::1]" },
        { "8080:[::g]:80", "target host '::g' is not an IPv6 address; write one like [2001:db8::5] or [fe80::1%eth0]" },
        { "8080:[1:2:3]:80", "target host '1:2:3' is not an IPv6 address; write one like [2001:db8::5] or [fe80::1%eth0]" },
        { "8080:[::1%]:80", "target host '::1%' has the scope '', which is not an interface; write one like [fe80::1%eth0]" },
        { "8080:[::1%eth/0]:80", "target host '::1%eth/0' has the scope 'eth/0', which is not an interface; write one like [fe80::1%eth0]" },
        { "8080:[::1%averyverylonginterface]:80", "target host '::1%averyverylonginterface' has the scope 'averyverylonginterface', which is not an interface; write one like [fe80::1%eth0]" },
        { "8080:fe80%eth0:80", "target host 'fe80%eth0' has the character '%'; a scope stands within brackets, like [fe80::1%eth0]" },
        { "8080:host]:80", "target host 'host]' has the character ']'; brackets stand around a whole IPv6 address, like [::1]:80" },
        { "*x:8080:host:80", "listen host '*x' has the character '*'; '*' stands alone, for every address" },
        { "10.0.0.256:8080:host:80", "listen host '10.0.0.256' is not an IPv4 address: '256' is above 255; write an address like 10.0.0.5" },
        { "unix:", "has no target; write where connections go behind the path, like unix:/run/app.sock:10.0.0.5:80" },
        { "unix::host:80", "listen Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock" },
        { "unix:/run/a", "has no target; write where connections go behind the path, like unix:/run/app.sock:10.0.0.5:80" },
        { "unix:/run/a:host", "target 'host' has no port; write HOST:PORT, like 10.0.0.5:80" },
        { "unix:/run/a:8080:host:80", "target '8080:host:80' has too many parts; write HOST:PORT, with an IPv6 address in brackets, like [::1]:80" },
        { "unix:/run/a:unix:", "target Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock" },
        { "8080:unix:", "target Unix path is missing; write the socket's path behind unix:, like unix:/run/app.sock" },
        { "8080:unix:/run/a/tcp", "target Unix path '/run/a/tcp' ends in a protocol, and a Unix socket has none; leave out /tcp" },
        { "8080:unix:/run/\0a", "target Unix path '/run/\\u0000a' has a NUL character; a path has none" },
        { "unix:/run/a/udp:host:80", "listen Unix path '/run/a/udp' ends in a protocol, and a Unix socket has none; leave out /udp" },
        { "a:b:c:unix:/x", "has too many parts; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80, with an IPv6 address in brackets, like [::1]" },
        { "8080:host:80:90:100", "has too many parts; write [BIND:]PORT:HOST:PORT, like 8080:10.0.0.5:80, with an IPv6 address in brackets, like [::1]" },
        { "8080:user@host:80", "target host 'user@host' has the character '@'; a name has letters, digits, '-', '_' and dots" },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void A_spec_of_another_form_is_refused_with_its_part_and_the_remedy(string spec, string complaint)
    {
        var error = Assert.Throws<FormatException>(() => ForwardConfig.Parse(spec));

        Assert.Equal($"forward '{Printable.Escape(spec)}': {complaint}", error.Message);
    }

    [Theory]
    [InlineData(107, true)]
    [InlineData(108, false)]
    public void A_unix_path_has_at_most_107_bytes(int length, bool isTaken)
    {
        var path = "/" + new string('a', length - 3) + "ü";

        var error = Record.Exception(() => ForwardConfig.Parse($"8080:unix:{path}"));

        if (isTaken)
            Assert.Null(error);
        else
            Assert.EndsWith("is 108 bytes long; the system takes at most 107, so use a shorter or a relative one", Assert.IsType<FormatException>(error).Message);
    }

    [Fact]
    public void A_name_has_at_most_253_characters_and_a_label_63()
    {
        var label = new string('a', 63);
        var longest = $"{label}.{label}.{label}.{new string('a', 61)}";

        Assert.Equal(longest, ((PortEndpoint)ForwardConfig.Parse($"1:{longest}:80").To[0].Address).Host);
        Assert.EndsWith("is 254 characters long; a name has at most 253", Complaint($"1:{longest}a:80"));
        Assert.Contains("has a label of 64 characters", Complaint($"1:{label}a.example:80"));
    }

    [Fact]
    public void A_long_spec_is_cut_in_its_error()
    {
        var message = Complaint(new string('x', 100_000));

        Assert.InRange(message.Length, 255, 400);
        Assert.Contains("x…': has no target", message);
    }

    [Fact]
    public void Whatever_is_written_throws_nothing_but_a_format_error()
    {
        string[] fragments =
        [
            "unix:", ":", "::", "[", "]", "[::1]", "%", "eth0", "8080", "80", "0", "65535", "65536", "-", "8000-8010", "*", "host", "10.0.0.5", "10.0.0.256",
            "localhost", "/tcp", "/udp", "/tcp+udp", "/", ".", "0x7f", "fe80::1", "\0", "\u202e", "\ud800", "ü", " ", "\t", "é", "99999999999999999999", "a",
        ];
        var random = new Random(20261122);
        for (var round = 0; round < 200_000; round++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 9))
                .Select(_ => random.Next(8) == 0 ? ((char)random.Next(256)).ToString() : fragments[random.Next(fragments.Length)]));
            Try(() => ForwardConfig.Parse(text).To[0].Address, text);
            Try(() => Endpoint.Parse(text), text);
        }
    }

    private static void Try(Func<Endpoint> parse, string text)
    {
        Endpoint endpoint;
        try
        {
            endpoint = parse();
        }
        catch (FormatException error)
        {
            if (error.Message.Any(char.IsControl))
                Assert.Fail($"the error for '{Printable.Escape(text)}' has a control character");
            return;
        }
        if (Endpoint.Parse(new UpstreamConfig(endpoint).ToString()) != endpoint)
            Assert.Fail($"what '{Printable.Escape(text)}' was read as does not read as itself");
    }

    private static string Complaint(string spec) => Assert.Throws<FormatException>(() => ForwardConfig.Parse(spec)).Message;
}
