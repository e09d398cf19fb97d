namespace Fairlead.SystemTests;

/// <summary>Dante: SOCKS4 and SOCKS5 with UDP ASSOCIATE. It goes on from an address of its own, so that servers see who came through it.</summary>
internal sealed class Dante : IDisposable
{
    /// <summary>Where its connections and datagrams come from.</summary>
    public const string From = "127.0.0.2";

    private readonly Folder folder;
    private readonly Peer server;

    private Dante(Folder folder, Peer server, int port) => (this.folder, this.server, Port) = (folder, server, port);

    public int Port { get; }

    public static async Task<Dante> StartAsync()
    {
        Peers.RequireRoot();
        var danted = Peers.Require("danted", "dante-server");
        var port = FreePorts.One();
        var folder = new Folder();
        // It takes a rule's keywords on lines of their own only.
        var configuration = folder.Write("danted.conf", $$"""
            logoutput: {{folder.Path}}/log
            internal: 127.0.0.1 port = {{port}}
            external: {{From}}
            socksmethod: none
            clientmethod: none
            user.privileged: root
            user.unprivileged: nobody
            client pass {
                from: 127.0.0.0/8 to: 0.0.0.0/0
                log: error
            }
            socks pass {
                from: 127.0.0.0/8 to: 0.0.0.0/0
                command: connect udpassociate bind
                log: error
            }
            socks pass {
                from: 0.0.0.0/0 to: 127.0.0.0/8
                command: bindreply udpreply
                log: error
            }
            """);
        return new Dante(folder, await Peers.StartAsync(port, danted, "-f", configuration, "-p", $"{folder.Path}/pid", "-N", "1"), port);
    }

    public void Dispose()
    {
        server.Dispose();
        folder.Dispose();
    }
}

/// <summary>microsocks: SOCKS5 CONNECT for the user <c>alice</c> with the password <c>open sesame</c>, from an address of its own.</summary>
internal static class Microsocks
{
    /// <summary>Where its connections come from.</summary>
    public const string From = "127.0.0.3";

    /// <summary>Its user and password, as they stand in a URL.</summary>
    public const string Login = "alice:open%20sesame";

    public static Task<Peer> StartAsync(int port) =>
        Peers.StartAsync(port, Peers.Require("microsocks", "microsocks"), "-i", "127.0.0.1", "-p", $"{port}", "-b", From, "-u", "alice", "-P", "open sesame");
}
