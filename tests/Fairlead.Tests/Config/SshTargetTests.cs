using System.Net;

namespace Fairlead.Tests.Config;

public sealed class SshTargetTests
{
    [Theory]
    [InlineData("gw", null, "gw", 22, "gw")]
    [InlineData("alice@gw.example.com:2222", "alice", "gw.example.com", 2222, "alice@gw.example.com:2222")]
    [InlineData("alice@corp.example@gw:22", "alice@corp.example", "gw", 22, "alice@corp.example@gw")]
    [InlineData("[2001:db8::5]:2222", null, "2001:db8::5", 2222, "[2001:db8::5]:2222")]
    [InlineData("bob@[::1]", "bob", "::1", 22, "bob@[::1]")]
    [InlineData("ssh://bob@gw:23/", "bob", "gw", 23, "bob@gw:23")]
    [InlineData("SSH://al%40ice@gw", "al@ice", "gw", 22, "al@ice@gw")]
    public void A_server_of_the_form_is_read_and_shown_in_its_shortest(string text, string? user, string host, int port, string shown)
    {
        var target = SshTarget.Parse(text);

        Assert.Equal((user, host, port, shown), (target.User, target.Host, target.Port, target.ToString()));
        Assert.Equal(target, SshTarget.Parse(target.Url));
    }

    [Theory]
    [InlineData("", "ssh '': host is missing; write the name or the address of the server, like alice@gw.example.com")]
    [InlineData("@gw", "ssh '@gw': user is missing; write it before the '@', or leave the '@' out")]
    [InlineData("al\u001bice@gw", "ssh 'al\\u001bice@gw': user has a control character; no server knows one")]
    [InlineData("alice:secret@gw", "ssh 'alice:***@gw': has a password, which does not belong there; write it as the password of a tunnel, or log in by a key")]
    [InlineData("ssh://alice:secret@gw", "ssh 'ssh://alice:***@gw': has a password, which does not belong there; write it as the password of a tunnel, or log in by a key")]
    [InlineData("*:22", "ssh '*:22': host is missing; write the name or the address of the server, like alice@gw.example.com")]
    [InlineData("gw:0", "ssh 'gw:0': port 0 cannot be connected to; write the port that the server listens on")]
    [InlineData("gw:ssh", "ssh 'gw:ssh': port 'ssh' is not a number; write a number from 1 to 65535, like 8080")]
    [InlineData("2001:db8::5", "ssh '2001:db8::5': has too many parts; write [USER@]HOST[:PORT], with an IPv6 address in brackets, like alice@[2001:db8::5]:22")]
    [InlineData("-oProxyCommand=x", "ssh '-oProxyCommand=x': host '-oProxyCommand=x' has the character '='; a name has letters, digits, '-', '_' and dots")]
    public void Any_other_is_refused_with_the_part_and_the_remedy(string text, string expected) => Assert.Equal(expected, Assert.Throws<FormatException>(() => SshTarget.Parse(text)).Message);

    [Fact]
    public void Without_a_user_it_is_the_one_of_this_process()
    {
        Assert.Equal(Environment.UserName, SshTarget.Parse("gw").Login);
        Assert.Equal("bob", SshTarget.Parse("bob@gw").Login);
        Assert.Equal(new DnsEndPoint("gw", 22), SshTarget.Parse("gw").EndPoint);
        Assert.Equal(IPEndPoint.Parse("[::1]:2222"), SshTarget.Parse("[::1]:2222").EndPoint);
    }

    [Fact]
    public void A_pin_is_what_ssh_keygen_shows_of_a_key()
    {
        // ssh-keygen -lf of a key that was made for this test.
        var key = Convert.FromBase64String("AAAAC3NzaC1lZDI1NTE5AAAAIBL4TjOWyTR97QYI0Vb0BnnlfyjG9H6zFhUdcpaiOcf1");

        Assert.Equal(HostKeyPin.Of(key), HostKeyPin.Parse(HostKeyPin.Of(key).ToString()));
        Assert.Equal("SHA256:" + Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(key)).TrimEnd('='), HostKeyPin.Of(key).ToString());
        Assert.Equal(HostKeyPin.Of(key), HostKeyPin.Parse(HostKeyPin.Of(key) + "="));
        Assert.NotEqual(HostKeyPin.Of(key), HostKeyPin.Of([]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("SHA256:")]
    [InlineData("sha256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k")]
    [InlineData("SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3")]
    [InlineData("SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3kk")]
    [InlineData("SHA256:uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3!")]
    [InlineData("uNiVztksCsDhcc0u9e8BrrJXVGDiEKO7XMd4CJ30H3k")]
    public void What_is_no_pin_is_refused_with_how_to_get_one(string text) => Assert.Contains("as 'ssh-keygen -lf' shows it", Assert.Throws<FormatException>(() => HostKeyPin.Parse(text)).Message);

    [Fact]
    public void A_home_is_that_of_the_user_of_this_process()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

        Assert.Equal((home, $"{home}/.ssh/id", "/a/~b", "a~"), (HomePath.Expand("~"), HomePath.Expand("~/.ssh/id"), HomePath.Expand("/a/~b"), HomePath.Expand("a~")));
        Assert.Equal("'~bob/k' begins at the home of another user; write the path in full", Assert.Throws<FormatException>(() => HomePath.Expand("~bob/k")).Message);
    }
}
