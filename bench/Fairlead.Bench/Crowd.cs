using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Fairlead.Bench;

/// <summary>What a crowd saw: round trips a second, and how long they took in microseconds.</summary>
readonly record struct CrowdResult(double PerSecond, double Median, double P99, int Count);

/// <summary>
/// Clients that send datagrams of 64 bytes and wait for their echo, each from an address of its own in 127/8. All have one
/// socket, which tells the kernel the source of each datagram (IP_PKTINFO, ip(7)): thousands take one descriptor, one thread
/// and as much of the processor as a few.
/// </summary>
sealed partial class Crowd : IDisposable
{
    const int Size = 64;

    /// <summary>A datagram with the number of its client, and with a number of its own: the answer to an earlier one counts for nothing.</summary>
    const int ClientAt = 0, StampAt = 4;

    /// <summary>For the first datagram of a client, which is sent again: a forwarder may bound how many clients are new in a second.</summary>
    const int OpenTimeout = 100, OpenTries = 100;

    /// <summary>In milliseconds, and far above what any of them takes: an answer that is not here by then is lost.</summary>
    const int Timeout = 2000;

    /// <summary>Room for ten seconds at a round trip of 3 µs; made once, so that nothing is collected while it measures.</summary>
    static readonly long[] ticks = new long[3_000_000];

    readonly Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    readonly byte[] server;
    readonly byte[] outgoing = new byte[Size], incoming = new byte[Size + 1];
    readonly int[] stamps;
    readonly long[] sent;

    /// <summary>The clients, in the order of their turns.</summary>
    readonly Queue<int> idle;

    public Crowd(IPEndPoint server, int clients)
    {
        this.server = server.Serialize().Buffer.ToArray();
        (stamps, sent) = (new int[clients], new long[clients]);
        // Shuffled, so that neighbours in a table are not asked for one after the other.
        var order = Enumerable.Range(0, clients).ToArray();
        new Random(1).Shuffle(order);
        idle = new(order);
        socket.ReceiveBufferSize = socket.SendBufferSize = 4 << 20;
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
    }

    /// <summary>Sends one datagram from each client, one after the other, and waits for its answer.</summary>
    public void Open()
    {
        socket.ReceiveTimeout = OpenTimeout;
        for (var client = 0; client < stamps.Length; client++)
        {
            for (var tries = 1; ; tries++)
            {
                Send(client);
                if (TryReceive(out var answered) && answered == client)
                    break;
                if (tries == OpenTries)
                    throw new MeasureException($"client {client + 1} of {stamps.Length} got no answer");
            }
        }
        socket.ReceiveTimeout = Timeout;
    }

    /// <summary>Round trips, a closed loop: whenever one ends, the next client begins one.</summary>
    /// <param name="atATime">How many are under way; no more than there are clients, who each wait for their answer.</param>
    /// <param name="length">For how long new ones begin.</param>
    /// <param name="among">How many of the clients take turns; the others keep silent.</param>
    public CrowdResult Run(int atATime, TimeSpan length, int among = int.MaxValue)
    {
        // All are idle before and after.
        var turns = new Queue<int>(idle.Take(among));
        var count = 0;
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(length.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < atATime; i++)
            Send(turns.Dequeue());
        for (var underWay = atATime; underWay > 0;)
        {
            if (!TryReceive(out var client))
                throw new MeasureException($"{underWay} datagrams under way got no answer, after {count} that did");
            var now = Stopwatch.GetTimestamp();
            ticks[count++] = now - sent[client];
            turns.Enqueue(client);
            if (now < end && count + underWay < ticks.Length)
                Send(turns.Dequeue());
            else
                underWay--;
        }
        var taken = Stopwatch.GetElapsedTime(begin);
        var times = ticks.AsSpan(0, count);
        times.Sort();
        return new(count / taken.TotalSeconds, Quantile(times, 0.5), Quantile(times, 0.99), count);
    }

    /// <summary>The client whose answer has come; false when none comes in time.</summary>
    bool TryReceive(out int client)
    {
        while (true)
        {
            var n = socket.Receive(incoming, SocketFlags.None, out var error);
            client = BinaryPrimitives.ReadInt32LittleEndian(incoming.AsSpan(ClientAt));
            if (error != SocketError.Success)
                return false;
            if (n == Size && (uint)client < (uint)stamps.Length && BinaryPrimitives.ReadInt32LittleEndian(incoming.AsSpan(StampAt)) == stamps[client])
                return true;
        }
    }

    unsafe void Send(int client)
    {
        BinaryPrimitives.WriteInt32LittleEndian(outgoing.AsSpan(ClientAt), client);
        BinaryPrimitives.WriteInt32LittleEndian(outgoing.AsSpan(StampAt), ++stamps[client]);
        sent[client] = Stopwatch.GetTimestamp();
        // 127.16.0.1 and on, without those that end in 0 and 255.
        var source = new PacketInfo { Length = 16 + 12, Type = PacketInfo.IP_PKTINFO };
        (source.A, source.B, source.C, source.D) = (127, (byte)(16 + client / 62_500), (byte)(client / 250 % 250), (byte)(1 + client % 250));
        fixed (byte* name = server, data = outgoing)
        {
            var vector = new Vector { Base = data, Length = Size };
            var message = new Message
            {
                Name = name,
                NameLength = (uint)server.Length,
                Vectors = &vector,
                VectorCount = 1,
                Control = &source,
                ControlLength = (nuint)sizeof(PacketInfo),
            };
            if (SendMessage(socket.SafeHandle, &message, 0) != Size)
                throw new MeasureException($"sendmsg: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    static double Quantile(Span<long> sorted, double q) => Stopwatch.GetElapsedTime(0, sorted[(int)(q * (sorted.Length - 1))]).TotalMicroseconds;

    public void Dispose() => socket.Dispose();

    /// <summary>struct cmsghdr with struct in_pktinfo, of which only ipi_spec_dst is filled in; padded to a size_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct PacketInfo
    {
        public const int IP_PKTINFO = 8;

        public nuint Length;
        public int Level, Type;
        public int Interface;
        public byte A, B, C, D;
        public uint Destination, Padding;
    }

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    unsafe struct Vector
    {
        public byte* Base;
        public nuint Length;
    }

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    unsafe struct Message
    {
        public byte* Name;
        public uint NameLength;
        public Vector* Vectors;
        public nuint VectorCount;
        public PacketInfo* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static unsafe partial nint SendMessage(SafeHandle socket, Message* message, int flags);
}
