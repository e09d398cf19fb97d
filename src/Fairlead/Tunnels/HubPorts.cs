using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead;

/// <summary>Binds the one port of a listen of the hub, on one address or both loopbacks.</summary>
internal static class HubPorts
{
    // How often a port that the system chose on one address may turn out to be taken on the other.
    private const int MostChoices = 16;

    /// <summary>Binds it.</summary>
    /// <typeparam name="T">What is bound: disposed of where one of several cannot be had.</typeparam>
    /// <param name="place">Of several addresses, those of a family that this machine lacks are left out; of port 0, the system chooses one, the same on all.</param>
    /// <param name="bind">Binds one address.</param>
    /// <param name="portOf">The port that one has.</param>
    /// <param name="fault">Why it cannot be had.</param>
    public static List<T>? Bind<T>(HubPlace place, Func<IPEndPoint, T> bind, Func<T, int> portOf, out string? fault)
        where T : IDisposable
    {
        ListenException? refusal = null;
        for (var choices = place.Port == 0 && place.Addresses.Length > 1 ? MostChoices : 1; choices > 0; choices--)
        {
            if (TryBind(place, bind, portOf, out refusal) is { } bound)
            {
                fault = null;
                return bound;
            }
            if (refusal!.Error != SocketError.AddressAlreadyInUse)
                break;
        }
        fault = Printable.Escape(refusal!.Message);
        return null;
    }

    private static List<T>? TryBind<T>(HubPlace place, Func<IPEndPoint, T> bind, Func<T, int> portOf, out ListenException? refusal)
        where T : IDisposable
    {
        refusal = null;
        var bound = new List<T>();
        var port = place.Port;
        foreach (var address in place.Addresses)
        {
            try
            {
                bound.Add(bind(new IPEndPoint(address, port)));
                port = portOf(bound[0]);
            }
            // One of several may be of a family that this machine lacks.
            catch (ListenException e) when (bound.Count > 0 && e.Error is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
            {
            }
            catch (ListenException e)
            {
                refusal = e;
                bound.ForEach(one => one.Dispose());
                return null;
            }
        }
        return bound;
    }
}
