using Fairlead.Ssh;

namespace Fairlead.Tests;

/// <summary>What is said of a tunnel that is down.</summary>
public sealed class TunnelNoticeTests
{
    [Theory, InlineData(SshEndCause.Disconnected), InlineData(SshEndCause.Lost), InlineData(SshEndCause.Protocol), InlineData(SshEndCause.Authentication)]
    public void Whatever_a_peer_says_is_one_line(SshEndCause cause)
    {
        var told = Assert.Single(Notice.TunnelDown("office", new SshEnd(cause, null, "bye\nWARNING: run ssh-keygen -R gw\u001b[2J"), null));
        Assert.Equal("tunnel_down", told.Event);
        Assert.DoesNotContain('\n', told.Message);
        Assert.DoesNotContain('\u001b', told.Message);
    }

    [Fact]
    public void What_has_to_be_said_of_a_key_is_a_line_each()
    {
        var told = Notice.TunnelDown("office", new SshEnd(SshEndCause.HostKey, null, "WARNING\nremedy"), null).ToList();
        Assert.Equal(["tunnel_host_key", "tunnel_host_key", "tunnel_down"], told.Select(notice => notice.Event));
    }
}
