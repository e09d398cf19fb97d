using System.Net;
using System.Net.Sockets;
using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Dials from the far end of a tunnel (<c>direct-tcpip</c>), which looks names up itself. It answers once the far end has.</summary>
internal sealed class TunnelDialer(Tunnel tunnel) : IDialer
{
    public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
    {
        SshOpen open = target switch
        {
            DnsEndPoint name => new SshOpen.DirectTcp(name.Host, name.Port, "127.0.0.1", 0),
            IPEndPoint ip => new SshOpen.DirectTcp(ip.Address.ToString(), ip.Port, "127.0.0.1", 0),
            UnixDomainSocketEndPoint unix => new SshOpen.DirectStreamlocal(unix.ToString()),
            _ => throw new ArgumentException($"{target.GetType().Name} cannot be dialled through a tunnel.", nameof(target)),
        };
        var user = SynchronizationContext.Current;
        var link = tunnel.Pick(user);
        if (user == link.Context)
            return await link.OpenAsync(open, target, timeout, cancel);
        var result = default(DialResult);
        await link.Context.RunAsync(async () => result = await link.OpenAsync(open, target, timeout, cancel));
        return result.Connection is { } channel ? DialResult.To(ForeignConnection.For(user, channel)) : result;
    }
}
