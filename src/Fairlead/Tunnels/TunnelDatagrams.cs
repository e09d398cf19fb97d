using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead;

/// <summary>Datagrams from the far end of a tunnel, which looks names up itself. It has to be Fairlead.</summary>
internal static class TunnelDatagrams
{
    /// <summary>Opens an association with the far end: by a port there, which it chooses. It is used where this is called.</summary>
    /// <param name="tunnel">The tunnel.</param>
    /// <param name="sink">Who gets what is received.</param>
    /// <param name="timeout">For all of it.</param>
    /// <param name="cancel">Gives it up.</param>
    public static ValueTask<AssociationResult> AssociateAsync(Tunnel tunnel, IAssociationSink sink, TimeSpan timeout, CancellationToken cancel)
    {
        var user = SynchronizationContext.Current!;
        var link = tunnel.Datagrams;
        return SocksAssociation.OpenAsync(user == link.Context ? OpenAsync : own => ForeignDatagramFlow.OpenAsync(link.Context, user, own, OpenAsync), sink);

        ValueTask<DatagramDialResult> OpenAsync(IDatagramSink own) => link.OpenDatagramsAsync(new SshOpen.UdpAssociation("127.0.0.1", 0), own, timeout, cancel);
    }
}
