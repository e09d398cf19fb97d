using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>Who is at the ends of an SSH connection.</summary>
public enum SshEnds
{
    FairleadToSshd,
    SshToHub,
    FairleadToHub,
    FairleadToDropbear,
    DropbearToHub,
}

/// <summary>How something is forwarded over it, by the letters of ssh(1).</summary>
public enum SshWay
{
    L,
    R,
    D,
}

/// <summary>Two programs with an SSH connection between them over which one port is forwarded. One of them at least is ours.</summary>
internal sealed class SshLink : IAsyncDisposable
{
    private readonly List<object> running = [];
    private readonly Folder folder = new();
    private readonly IPEndPoint target;
    private IPEndPoint at = null!;
    private SshWay way;

    private SshLink(int target) => this.target = new IPEndPoint(IPAddress.Loopback, target);

    /// <summary>The server of OpenSSH, if it is one.</summary>
    public SshServerRig? Sshd => running.OfType<SshServerRig>().FirstOrDefault();

    /// <summary>The client of OpenSSH, if it is one.</summary>
    public OpenSshClient? Ssh => running.OfType<OpenSshClient>().FirstOrDefault();

    /// <summary>Connects two programs.</summary>
    /// <param name="ends">Which.</param>
    /// <param name="way">What is forwarded.</param>
    /// <param name="target">The port on the loopback where connections come out.</param>
    /// <param name="engine">The engine of the forward at our client.</param>
    /// <param name="sshdOptions">Lines of sshd_config(5).</param>
    /// <param name="sshOptions">Options of ssh(1).</param>
    public static async Task<SshLink> StartAsync(SshEnds ends, SshWay way, int target, string engine = "native", string sshdOptions = "", string[]? sshOptions = null)
    {
        var link = new SshLink(target) { way = way };
        try
        {
            if (ends == SshEnds.SshToHub)
                await link.StartSshAsync(sshOptions ?? []);
            else if (ends == SshEnds.DropbearToHub)
                await link.StartDropbearAsync();
            else
                await link.StartFairleadAsync(ends, engine, sshdOptions);
            return link;
        }
        catch
        {
            await link.DisposeAsync();
            throw;
        }
    }

    /// <summary>A connection that goes through it to the target.</summary>
    public Task<Socket> ConnectAsync() => way == SshWay.D ? Socks5.ConnectAsync(at, target) : ConnectAsync(at);

    public async ValueTask DisposeAsync()
    {
        // The client before the server.
        for (var i = running.Count - 1; i >= 0; i--)
        {
            if (running[i] is IAsyncDisposable one)
                await one.DisposeAsync();
            else
                ((IDisposable)running[i]).Dispose();
        }
        folder.Dispose();
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint address)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(address);
        return socket;
    }

    private async Task StartSshAsync(string[] options)
    {
        var hub = Add(await HubRig.StartAsync());
        var port = FreePorts.One();
        var ssh = Add(await hub.ConnectAsync([.. options, .. way switch
        {
            SshWay.L => new[] { "-L", $"127.0.0.1:{port}:{target}" },
            SshWay.R => ["-R", $"0:{target}"],
            _ => ["-D", $"127.0.0.1:{port}"],
        }]));
        at = new IPEndPoint(IPAddress.Loopback, way == SshWay.R ? await ssh.AllocatedPortAsync() : port);
    }

    // Dropbear's client forwards no SOCKS, and has the server choose no port.
    private async Task StartDropbearAsync()
    {
        var hub = Add(await HubRig.StartAsync());
        var key = await Dropbear.MakeKeyAsync(Path.Combine(folder.Path, "user"));
        hub.AdmitLine(SshKeys.Public(key));
        at = new IPEndPoint(IPAddress.Loopback, FreePorts.One());
        Add(Dropbear.Start(key, hub.Port, way == SshWay.L ? "-L" : "-R", $"127.0.0.1:{at.Port}:{target}"));
        await Until.TrueAsync(() => RemoteListenTests.Listens(at.Port).Length > 0);
    }

    private async Task StartFairleadAsync(SshEnds ends, string engine, string sshdOptions)
    {
        var tunnel = ends switch
        {
            SshEnds.FairleadToSshd => Add(await SshServerRig.StartAsync(sshdOptions)).Tunnel,
            SshEnds.FairleadToDropbear => Add(await DropbearServerRig.StartAsync()).Tunnel,
            _ => Add(await HubRig.StartAsync()).Tunnel,
        };
        var forward = way switch
        {
            SshWay.L => $"listen: \"127.0.0.1:0\", to: \"{target}\", via: office",
            SshWay.R => $"listen: \"127.0.0.1:0\", at: office, to: \"{target}\"",
            _ => "listen: \"127.0.0.1:0\", to: dynamic, via: office",
        };
        var fairlead = Add(await Running.RunAsync(folder, $$"""
            tunnels: { office: {{tunnel}} }
            forwards: [ { name: way, engine: {{engine}}, {{forward}} } ]
            """));
        at = way == SshWay.R ? await fairlead.ListenAtAsync() : await fairlead.AddressAsync();
        await fairlead.WaitForAsync("tunnel_up");
    }

    private T Add<T>(T one)
        where T : notnull
    {
        running.Add(one);
        return one;
    }
}
