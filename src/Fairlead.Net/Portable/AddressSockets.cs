using System.Net;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>
/// A UDP socket for each address of the machine, in the place of one for all of them, which could not answer from the address that was written to.
/// Addresses come and go; what is written to a network's broadcast address reaches none of the sockets.
/// </summary>
internal sealed class AddressSockets
{
    // How many ports the system may choose for the first address until one is free on all of them.
    private const int MostPorts = 16;

    private readonly UdpSystem system;
    private readonly LocalAddresses addresses;
    private readonly bool isDual;
    private readonly AddressFamily family;
    private readonly int receiveBuffer;

    private AddressSockets(UdpSystem system, LocalAddresses addresses, IPEndPoint wildcard, int receiveBuffer)
    {
        (this.system, this.addresses, this.receiveBuffer) = (system, addresses, receiveBuffer);
        family = wildcard.AddressFamily;
        isDual = family == AddressFamily.InterNetworkV6;
    }

    /// <summary>Those that were bound at first.</summary>
    public List<(IPAddress Address, UdpSocket Socket)> First { get; } = [];

    /// <summary>The port of all of them.</summary>
    public int Port { get; private set; }

    /// <summary>What the system has granted the first of them.</summary>
    public int ReceiveBuffer { get; private set; }

    /// <summary>Binds to all addresses that there are now.</summary>
    /// <exception cref="SocketException">The port cannot be had on one of them, or there is none. Nothing is left bound.</exception>
    public static AddressSockets Bind(UdpSystem system, LocalAddresses addresses, IPEndPoint wildcard, int receiveBuffer)
    {
        var sockets = new AddressSockets(system, addresses, wildcard, receiveBuffer);
        for (var tries = 1; ; tries++)
        {
            try
            {
                sockets.BindAll(wildcard.Port);
                return sockets;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse && wildcard.Port == 0 && tries < MostPorts)
            {
                // Another has the port on another address: the system chooses again.
            }
        }
    }

    /// <summary>Whether an address is one of those that are to have a socket: IPv6 takes IPv4 too.</summary>
    public bool IsServed(IPAddress address) => isDual || address.AddressFamily == family;

    /// <summary>Binds to an address that has come; null if that fails, until the next change.</summary>
    public UdpSocket? TryBind(IPAddress address, int port)
    {
        try
        {
            return system.Bound(UdpSystem.Bind(new IPEndPoint(address, port), isDual: false, receiveBuffer), isWildcard: false, address);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Tells the addresses each time that they may have changed, from any thread.</summary>
    public IDisposable Follow(Action<IReadOnlyList<IPAddress>> changed) => addresses.Follow(() =>
    {
        // None at all is a moment's, or could not be read.
        if (addresses.Read() is { Count: > 0 } current)
            changed(current);
    });

    private void BindAll(int port)
    {
        var failure = SocketError.AddressNotAvailable;
        try
        {
            foreach (var address in addresses.Read().Where(IsServed))
            {
                try
                {
                    var socket = UdpSystem.Bind(new IPEndPoint(address, port), isDual: false, receiveBuffer);
                    First.Add((address, system.Bound(socket, isWildcard: false, address)));
                    port = ((IPEndPoint)socket.LocalEndPoint!).Port;
                    ReceiveBuffer = UdpOptions.ReceiveBuffer(socket);
                }
                catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
                {
                    // It has gone, or is not confirmed yet (RFC 4862): its coming is told.
                    failure = e.SocketErrorCode;
                }
            }
            Port = port;
            if (First.Count == 0)
                throw new SocketException((int)failure);
        }
        catch
        {
            foreach (var (_, socket) in First)
                socket.Dispose();
            First.Clear();
            throw;
        }
    }
}
