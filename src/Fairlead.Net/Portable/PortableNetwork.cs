using System.Net;

namespace Fairlead.Net;

/// <summary>The sockets of .NET, on any system it runs on.</summary>
public sealed class PortableNetwork : INetwork
{
    /// <inheritdoc/>
    public IDialer Dialer => throw new PlatformNotSupportedException();

    /// <inheritdoc/>
    public TimeProvider Time => TimeProvider.System;

    /// <inheritdoc/>
    public IReadOnlyList<IAcceptor> Listen(EndPoint endPoint, ListenOptions options) => throw new PlatformNotSupportedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
