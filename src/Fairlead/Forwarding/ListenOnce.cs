using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>A port that is listened on for one connection of somebody who is expected: what SOCKS BIND and the data of FTP need. Whoever else comes is reset.</summary>
/// <remarks>Used where the session is lived.</remarks>
internal sealed class ListenOnce : IDisposable
{
    // Few: a stranger who floods the port fills no more than this.
    private const int Backlog = 4;

    // A range that is taken so far is taken; and this runs on an event loop.
    private const int MostTries = 128;

    private readonly IAcceptor acceptor;
    private bool isDisposed;

    private ListenOnce(IAcceptor acceptor) => this.acceptor = acceptor;

    /// <summary>Where it listens.</summary>
    public IPEndPoint LocalEndPoint => (IPEndPoint)acceptor.LocalEndPoint;

    /// <summary>Listens on the first free port of a range, beginning anywhere in it; without a range, on one that the system chooses.</summary>
    /// <param name="network">Whose connection it will be.</param>
    /// <param name="address">The address of this machine.</param>
    /// <param name="ports">The ports; null for any.</param>
    /// <param name="tuning">Options of the connection.</param>
    /// <param name="fault">Why it cannot be had.</param>
    /// <returns>Null if none can be had.</returns>
    public static ListenOnce? At(INetwork network, IPAddress address, PortRange? ports, SocketTuning tuning, out string? fault)
    {
        fault = null;
        var options = new ListenOptions { Shared = true, Backlog = Backlog, Tuning = tuning };
        var count = ports?.Count ?? 1;
        var first = ports is null ? 0 : Random.Shared.Next(count);
        for (var i = 0; i < Math.Min(count, MostTries); i++)
        {
            try
            {
                return new ListenOnce(network.ListenHere(new IPEndPoint(address, ports is { } range ? range.First + ((first + i) % count) : 0), options));
            }
            catch (ListenException refusal)
            {
                fault = refusal.Message;
                if (refusal.Error != SocketError.AddressAlreadyInUse)
                    return null;
            }
        }
        return null;
    }

    /// <summary>Waits for the connection, after which nobody else is let in.</summary>
    /// <param name="isWelcome">Whether it may come from an address.</param>
    /// <param name="limit">How long it is waited for.</param>
    /// <param name="time">Measures it.</param>
    /// <returns>Null when it did not come in time, or when this was disposed.</returns>
    public async ValueTask<Connection?> AcceptAsync(Func<IPEndPoint, bool> isWelcome, TimeSpan limit, TimeProvider time)
    {
        using var deadline = time.CreateTimer(static self => ((ListenOnce)self!).DisposeThere(), this, limit, Timeout.InfiniteTimeSpan);
        try
        {
            while (await acceptor.WaitAsync())
            {
                while (acceptor.TryAccept() is { } connection)
                {
                    if (connection.RemoteEndPoint is IPEndPoint peer && isWelcome(peer))
                        return connection;
                    connection.Abort();
                    connection.Dispose();
                }
            }
            return null;
        }
        catch (ListenException)
        {
            return null;
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>Listens no more.</summary>
    public void Dispose()
    {
        if (isDisposed)
            return;
        isDisposed = true;
        acceptor.Dispose();
    }

    // Timers of the portable network fire elsewhere; its acceptors may be disposed from anywhere.
    private void DisposeThere() => acceptor.Context.Run(acceptor.Dispose);
}
