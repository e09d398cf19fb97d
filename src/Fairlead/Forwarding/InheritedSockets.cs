using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Listening sockets that were made elsewhere and wait for the forward that they are for.</summary>
internal sealed class InheritedSockets
{
    private readonly List<(InheritedSocket Socket, EndPoint Address)> sockets = [];

    /// <exception cref="ForwardException">One of them does not listen.</exception>
    public InheritedSockets(IReadOnlyList<InheritedSocket> given)
    {
        foreach (var socket in given)
        {
            if (!OperatingSystem.IsLinux())
                throw new ForwardException("listening sockets are inherited on Linux only");
            try
            {
                sockets.Add((socket, ListenSocket.Inherited(socket.Descriptor).LocalEndPoint));
            }
            catch (ArgumentException e)
            {
                throw new ForwardException($"inherited socket '{Printable.Escape(socket.Name)}': {e.Message.Split(" (Parameter")[0]} Write ListenStream= and Accept=no in its unit", e);
            }
        }
    }

    /// <summary>Those that are called as a forward is; they are the caller's from now on.</summary>
    public List<(InheritedSocket Socket, EndPoint Address)> TakeNamed(string? forward)
    {
        var taken = sockets.FindAll(one => one.Socket.Name == forward);
        sockets.RemoveAll(one => one.Socket.Name == forward);
        return taken;
    }

    /// <summary>One that listens on this address, whatever it is called; the caller's from now on.</summary>
    public InheritedSocket? TakeAt(EndPoint address)
    {
        var index = sockets.FindIndex(one => one.Address.Equals(address));
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

    /// <summary>Closes those that no forward took: what they are called, and where they listened.</summary>
    public IEnumerable<string> CloseRest()
    {
        foreach (var (socket, address) in sockets)
        {
            if (OperatingSystem.IsLinux())
                Libc.close(socket.Descriptor);
            yield return $"inherited socket '{Printable.Escape(socket.Name)}' on {address} fits no forward and is closed; call it as one (FileDescriptorName=), or listen on its address";
        }
        sockets.Clear();
    }
}
