using System.Net;

namespace Fairlead.Bench;

/// <summary>Lets a program connect through SOCKS5. It does no more than connect: what is sent and received is the program's own call.</summary>
static class Proxychains
{
    const string Name = "proxychains4";

    public static string? Missing => Programs.Missing(Name, Name);

    public static Command Through(IPEndPoint proxy, Command client, Workshop workshop)
    {
        var text = $"strict_chain\n[ProxyList]\nsocks5 {proxy.Address} {proxy.Port}\n";
        return new(Programs.PathOf(Name), ["-q", "-f", workshop.NewFile("proxychains.conf", text), client.Program, .. client.Arguments]);
    }
}
