using System.Net;

namespace Fairlead.SystemTests;

/// <summary>A dnsmasq that knows a name with both families, and one whose answer needs almost 4 KB.</summary>
internal sealed class NameServer : IDisposable
{
    /// <summary>How many texts the large answer has, of 250 letters each.</summary>
    public const int Records = 15;

    private readonly string dig = Peers.Require("dig", "bind9-dnsutils");
    private readonly Peer server;

    private NameServer(int port, Peer server) => (Port, this.server) = (port, server);

    public int Port { get; }

    public static async Task<NameServer> StartAsync()
    {
        var dnsmasq = Peers.Require("dnsmasq", "dnsmasq-base");
        var port = FreePorts.One();
        var texts = Enumerable.Range(0, Records).Select(i => $"--txt-record=large.test,{new string((char)('a' + i), 250)}");
        return new NameServer(port, await Peers.StartAsync(port, dnsmasq, [
            "--no-daemon", "--conf-file=/dev/null", $"--port={port}", "--listen-address=127.0.0.1", "--bind-interfaces", "--no-resolv", "--no-hosts", "--edns-packet-max=4096",
            "--host-record=both.test,192.0.2.1,2001:db8::1", .. texts]));
    }

    public async Task<string> DigAsync(IPEndPoint server, params string[] question)
    {
        var (status, output) = await Peers.RunAsync(dig, [$"@{server.Address}", "-p", $"{server.Port}", "+tries=5", "+time=3", .. question]);
        Assert.True(status == 0, output);
        return output;
    }

    public void Dispose() => server.Dispose();
}
