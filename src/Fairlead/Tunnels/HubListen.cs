using System.Globalization;
using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What the hub listens on for one request of a client: one port, on one address or both loopbacks. Where its client's connection lives.</summary>
internal sealed class HubListen : IDisposable
{
    // A stranger who floods it fills no more than this.
    private const int Backlog = 128;

    private readonly List<IAcceptor> acceptors;
    private readonly IPAddress[] addresses;

    private HubListen(List<IAcceptor> acceptors)
    {
        this.acceptors = acceptors;
        addresses = [.. acceptors.Select(acceptor => ((IPEndPoint)acceptor.LocalEndPoint).Address)];
        Port = ((IPEndPoint)acceptors[0].LocalEndPoint).Port;
        Text = acceptors.Count == 1 ? acceptors[0].LocalEndPoint.ToString()! : string.Create(CultureInfo.InvariantCulture, $"localhost:{Port}");
    }

    /// <summary>From any thread.</summary>
    public int Port { get; }

    /// <summary>As it is shown. From any thread.</summary>
    public string Text { get; }

    /// <summary>Whether one of the addresses cannot be listened on for the sake of this listen, at its port. From any thread.</summary>
    public bool Overlaps(IPAddress[] others) => addresses.Any(own => others.Any(other => own.Equals(other) || IsAny(own) || IsAny(other)));

    /// <summary>Listens, here.</summary>
    /// <param name="network">Whose sockets they are.</param>
    /// <param name="addresses">Of this machine; of several, those of a family that it lacks are left out.</param>
    /// <param name="port">The port; 0: one that the system chooses, the same on all.</param>
    /// <param name="fault">Why it cannot be had.</param>
    public static HubListen? At(INetwork network, IPAddress[] addresses, int port, out string? fault)
    {
        var acceptors = HubPorts.Bind(addresses, port, address => network.ListenHere(address, new ListenOptions { Shared = true, Backlog = Backlog }), static acceptor => ((IPEndPoint)acceptor.LocalEndPoint).Port, out fault);
        return acceptors is null ? null : new HubListen(acceptors);
    }

    /// <summary>Hands out everybody who comes, until it is disposed of. Never throws.</summary>
    public Task AcceptAsync(Action<Connection> serve) => Task.WhenAll(acceptors.Select(acceptor => AcceptAsync(acceptor, serve)));

    public void Dispose()
    {
        foreach (var acceptor in acceptors)
            acceptor.Dispose();
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    private static async Task AcceptAsync(IAcceptor acceptor, Action<Connection> serve)
    {
        try
        {
            while (await acceptor.WaitAsync())
            {
                while (acceptor.TryAccept() is { } client)
                    serve(client);
            }
        }
        catch (ListenException)
        {
            // The socket is none any more; its client hears of it by nobody coming.
        }
    }
}
