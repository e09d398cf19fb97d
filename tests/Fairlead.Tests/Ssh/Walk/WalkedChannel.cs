using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>A channel as whoever walks knows it: what was said about it, and what its user has done. "The peer" is the one that attacks.</summary>
internal sealed class WalkedChannel(int index, uint peerId) : IDatagramSink
{
    /// <summary>By which bytes of one are told from those of another.</summary>
    public int Index => index;

    public uint PeerId { get; set; } = peerId;

    /// <summary>The attacked end's number; null: not known yet.</summary>
    public uint? OwnId { get; set; }

    /// <summary>What its user has asked for, and waits for; null: the peer has asked.</summary>
    public SshOpen? Asked { get; set; }

    public Task<SshOpenResult>? Opening { get; set; }

    public CancellationTokenSource GiveUp { get; } = new();

    /// <summary>What is to be said to the peer's question; null: it does not get so far.</summary>
    public SshOpenFailure? Refusal { get; set; }

    public SshIncoming? Incoming { get; set; }

    public bool IsOpen { get; set; }

    public SshChannel? Stream { get; set; }

    public SshDatagrams? Datagrams { get; set; }

    public bool IsOfDatagrams { get; set; }

    /// <summary>How much the peer may send, at once too.</summary>
    public long Window { get; set; }

    public long Packet { get; set; }

    /// <summary>How much the peer lets itself be sent, at once too.</summary>
    public long Granted { get; set; }

    public long PeerPacket { get; set; }

    /// <summary>Bytes of the stream to the attacked end that were sent, and that its user has read.</summary>
    public long Sent { get; set; }

    public long Read { get; set; }

    /// <summary>Bytes of the other direction that the user has written, and that the peer has got.</summary>
    public long Written { get; set; }

    public long Received { get; set; }

    public bool IsEofSent { get; set; }

    public bool IsCloseSent { get; set; }

    public bool IsEofReceived { get; set; }

    public bool IsCloseReceived { get; set; }

    /// <summary>Whether the user has closed it.</summary>
    public bool IsOver { get; set; }

    /// <summary>Whether the user has completed its writes.</summary>
    public bool IsCompleted { get; set; }

    /// <summary>Answers to requests about it that are owed to the peer.</summary>
    public int Answers { get; set; }

    public byte[] Buffer { get; set; } = [];

    public Task<int>? Reading { get; set; }

    public Task? Writing { get; set; }

    public Queue<byte[]> DatagramsToUser { get; } = [];

    public Queue<byte[]> DatagramsToPeer { get; } = [];

    public int Closings { get; private set; }

    /// <summary>Whether the attacked end has closed it, as far as the peer can know.</summary>
    public bool MustBeClosed => IsCloseSent || IsOver || (IsEofSent && IsCompleted);

    public string? Fault { get; private set; }

    /// <summary>So many bytes of a stream, from there.</summary>
    public byte[] Bytes(long from, int count, bool toUser)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)(((from + i) * 7) + ((from + i) >> 8) + (index * 31) + (toUser ? 1 : 0));
        return bytes;
    }

    /// <summary>Looks at a read that has ended, or has not.</summary>
    public void CheckReading()
    {
        if (Reading is not { } reading)
            return;
        var mustBeOver = IsOver || IsEofSent || IsCloseSent || Sent > Read;
        Assert.True(reading.IsCompleted == mustBeOver, $"channel {index}: a read {(mustBeOver ? "waits" : "has ended")}; {Sent} bytes were sent and {Read} read");
        if (!reading.IsCompleted)
            return;
        Reading = null;
        if (reading.IsCompletedSuccessfully && (reading.Result > 0 || Buffer.Length == 0))
        {
            Assert.True(Buffer.AsSpan(0, reading.Result).SequenceEqual(Bytes(Read, reading.Result, toUser: true)), $"channel {index}: what was read at {Read} is not what was sent");
            Read += reading.Result;
            Assert.True(Read <= Sent, $"channel {index}: more was read than was sent");
            return;
        }
        if (IsOver)
            return;
        Assert.True(Read == Sent, $"channel {index}: it ends after {Read} of {Sent} bytes");
        if (reading.IsCompletedSuccessfully)
            Assert.True(IsEofSent, $"channel {index}: it ends, and the peer has not said so");
        else
            Assert.True(!IsEofSent && IsCloseSent && reading.Exception!.InnerException is ConnectionException { Error: ConnectionError.Reset }, $"channel {index}: {reading.Exception}");
    }

    /// <summary>Looks at a write that has ended, or has not, once nothing moves.</summary>
    public void CheckWriting()
    {
        if (Writing is not { } writing)
            return;
        if (!writing.IsCompleted)
        {
            Assert.True(Granted == 0 && !IsOver && !IsCloseSent, $"channel {index}: a write waits, and there are {Granted} bytes of a window");
            return;
        }
        Writing = null;
        if (writing.IsCompletedSuccessfully)
            Assert.True(Received == Written, $"channel {index}: {Written} bytes were written, and {Received} have come");
        else
            Assert.True((IsOver || IsCloseSent) && writing.Exception!.InnerException is ConnectionException, $"channel {index}: {writing.Exception}");
    }

    public void OnDatagrams(in DatagramBatch batch)
    {
        foreach (var datagram in batch)
        {
            if (IsOver || !DatagramsToUser.TryDequeue(out var sent) || !datagram.SequenceEqual(sent))
                Fault ??= $"channel {index}: a datagram came that is not the one which was sent";
        }
    }

    public void OnLost(DatagramLoss loss, int count) => Fault ??= $"channel {index}: {count} datagrams were lost";

    public void OnError(DatagramError error) => Closings++;
}
