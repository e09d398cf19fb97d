using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>A server of datagrams that answers each, by default with whom it talks to and what it got.</summary>
internal sealed class UdpServer : IDisposable
{
    private readonly Socket socket;
    private readonly Func<byte[], IPEndPoint, byte[]?> answer;

    /// <param name="address">Where; the loopback of IPv4 and a port of the system's choice by default.</param>
    /// <param name="answer">What to answer to what, from whom; null: nothing.</param>
    public UdpServer(IPEndPoint? address = null, Func<byte[], IPEndPoint, byte[]?>? answer = null)
    {
        address ??= new IPEndPoint(IPAddress.Loopback, 0);
        this.answer = answer ?? ((datagram, client) => [.. Encoding.ASCII.GetBytes($"{client} "), .. datagram]);
        socket = Open(address.AddressFamily);
        socket.Bind(address);
        _ = ServeAsync();
    }

    public IPEndPoint Address => (IPEndPoint)socket.LocalEndPoint!;

    /// <summary>What arrived, in its order, and from whom.</summary>
    public ConcurrentQueue<(IPEndPoint From, byte[] Datagram)> Arrived { get; } = [];

    public void Dispose() => socket.Dispose();

    /// <summary>A port of UDP on which nobody listens now, below those that systems give to whoever sends: one of them might be taken meanwhile.</summary>
    public static IPEndPoint Nobody(IPAddress address)
    {
        while (true)
        {
            var endPoint = new IPEndPoint(address, Random.Shared.Next(10_000, 30_000));
            try
            {
                using var probe = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
                probe.Bind(endPoint);
                return endPoint;
            }
            catch (SocketException)
            {
                // Somebody has it.
            }
        }
    }

    /// <summary>A socket with room for a burst: as root for a large one, which the system would cap otherwise.</summary>
    public static Socket Open(AddressFamily family)
    {
        const int SOL_SOCKET = 1, SO_SNDBUFFORCE = 32, SO_RCVBUFFORCE = 33, Size = 8 << 20;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = Size, SendBufferSize = Size };
        if (Environment.UserName == "root")
        {
            socket.SetRawSocketOption(SOL_SOCKET, SO_SNDBUFFORCE, BitConverter.GetBytes(Size));
            socket.SetRawSocketOption(SOL_SOCKET, SO_RCVBUFFORCE, BitConverter.GetBytes(Size));
        }
        return socket;
    }

    private async Task ServeAsync()
    {
        var buffer = GC.AllocateUninitializedArray<byte>(65536);
        EndPoint any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            try
            {
                var got = await socket.ReceiveFromAsync(buffer, any);
                var (from, datagram) = ((IPEndPoint)got.RemoteEndPoint, buffer[..got.ReceivedBytes]);
                Arrived.Enqueue((from, datagram));
                if (answer(datagram, from) is { } reply)
                    await socket.SendToAsync(reply, from);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
            {
                // Of a client that has gone.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}

/// <summary>A client with a connected socket: it gets nothing but what comes from the very address and port that it writes to.</summary>
internal sealed class UdpCaller : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(20);

    private readonly byte[] buffer = GC.AllocateUninitializedArray<byte>(65536);

    public UdpCaller(IPEndPoint server, IPAddress? from = null)
    {
        Socket = UdpServer.Open(server.AddressFamily);
        if (from is not null)
            Socket.Bind(new IPEndPoint(from, 0));
        Socket.Connect(server);
    }

    public Socket Socket { get; }

    public IPEndPoint Address => (IPEndPoint)Socket.LocalEndPoint!;

    public void Dispose() => Socket.Dispose();

    public void Send(byte[] datagram) => Assert.Equal(datagram.Length, Socket.Send(datagram));

    public void Send(string text) => Send(Encoding.ASCII.GetBytes(text));

    /// <summary>The next datagram, which has to come.</summary>
    public async Task<byte[]> ReceiveAsync() => await TryReceiveAsync(patience) ?? throw new TimeoutException("Nothing came.");

    /// <summary>Asks once: the answer, which has to come.</summary>
    public async Task<string> AskAsync(string text)
    {
        Send(text);
        return Encoding.ASCII.GetString(await ReceiveAsync());
    }

    /// <summary>Asks again and again, as clients of UDP do, until there is an answer that will do.</summary>
    public async Task<string> AskUntilAsync(string text, Func<string, bool> isEnough)
    {
        var until = Environment.TickCount64 + patience.TotalMilliseconds;
        while (Environment.TickCount64 < until)
        {
            try
            {
                Socket.Send(Encoding.ASCII.GetBytes(text));
            }
            catch (SocketException)
            {
                // Somebody told that nobody is there.
            }
            if (await TryReceiveAsync(TimeSpan.FromMilliseconds(50)) is { } got && Encoding.ASCII.GetString(got) is var answer && isEnough(answer))
                return answer;
        }
        throw new TimeoutException($"There was no such answer to '{text}'.");
    }

    /// <summary>The next datagram; null where none has come for that long.</summary>
    public async Task<byte[]?> TryReceiveAsync(TimeSpan patience)
    {
        using var end = new CancellationTokenSource(patience);
        try
        {
            var count = await Socket.ReceiveAsync(buffer, end.Token);
            return buffer[..count];
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException)
        {
            return null;
        }
    }
}
