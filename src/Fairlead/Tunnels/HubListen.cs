using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What the hub listens on for one request of a client: one port, on one address or both loopbacks. Where its client's connection lives.</summary>
internal sealed class HubListen : IDisposable
{
    // A stranger who floods it fills no more than this.
    private const int Backlog = 128;

    private readonly List<IAcceptor> acceptors;

    private HubListen(List<IAcceptor> acceptors)
    {
        this.acceptors = acceptors;
        var endPoints = acceptors.ConvertAll(static acceptor => (IPEndPoint)acceptor.LocalEndPoint);
        Place = new HubPlace(false, [.. endPoints.Select(static endPoint => endPoint.Address)], endPoints[0].Port);
    }

    /// <summary>Where. From any thread.</summary>
    public HubPlace Place { get; }

    /// <summary>Listens, here.</summary>
    /// <param name="network">Whose sockets they are.</param>
    /// <param name="place">Of several addresses, those of a family that this machine lacks are left out; of port 0, the system chooses one, the same on all.</param>
    /// <param name="fault">Why it cannot be had.</param>
    public static HubListen? At(INetwork network, HubPlace place, out string? fault)
    {
        var acceptors = HubPorts.Bind(place, address => network.ListenHere(address, new ListenOptions { Shared = true, Backlog = Backlog }), static acceptor => ((IPEndPoint)acceptor.LocalEndPoint).Port, out fault);
        return acceptors is null ? null : new HubListen(acceptors);
    }

    /// <summary>Hands out everybody who comes, until it is disposed of. Never throws.</summary>
    public Task AcceptAsync(Action<Connection> serve) => Task.WhenAll(acceptors.Select(acceptor => AcceptAsync(acceptor, serve)));

    public void Dispose()
    {
        foreach (var acceptor in acceptors)
            acceptor.Dispose();
    }

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
