using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Listening sockets that were made elsewhere and wait for the forward that they are for.</summary>
internal sealed class InheritedSockets
{
    private readonly List<(InheritedSocket Socket, EndPoint Address, PortProtocols Protocol)> sockets = [];

    /// <exception cref="ForwardException">One of them does not listen.</exception>
    public InheritedSockets(IReadOnlyList<InheritedSocket> given)
    {
        foreach (var socket in given)
        {
            if (!OperatingSystem.IsLinux())
                throw new ForwardException("listening sockets are inherited on Linux only");
            try
            {
                sockets.Add(InheritedDatagrams.Is(socket.Descriptor)
                    ? (socket, InheritedDatagrams.Check(socket.Descriptor).LocalEndPoint, PortProtocols.Udp)
                    : (socket, ListenSocket.Inherited(socket.Descriptor).LocalEndPoint, PortProtocols.Tcp));
            }
            catch (ArgumentException e)
            {
                throw new ForwardException($"inherited socket '{Printable.Escape(socket.Name)}': {e.Message.Split(" (Parameter")[0]} Write ListenStream= with Accept=no, or ListenDatagram=, in its unit", e);
            }
        }
    }

    /// <summary>Those that are called as a forward is; they are the caller's from now on.</summary>
    public List<(InheritedSocket Socket, EndPoint Address, PortProtocols Protocol)> TakeNamed(string? forward)
    {
        var taken = sockets.FindAll(one => one.Socket.Name == forward);
        sockets.RemoveAll(one => one.Socket.Name == forward);
        return taken;
    }

    /// <summary>One that listens on this address for this protocol, whatever it is called; the caller's from now on.</summary>
    public InheritedSocket? TakeAt(EndPoint address, PortProtocols protocol)
    {
        var index = sockets.FindIndex(one => one.Address.Equals(address) && one.Protocol == protocol);
        if (index < 0)
            return null;
        var socket = sockets[index].Socket;
        sockets.RemoveAt(index);
        return socket;
    }

    /// <summary>Accepts from one that was taken.</summary>
    public static IReadOnlyList<IAcceptor> Adopt(InheritedSocket socket, INetwork network, ListenOptions options)
    {
        return OperatingSystem.IsLinux() ? network.Adopt(socket.Descriptor, options) : throw new PlatformNotSupportedException();
    }

    /// <summary>Receives from one of datagrams that was taken.</summary>
    public static DatagramListener AdoptDatagrams(InheritedSocket socket, INetwork network)
    {
        return OperatingSystem.IsLinux() ? network.AdoptDatagrams(socket.Descriptor, new DatagramListenOptions()) : throw new PlatformNotSupportedException();
    }

    /// <summary>Closes those that no forward took: what they are called, and where they listened.</summary>
    public IEnumerable<string> CloseRest()
    {
        foreach (var (socket, address, protocol) in sockets)
        {
            if (OperatingSystem.IsLinux())
                Libc.close(socket.Descriptor);
            yield return $"inherited socket '{Printable.Escape(socket.Name)}' on {PlannedListen.TextOf(address, protocol)} fits no forward and is closed; call it as one (FileDescriptorName=), or listen on its address";
        }
        sockets.Clear();
    }
}
