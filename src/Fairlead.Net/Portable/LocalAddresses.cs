using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Fairlead.Net;

/// <summary>The addresses of this machine, which come and go.</summary>
internal class LocalAddresses
{
    /// <summary>Those that are there now, loopback too, each once.</summary>
    public virtual IReadOnlyList<IPAddress> Read()
    {
        try
        {
            return [.. NetworkInterface.GetAllNetworkInterfaces()
                .Where(one => one.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
                .SelectMany(one => one.GetIPProperties().UnicastAddresses)
                .Select(one => one.Address)
                .Where(address => address.AddressFamily is AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)
                .Distinct()];
        }
        catch (NetworkInformationException)
        {
            // An interface that goes while it is asked; its going is told as well.
            return [];
        }
    }

    /// <summary>Calls back each time that they may have changed, from any thread.</summary>
    /// <returns>Dispose it to end that.</returns>
    public virtual IDisposable Follow(Action changed) => new Following(changed);

    private sealed class Following : IDisposable
    {
        private readonly Action changed;

        public Following(Action changed)
        {
            this.changed = changed;
            NetworkChange.NetworkAddressChanged += OnChange;
        }

        public void Dispose() => NetworkChange.NetworkAddressChanged -= OnChange;

        private void OnChange(object? sender, EventArgs e) => changed();
    }
}
