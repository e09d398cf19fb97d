using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Runtime.InteropServices;

namespace Fairlead.Bench;

/// <summary>What a client says, and what it waits for then.</summary>
/// <param name="Question">Sent at once.</param>
/// <param name="Answer">How the answer begins.</param>
/// <param name="Length">Bytes of the answer; null for all until the server ends the connection.</param>
readonly record struct Exchange(byte[] Question, byte[] Answer, int? Length = null);

/// <summary>
/// Clients that connect, have the same short conversation each, and close when the server has: so many at a time, a new one for each that
/// ends. All are on one thread, by system calls alone, as with wrk, so that a core is left to what is measured.
/// </summary>
sealed unsafe partial class Callers : IDisposable
{
    public const int AtATime = 64;

    const int AddressFamilyInet = 2, SockStream = 1, SockNonblock = 0x800, SockCloexec = 0x80000;
    const int Eintr = 4, Eagain = 11, Einprogress = 115;
    const int MsgNosignal = 0x4000;
    const short Pollin = 1, Pollout = 4;

    /// <summary>In milliseconds, and far above what any answer takes.</summary>
    const int Timeout = 5000;

    /// <summary>Room for tens of seconds; made once, so that nothing is collected while it measures.</summary>
    static readonly long[] ticks = new long[2_000_000];

    readonly byte[] server;
    readonly IReadOnlyList<Exchange> exchanges;
    readonly PollDescriptor[] polls = new PollDescriptor[AtATime];
    readonly Caller[] callers = new Caller[AtATime];
    readonly byte[] buffer = new byte[16384];

    Callers(IPEndPoint server, IReadOnlyList<Exchange> exchanges)
    {
        this.exchanges = exchanges;
        // struct sockaddr_in, ip(7).
        this.server = new byte[16];
        BitConverter.TryWriteBytes(this.server, (ushort)AddressFamilyInet);
        BinaryPrimitives.WriteUInt16BigEndian(this.server.AsSpan(2), (ushort)server.Port);
        server.Address.TryWriteBytes(this.server.AsSpan(4), out _);
        for (var i = 0; i < AtATime; i++)
            polls[i].Descriptor = -1;
    }

    /// <summary>A closed loop: whenever a conversation ends, the next one begins.</summary>
    /// <param name="server">Where to connect.</param>
    /// <param name="length">For how long new ones begin.</param>
    /// <param name="exchanges">The conversation.</param>
    /// <exception cref="MeasureException">One of them did not go like that.</exception>
    public static LoadResult Run(IPEndPoint server, TimeSpan length, params IReadOnlyList<Exchange> exchanges)
    {
        using var callers = new Callers(server, exchanges);
        return callers.Run(length);
    }

    LoadResult Run(TimeSpan length)
    {
        var count = 0;
        var begin = Stopwatch.GetTimestamp();
        var end = begin + (long)(length.TotalSeconds * Stopwatch.Frequency);
        for (var i = 0; i < AtATime; i++)
            Begin(i);
        for (var underWay = AtATime; underWay > 0;)
        {
            Wait(underWay);
            for (var i = 0; i < AtATime; i++)
            {
                if (polls[i].Ready == 0 || !GoOn(i))
                    continue;
                var now = Stopwatch.GetTimestamp();
                ticks[count++] = now - callers[i].Begun;
                End(i);
                if (now < end && count + underWay < ticks.Length)
                    Begin(i);
                else
                    underWay--;
            }
        }
        var taken = Stopwatch.GetElapsedTime(begin);
        var times = ticks.AsSpan(0, count);
        times.Sort();
        return new(count / taken.TotalSeconds, Milliseconds(times, 0.5), Milliseconds(times, 0.99), count);
    }

    static double Milliseconds(Span<long> sorted, double quantile) =>
        Stopwatch.GetElapsedTime(0, sorted[(int)(quantile * (sorted.Length - 1))]).TotalMilliseconds;

    void Begin(int i)
    {
        var descriptor = Socket(AddressFamilyInet, SockStream | SockNonblock | SockCloexec, 0);
        if (descriptor < 0)
            throw Failed("socket");
        polls[i] = new() { Descriptor = descriptor, Wanted = Pollout };
        callers[i] = new() { At = -1, Begun = Stopwatch.GetTimestamp() };
        fixed (byte* address = server)
        {
            if (Connect(descriptor, address, server.Length) < 0 && Marshal.GetLastPInvokeError() != Einprogress)
                throw Failed("connect");
        }
    }

    void End(int i)
    {
        if (polls[i].Descriptor < 0)
            return;
        _ = Close(polls[i].Descriptor);
        polls[i].Descriptor = -1;
    }

    void Wait(int underWay)
    {
        fixed (PollDescriptor* descriptors = polls)
        {
            int ready;
            do
                ready = Poll(descriptors, (nuint)AtATime, Timeout);
            while (ready < 0 && Marshal.GetLastPInvokeError() == Eintr);
            if (ready <= 0)
                throw ready < 0 ? Failed("poll") : new MeasureException($"{underWay} connections had no answer within {Timeout / 1000} s");
        }
    }

    /// <summary>Does what can be done without waiting. True at the end of the conversation.</summary>
    bool GoOn(int i)
    {
        ref var caller = ref callers[i];
        if (caller.At < 0)
        {
            // A connection that was refused says so here.
            Ask(i);
            return false;
        }
        var exchange = exchanges[caller.At];
        nint n;
        fixed (byte* at = buffer)
            n = Receive(polls[i].Descriptor, at, (nuint)buffer.Length, 0);
        if (n < 0)
            return Marshal.GetLastPInvokeError() == Eagain ? false : throw Failed("recv");
        if (n == 0)
            return exchange.Length is null && caller.Heard > 0 ? true : throw new MeasureException($"the connection ended instead of answer {caller.At + 1}");
        var heard = buffer.AsSpan(0, (int)n);
        if (caller.Heard == 0 && !heard.StartsWith(exchange.Answer.AsSpan(0, Math.Min(heard.Length, exchange.Answer.Length))))
            throw new MeasureException($"answer {caller.At + 1} is {Convert.ToHexString(heard[..Math.Min(heard.Length, 16)])}");
        caller.Heard += heard.Length;
        if (exchange.Length is not { } length || caller.Heard < length)
            return false;
        if (caller.At + 1 == exchanges.Count)
            return true;
        Ask(i);
        return false;
    }

    void Ask(int i)
    {
        ref var caller = ref callers[i];
        caller.At++;
        caller.Heard = 0;
        polls[i].Wanted = Pollin;
        var question = exchanges[caller.At].Question;
        fixed (byte* at = question)
        {
            if (Send(polls[i].Descriptor, at, (nuint)question.Length, MsgNosignal) != question.Length)
                throw Failed("send");
        }
    }

    static MeasureException Failed(string call) => new($"{call}: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}");

    public void Dispose()
    {
        for (var i = 0; i < AtATime; i++)
            End(i);
    }

    /// <param name="At">The place of the exchange that is under way; -1 while it connects.</param>
    /// <param name="Heard">Bytes of its answer so far.</param>
    /// <param name="Begun">Before it connected.</param>
    record struct Caller(int At, int Heard, long Begun);

    /// <summary>struct pollfd, poll(2).</summary>
    struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Ready;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int Socket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int Connect(int descriptor, byte* address, int length);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollDescriptor* descriptors, nuint count, int timeout);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint Receive(int descriptor, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint Send(int descriptor, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
