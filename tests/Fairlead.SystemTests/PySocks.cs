using System.Net;

namespace Fairlead.SystemTests;

/// <summary>A client of others that sends datagrams through SOCKS5.</summary>
internal static class PySocks
{
    private const string Program = """
        import socket, socks, sys
        proxy, port, to, to_port, *login = sys.argv[1:]
        s = socks.socksocket(socket.AF_INET, socket.SOCK_DGRAM)
        s.set_proxy(socks.SOCKS5, proxy, int(port), True, *login)
        s.settimeout(20)
        for i in range(3):
            s.sendto(b"question %d" % i, (to, int(to_port)))
            answer, source = s.recvfrom(2000)
            assert source == (to, int(to_port)), source
            print(answer.decode())
        """;

    /// <summary>Asks a server three times by UDP ASSOCIATE: its answers, a line each.</summary>
    public static Task<(int Status, string Output)> AskAsync(IPEndPoint proxy, IPEndPoint server, (string Name, string Password)? login = null)
    {
        // Debian's own, which alone finds Debian's packages.
        const string Python = "/usr/bin/python3", Module = "/usr/lib/python3/dist-packages/socks.py";
        Assert.SkipUnless(File.Exists(Python) && File.Exists(Module), "PySocks is not installed (Debian package python3-socks).");
        return Peers.RunAsync(Python, ["-c", Program, $"{proxy.Address}", $"{proxy.Port}", $"{server.Address}", $"{server.Port}", .. login is var (name, password) ? new[] { name, password } : []]);
    }
}
