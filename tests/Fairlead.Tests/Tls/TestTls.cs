using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>What a session does with TLS, by itself.</summary>
internal static class TestTls
{
    /// <summary>What a client asks for; it is still there to be read.</summary>
    public static async ValueTask<ClientHello> PeekAsync(Connection client)
    {
        using var words = new FirstWords(client, Timeout.InfiniteTimeSpan, TimeProvider.System);
        return await words.PeekClientHelloAsync();
    }

    /// <summary>Dials, and goes on inside TLS, within one timeout for both.</summary>
    public sealed class Dialer(IDialer inner, TlsClient client, TimeProvider time) : IDialer
    {
        public async ValueTask<DialResult> DialAsync(EndPoint target, TimeSpan timeout, CancellationToken cancel = default)
        {
            var deadline = new Deadline(time, timeout);
            var dial = await inner.DialAsync(target, timeout, cancel);
            return await client.SecureAsync(dial.Connection!, target.ToString()!, time, deadline.Left, cancel);
        }
    }
}
