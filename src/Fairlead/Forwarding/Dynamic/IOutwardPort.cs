using System.Net;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What carries datagrams of one sender to many peers, and theirs back.</summary>
internal interface IOutwardPort : IDisposable
{
    /// <summary>Whether it takes names, which are looked up at its far end.</summary>
    bool TakesNames { get; }

    /// <summary>Whether there is a way to addresses of this family at all.</summary>
    bool Reaches(IPAddress address);

    /// <summary>Sends what can be sent without waiting; never throws for what the network does.</summary>
    /// <param name="target">An <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> where it takes names.</param>
    /// <param name="batch">The payloads.</param>
    DatagramsSent Send(EndPoint target, in DatagramBatch batch);
}

/// <summary>Who gets what an outward port receives. Called where that belongs.</summary>
/// <param name="OnAnswer">Datagrams of one sender; the bytes are lent for the call.</param>
/// <param name="OnLost">Datagrams were lost on this machine.</param>
/// <param name="OnClosed">The port is over, since what carried it is.</param>
internal sealed record OutwardSink(OutwardSink.Receive OnAnswer, Action<DatagramLoss, int> OnLost, Action OnClosed)
{
    /// <summary>Gets datagrams of one sender.</summary>
    public delegate void Receive(EndPoint from, in DatagramBatch batch);
}
