using System.Net;
using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>An FTP conversation in memory: a test plays the client, the server and the network.</summary>
internal sealed class FtpRig : IDisposable
{
    public static readonly FtpEnds V4 = new(IPAddress.Parse("198.51.100.7"), IPAddress.Parse("203.0.113.1"), IPAddress.Parse("10.0.0.21"), IPAddress.Parse("10.0.0.1"));

    public static readonly FtpEnds V6 = new(IPAddress.Parse("2001:db8:1::7"), IPAddress.Parse("2001:db8::1"), IPAddress.Parse("fd00::21"), IPAddress.Parse("fd00::1"));

    private readonly Connection innerClient, innerUpstream;

    private FtpRig(FtpEnds ends, FtpConfig config, RelayOptions options, int capacity, bool isSecured)
    {
        var (client, innerClient) = MemoryConnection.CreatePair(capacity);
        var (server, innerUpstream) = MemoryConnection.CreatePair(capacity);
        (this.innerClient, this.innerUpstream) = (innerClient, innerUpstream);
        (Client, Server) = (new FtpSpeaker(client), new FtpSpeaker(server));
        Conversation = new FtpConversation(innerClient, innerUpstream, ends, config, options, Means, isSecured);
        Result = RunAsync();
    }

    public FtpSpeaker Client { get; }

    public FtpSpeaker Server { get; }

    public FtpTestMeans Means { get; } = new();

    public FtpConversation Conversation { get; }

    public Task<RelayResult> Result { get; }

    public static FtpRig Begin(FtpEnds? ends = null, FtpConfig? config = null, RelayOptions? options = null, int capacity = 64 << 10, bool isSecured = false) =>
        new(ends ?? V4, config ?? new FtpConfig(), options ?? new RelayOptions(), capacity, isSecured);

    /// <summary>One in which the greeting has passed.</summary>
    public static async Task<FtpRig> StartAsync(FtpEnds? ends = null, FtpConfig? config = null, RelayOptions? options = null, int capacity = 64 << 10, bool isSecured = false)
    {
        var rig = Begin(ends, config, options, capacity, isSecured);
        await rig.Server.SayAsync("220 Ready");
        await rig.Client.HearAsync("220 Ready");
        return rig;
    }

    /// <summary>The client says something, and the server hears it in these words.</summary>
    public async Task PassAsync(string command, string? asHeard = null)
    {
        await Client.SayAsync(command);
        await Server.HearAsync(asHeard ?? command);
    }

    /// <summary>The server says something, and the client hears it in these words.</summary>
    public async Task ReplyAsync(string reply, string? asHeard = null)
    {
        // Both at once: there may be little room between.
        await Task.WhenAll(Server.SayAsync(reply), Client.HearAsync((asHeard ?? reply).Split("\r\n")));
    }

    /// <summary>The client says something that is answered here; the server hears nothing of it, which the next command shows.</summary>
    public async Task RefuseAsync(string command, string answer)
    {
        await Client.SayAsync(command);
        await Client.HearAsync(answer);
        await PassAsync("NOOP");
        await ReplyAsync("200 Still there");
    }

    /// <summary>Both say that this was all.</summary>
    public async Task<RelayResult> EndAsync()
    {
        await Client.Connection.CompleteWritesAsync();
        await Server.HearEndAsync();
        await Server.Connection.CompleteWritesAsync();
        await Client.HearEndAsync();
        return await Result;
    }

    /// <summary>Waits for the end, which has to be this one.</summary>
    public async Task<RelayResult> EndsAsync(RelayEnd how, Side by)
    {
        var result = await Result;
        Assert.Equal((how, by), (result.End, result.By));
        return result;
    }

    public void Dispose()
    {
        Client.Connection.Dispose();
        Server.Connection.Dispose();
    }

    // As a session does.
    private async Task<RelayResult> RunAsync()
    {
        try
        {
            return await Conversation.RunAsync();
        }
        finally
        {
            innerClient.Dispose();
            innerUpstream.Dispose();
        }
    }
}

/// <summary>One end of a connection, which speaks in lines.</summary>
internal sealed class FtpSpeaker(Connection connection)
{
    public Connection Connection { get; } = connection;

    public async Task SayAsync(params string[] lines) => await WriteAsync(string.Concat(lines.Select(line => line + "\r\n")));

    public async Task WriteAsync(string text) => await Connection.WriteAsync(Encoding.Latin1.GetBytes(text));

    public async Task HearAsync(params string[] lines)
    {
        foreach (var line in lines)
            Assert.Equal(line, await LineAsync());
    }

    /// <summary>What comes until the end of the stream.</summary>
    public async Task<string> RestAsync()
    {
        var text = new StringBuilder();
        var buffer = new byte[1000];
        while (await Connection.ReadAsync(buffer) is var count and > 0)
            text.Append(Encoding.Latin1.GetString(buffer, 0, count));
        return text.ToString();
    }

    public async Task HearEndAsync() => Assert.Equal("", await RestAsync());

    public async Task HearResetAsync() => Assert.Equal(ConnectionError.Reset, (await Assert.ThrowsAsync<ConnectionException>(RestAsync)).Error);

    public async Task<string> LineAsync()
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await Connection.ReadAsync(one) > 0)
        {
            line.Append((char)one[0]);
            if (one[0] == '\n')
                break;
        }
        Assert.EndsWith("\r\n", line.ToString(), StringComparison.Ordinal);
        return line.ToString()[..^2];
    }
}

/// <summary>The network of a rig: doors at which the test knocks, and dials that it answers.</summary>
internal sealed class FtpTestMeans : IFtpMeans
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim dialled = new(0), left = new(0);
    private readonly Queue<FtpSpeaker> answered = [];
    private int lastPort = 39_999;

    public List<FtpTestDoor> Doors { get; } = [];

    public List<string> Dials { get; } = [];

    public List<(LogLevel Level, string Event, string Message)> Told { get; } = [];

    /// <summary>How many have their places now.</summary>
    public int Places { get; private set; }

    public int MostPlaces { get; set; } = int.MaxValue;

    public bool HasPorts { get; set; } = true;

    public DialOutcome Outcome { get; set; } = DialOutcome.Connected;

    /// <summary>Null: a handshake that fails.</summary>
    public Func<Connection, Task<Connection?>> Secure { get; set; } = plain => Task.FromResult<Connection?>(new MarkedConnection(plain));

    public int Secured { get; private set; }

    public FtpTestDoor Door => Doors[^1];

    public ValueTask<IFtpDoor?> ListenForClientAsync(IPAddress reached, PortRange ports, IPAddress from) => new(ListenOnce(reached, ports, from));

    public IFtpDoor? ListenOnce(IPAddress at, PortRange ports, IPAddress from)
    {
        if (!HasPorts)
            return null;
        var door = new FtpTestDoor(new IPEndPoint(at, ++lastPort), ports, from);
        Doors.Add(door);
        return door;
    }

    public ValueTask<DialResult> DialUpstreamAsync(int port) => Dial($"upstream {port}");

    public ValueTask<DialResult> DialClientAsync(IPEndPoint target, IPAddress from) => Dial($"{target} from {from}");

    public async ValueTask<Connection?> SecureAsync(Connection plain)
    {
        Secured++;
        return await Secure(plain);
    }

    public bool TryTakePlaces()
    {
        if (Places == MostPlaces)
            return false;
        Places++;
        return true;
    }

    public void LeavePlaces()
    {
        Places--;
        left.Release();
    }

    public void Log(LogLevel level, string @event, string message) => Told.Add((level, @event, message));

    /// <summary>Whoever was dialled next.</summary>
    public async Task<FtpSpeaker> DialledAsync()
    {
        await dialled.WaitAsync();
        lock (gate)
            return answered.Dequeue();
    }

    /// <summary>Waits until a data connection has ended.</summary>
    public Task LeftAsync() => left.WaitAsync();

    private ValueTask<DialResult> Dial(string target)
    {
        Dials.Add(target);
        if (Outcome != DialOutcome.Connected)
            return new(new DialResult(Outcome));
        var (outer, inner) = MemoryConnection.CreatePair();
        lock (gate)
            answered.Enqueue(new FtpSpeaker(outer));
        dialled.Release();
        return new(DialResult.To(inner));
    }
}

/// <summary>A door at which a test knocks.</summary>
internal sealed class FtpTestDoor(IPEndPoint at, PortRange ports, IPAddress from) : IFtpDoor
{
    private readonly TaskCompletionSource<Connection?> arrival = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public IPEndPoint LocalEndPoint => at;

    public PortRange Ports => ports;

    /// <summary>Who may come.</summary>
    public IPAddress From => from;

    /// <summary>Completes once nobody else can come.</summary>
    public Task WhenShut => arrival.Task;

    public ValueTask<Connection?> AcceptAsync() => new(arrival.Task);

    public FtpSpeaker Knock()
    {
        var (outer, inner) = MemoryConnection.CreatePair();
        Assert.True(arrival.TrySetResult(inner), "Nobody is waited for.");
        return new FtpSpeaker(outer);
    }

    public void Dispose() => arrival.TrySetResult(null);
}

/// <summary>Stands for TLS: what is written through it begins with a lock.</summary>
internal sealed class MarkedConnection(Connection plain) : Connection
{
    public override EndPoint? LocalEndPoint => plain.LocalEndPoint;

    public override EndPoint? RemoteEndPoint => plain.RemoteEndPoint;

    protected override ValueTask<int> ReadCoreAsync(Memory<byte> buffer) => plain.ReadAsync(buffer);

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        await plain.WriteAsync("[TLS]"u8.ToArray());
        await plain.WriteAsync(bytes);
    }

    public override ValueTask CompleteWritesAsync() => plain.CompleteWritesAsync();

    public override void Abort() => plain.Abort();

    public override void Dispose() => plain.Dispose();
}
