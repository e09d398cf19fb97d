using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>An acceptor over a listening socket of the kernel, which another network may take over.</summary>
[SupportedOSPlatform("linux")]
internal interface IListenAcceptor : IAcceptor
{
    /// <summary>What stands for the socket: the same for all acceptors that share one.</summary>
    object Listener { get; }

    /// <summary>Another descriptor of the socket, for another network. From any thread.</summary>
    /// <exception cref="ListenException">The socket is closed, or no descriptor is left.</exception>
    ListenSocket Duplicate();

    /// <summary>
    /// Leaves the socket to whoever has its duplicate: hands out whom this acceptor has accepted, or was woken for, after which
    /// <see cref="IAcceptor.WaitAsync"/> returns false. The socket goes on listening, and a path stays where it is.
    /// </summary>
    void Leave();
}

/// <summary>Live listening sockets that move from one network to another: they are never closed, and nobody in their backlog is lost.</summary>
[SupportedOSPlatform("linux")]
internal static class Handover
{
    /// <summary>
    /// Gives the sockets of acceptors to another network as well. From then on both may accept, until <see cref="Leave"/> ends it for the first.
    /// </summary>
    /// <returns>Acceptors of the other network, which the caller owns.</returns>
    /// <exception cref="ListenException">It failed; the first network's acceptors go on as before.</exception>
    public static IReadOnlyList<IAcceptor> To(INetwork network, IReadOnlyList<IAcceptor> acceptors, ListenOptions options)
    {
        var sockets = new List<ListenSocket>();
        try
        {
            foreach (var acceptor in acceptors.Cast<IListenAcceptor>().DistinctBy(acceptor => acceptor.Listener))
                sockets.Add(acceptor.Duplicate());
            return [.. sockets.SelectMany(socket => Adopt(network, socket, options))];
        }
        finally
        {
            foreach (var socket in sockets)
                socket.Dispose();
        }
    }

    /// <summary>Ends it for the acceptors that the sockets were given away from, each where it belongs.</summary>
    public static void Leave(IReadOnlyList<IAcceptor> acceptors)
    {
        foreach (var acceptor in acceptors.Cast<IListenAcceptor>())
            acceptor.Context.Run(acceptor.Leave);
    }

    private static IReadOnlyList<IAcceptor> Adopt(INetwork network, ListenSocket socket, ListenOptions options) => network switch
    {
        NativeNetwork native => native.Adopt(socket, options),
        PortableNetwork => PortableNetwork.Adopt(socket, options),
        _ => throw new ArgumentException($"{network.GetType().Name} takes no sockets over.", nameof(network)),
    };
}
