using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Bench;

/// <summary>
/// A tunnel of SSH that stands: a client that listens, and a server that dials. Either end is OpenSSH's or Fairlead's, and what is counted is both.
/// The cipher is aes128-gcm@openssh.com everywhere.
/// </summary>
/// <remarks>
/// ssh and sshd are told of the cipher. Fairlead cannot be: it offers this one first where the processor has instructions for it, and a server takes
/// the first of the client's that it has (RFC 4253, section 7.1).
/// </remarks>
/// <param name="fairlead">The program.</param>
/// <param name="isFairleadClient">Whether `fairlead run` with a tunnel is the client, and not ssh.</param>
/// <param name="isFairleadServer">Whether `fairlead run` with a hub is the server, and not sshd.</param>
sealed class SshPeer(string fairlead, bool isFairleadClient, bool isFairleadServer) : Peer
{
    /// <summary>OpenSSH at both ends, which the others are set against.</summary>
    public const string Stock = "openssh>sshd";

    /// <summary>The kind of work that these are for.</summary>
    public const string Kind = "ssh";

    public const string Cipher = "aes128-gcm@openssh.com";

    public override string Name => $"{(isFairleadClient ? "fairlead" : "openssh")}>{(isFairleadServer ? "hub" : "sshd")}";
    public override string Family => Name == Stock ? "openssh" : "fairlead";
    public override string? OnlyFor => Kind;

    public override string? Missing =>
        Programs.Missing("ssh-keygen", "openssh-client")
        ?? (isFairleadClient ? MissingFairlead : Programs.Missing("ssh", "openssh-client"))
        ?? (isFairleadServer ? MissingFairlead : Programs.Missing("sshd", "openssh-server"))
        ?? (isFairleadClient && isFairleadServer && !HasAes ? $"{Name} is left out: this processor has no instructions for AES, so the cipher would be another" : null);

    public override string Version(Workshop workshop) => Name == Stock
        ? Ask(workshop, Programs.PathOf("ssh"), "-V")
        : Ask(workshop, fairlead, "--version").Split('\n')[0];

    string? MissingFairlead => File.Exists(fairlead) ? null : $"fairlead is left out: there is no {fairlead} (./build makes it)";

    /// <summary>What Fairlead asks the processor for before it offers AES first.</summary>
    static bool HasAes =>
        (System.Runtime.Intrinsics.X86.Aes.IsSupported && System.Runtime.Intrinsics.X86.Pclmulqdq.IsSupported) || System.Runtime.Intrinsics.Arm.Aes.IsSupported;

    /// <summary>Comes back when the server listens and the client has begun.</summary>
    public override Forwarder Launch(IReadOnlyList<Route> routes, Workshop workshop) => Launch(routes, workshop, static server => server);

    Forwarder Launch(IReadOnlyList<Route> routes, Workshop workshop, Func<IPEndPoint, IPEndPoint> through)
    {
        var address = Loopback.NewEndPoint();
        var server = workshop.Start(isFairleadServer ? SshServers.Hub(fairlead, address, workshop) : SshServers.Sshd(address, workshop, Cipher));
        try
        {
            // A client that finds nobody ends, or waits before it tries again.
            Loopback.WaitForListeners([address], server);
            // One more way in leads to the server itself: see Start.
            Route greeting = new(Loopback.NewEndPoint(), address);
            return new([workshop.Start(Client(through(address), [.. routes, greeting], workshop)), server], [.. routes.Select(route => route.Listen), greeting.Listen]);
        }
        catch
        {
            server.Dispose();
            throw;
        }
    }

    /// <summary>Comes back when the tunnel stands as well: an SSH server greets whoever connects, so its greeting has come through it. No target can
    /// be asked, since iperf3 would take that as the start of a test.</summary>
    public override Forwarder Start(IReadOnlyList<Route> routes, Workshop workshop) => Start(routes, workshop, static server => server);

    /// <summary>The same, with something between the two ends.</summary>
    /// <param name="routes">What it forwards.</param>
    /// <param name="workshop">Where it runs.</param>
    /// <param name="through">From where the server listens to where the client connects.</param>
    public Forwarder Start(IReadOnlyList<Route> routes, Workshop workshop, Func<IPEndPoint, IPEndPoint> through)
    {
        var forwarder = Launch(routes, workshop, through);
        try
        {
            forwarder.WaitForListeners(routes);
            WaitForGreeting(forwarder);
            return forwarder;
        }
        catch
        {
            forwarder.Dispose();
            throw;
        }
    }

    static void WaitForGreeting(Forwarder forwarder)
    {
        var begin = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(begin) < TimeSpan.FromSeconds(10))
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000 };
            try
            {
                var greeting = new byte[4];
                socket.Connect(forwarder.Entries[^1]);
                if (socket.Receive(greeting) == greeting.Length && Encoding.ASCII.GetString(greeting) == "SSH-")
                    return;
            }
            catch (SocketException)
            {
                // Fairlead's client listens before it has logged in, and resets who comes until then.
            }
            if (forwarder.Ended is { } reason)
                throw new MeasureException(reason);
            Thread.Sleep(20);
        }
        throw new MeasureException("nothing came through the tunnel within 10 s of the start");
    }

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) =>
        throw new NotSupportedException("One after the other, by Launch.");

    Command Client(IPEndPoint server, IReadOnlyList<Route> routes, Workshop workshop)
    {
        string user = workshop.SshKeys.User, known = workshop.SshKeys.KnownHosts(server, workshop);
        if (isFairleadClient)
        {
            var text =
                $$"""
                admin: off
                access_log: { file: "-" }
                tunnels:
                  t: { ssh: "{{Environment.UserName}}@{{server}}", identity: {{user}}, known_hosts: {{known}} }
                forwards:

                """;
            foreach (var route in routes)
                text += $"  - {{ listen: \"{route.Listen}\", to: \"{route.Target}\", via: t }}\n";
            return new(fairlead, "run", workshop.NewFile("tunnel.yaml", text));
        }
        return new(Programs.PathOf("ssh"),
        [
            "-N", "-F", "none", "-c", Cipher, "-i", user, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes",
            "-o", $"UserKnownHostsFile={known}", "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes", "-o", "ExitOnForwardFailure=yes",
            .. routes.SelectMany(route => new[] { "-L", $"{route.Listen}:{route.Target}" }),
            "-p", server.Port.ToString(CultureInfo.InvariantCulture), $"{Environment.UserName}@{server.Address}",
        ]);
    }
}
