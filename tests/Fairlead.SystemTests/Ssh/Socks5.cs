using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.SystemTests;

/// <summary>A client of SOCKS5 (RFC 1928).</summary>
internal static class Socks5
{
    /// <summary>Connects through a proxy to an address of IPv4.</summary>
    public static async Task<Socket> ConnectAsync(IPEndPoint proxy, IPEndPoint target)
    {
        var socket = new Socket(proxy.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(proxy);
        await socket.SendAsync(new byte[] { 5, 1, 0 });
        Assert.Equal([5, 0], await ReceiveAsync(socket, 2));
        var request = new byte[10];
        (request[0], request[1], request[3]) = (5, 1, 1);
        target.Address.TryWriteBytes(request.AsSpan(4), out _);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(8), (ushort)target.Port);
        await socket.SendAsync(request);
        Assert.Equal([5, 0], (await ReceiveAsync(socket, 10))[..2]);
        return socket;
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int length)
    {
        var answer = new byte[length];
        for (var got = 0; got < length;)
        {
            var count = await socket.ReceiveAsync(answer.AsMemory(got));
            Assert.NotEqual(0, count);
            got += count;
        }
        return answer;
    }
}
