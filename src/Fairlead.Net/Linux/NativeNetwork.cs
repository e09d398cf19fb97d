using System.Net;
using System.Runtime.Versioning;

namespace Fairlead.Net;

/// <summary>Native sockets on event loops.</summary>
[SupportedOSPlatform("linux")]
public sealed class NativeNetwork : INetwork
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
