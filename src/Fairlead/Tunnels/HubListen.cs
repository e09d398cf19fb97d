using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What the hub listens on for one request of a client: one port, on one address or both loopbacks. Where its client's connection lives.</summary>
internal sealed class HubListen : IDisposable
{
    // A stranger who floods it fills no more than this.
    private const int Backlog = 128;

    // How often a port that the system chose on one address may turn out to be taken on the other.
    private const int MostChoices = 16;

    private readonly List<IAcceptor> acceptors;

    private HubListen(List<IAcceptor> acceptors) => this.acceptors = acceptors;

    public int Port => ((IPEndPoint)acceptors[0].LocalEndPoint).Port;

    /// <summary>As it is shown.</summary>
    public string Text => acceptors.Count == 1 ? acceptors[0].LocalEndPoint.ToString()! : string.Create(CultureInfo.InvariantCulture, $"localhost:{Port}");

    /// <summary>Listens, here.</summary>
    /// <param name="network">Whose sockets they are.</param>
    /// <param name="addresses">Of this machine; of several, those of a family that it lacks are left out.</param>
    /// <param name="port">The port; 0: one that the system chooses, the same on all.</param>
    /// <param name="fault">Why it cannot be had.</param>
    public static HubListen? At(INetwork network, IPAddress[] addresses, int port, out string? fault)
    {
        ListenException? refusal = null;
        for (var choices = port == 0 && addresses.Length > 1 ? MostChoices : 1; choices > 0; choices--)
        {
            if (TryListen(network, addresses, port, out refusal) is { } acceptors)
            {
                fault = null;
                return new HubListen(acceptors);
            }
            if (refusal!.Error != SocketError.AddressAlreadyInUse)
                break;
        }
        fault = Printable.Escape(refusal!.Message);
        return null;
    }

    /// <summary>Hands out everybody who comes, until it is disposed of. Never throws.</summary>
    public Task AcceptAsync(Action<Connection> serve) => Task.WhenAll(acceptors.Select(acceptor => AcceptAsync(acceptor, serve)));

    public void Dispose()
    {
        foreach (var acceptor in acceptors)
            acceptor.Dispose();
    }

    private static List<IAcceptor>? TryListen(INetwork network, IPAddress[] addresses, int port, out ListenException? refusal)
    {
        refusal = null;
        var acceptors = new List<IAcceptor>();
        foreach (var address in addresses)
        {
            try
            {
                acceptors.Add(network.ListenHere(new IPEndPoint(address, port), new ListenOptions { Shared = true, Backlog = Backlog }));
                port = ((IPEndPoint)acceptors[0].LocalEndPoint).Port;
            }
            // One of several may be of a family that this machine lacks.
            catch (ListenException e) when (acceptors.Count > 0 && e.Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
            }
            catch (ListenException e)
            {
                refusal = e;
                acceptors.ForEach(acceptor => acceptor.Dispose());
                return null;
            }
        }
        return acceptors;
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
