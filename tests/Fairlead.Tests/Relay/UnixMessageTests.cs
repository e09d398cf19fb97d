using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>Messages of Unix sockets that carry descriptors: a read stops behind such a message although more is there (unix(7)).</summary>
[SupportedOSPlatform("linux")]
public sealed class UnixMessageTests
{
    private const int SCM_RIGHTS = 1;

    [Theory(Timeout = 30000), InlineData(false), InlineData(true)]
    public async Task What_follows_a_message_with_descriptors_is_relayed(bool splice)
    {
        using var rig = NativeRelayRig.Of(splice, unixClients: true, unixUpstreams: true);
        await rig.RunAsync(async () =>
        {
            var (client, near) = await rig.ConnectAsync(Side.Client);
            var (upstream, far) = await rig.ConnectAsync(Side.Upstream);

            // All of it lies in the queue before the first read, so that nothing new tells of the rest.
            Send((NativeConnection)client, "abc"u8);
            await client.WriteAsync("def"u8.ToArray());
            Send((NativeConnection)client, "ghi"u8);
            await client.WriteAsync("jkl"u8.ToArray());
            var ending = rig.Make(near, far, new RelayOptions()).RunAsync().AsTask();
            await Traffic.ExpectAsync(upstream, "abcdefghijkl"u8.ToArray());

            await client.CompleteWritesAsync();
            await upstream.CompleteWritesAsync();
            Assert.Equal(RelayEnd.Closed, (await ending).End);
            foreach (var connection in new[] { client, near, far, upstream })
                connection.Dispose();
        });
    }

    [Fact(Timeout = 30000)]
    public async Task What_follows_a_message_with_descriptors_is_read()
    {
        using var rig = new NativeUnixRig();
        await rig.RunAsync(async () =>
        {
            var (dialled, accepted) = await rig.ConnectAsync();
            Send((NativeConnection)dialled, "abc"u8);
            await dialled.WriteAsync("def"u8.ToArray());
            await Traffic.ExpectAsync(accepted, "abcdef"u8.ToArray());
            dialled.Dispose();
            accepted.Dispose();
        });
    }

    /// <summary>Sends bytes and, with them, the sender's own descriptor: sendmsg(2), cmsg(3).</summary>
    private static unsafe void Send(NativeConnection connection, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            // struct cmsghdr { size_t len; int level, type; } and an int behind it, as 64-bit systems lay it out.
            var control = stackalloc byte[24];
            *(nuint*)control = 20;
            *(int*)(control + 8) = Libc.SOL_SOCKET;
            *(int*)(control + 12) = SCM_RIGHTS;
            *(int*)(control + 16) = connection.Descriptor;
            var vector = stackalloc nint[] { (nint)start, bytes.Length };
            // struct msghdr: name, its length, the vector and its length, the control data and its length, flags.
            var message = stackalloc nint[] { 0, 0, (nint)vector, 1, (nint)control, 24, 0 };
            Assert.Equal(bytes.Length, sendmsg(connection.Descriptor, message, Libc.MSG_NOSIGNAL));
        }
    }

    [DllImport("libc")]
    private static extern unsafe nint sendmsg(int sockfd, void* msg, int flags);
}
