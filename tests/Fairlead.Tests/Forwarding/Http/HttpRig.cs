using System.Net;
using System.Text;
using Fairlead.Net;
using Fairlead.Tests.Net;

namespace Fairlead.Tests;

/// <summary>A client of an HTTP conversation, and the targets that it dials, each at the other end of a pair. In texts a line feed stands for CRLF.</summary>
internal sealed class HttpRig
{
    private readonly Lock gate = new();
    private readonly List<(string Target, Connection End)> targets = [];
    private readonly HttpConversation conversation;
    private readonly Func<Task<(Connection Near, Connection Far)>> connect;
    private long fromClient, fromUpstream;

    /// <summary>Between pairs in memory.</summary>
    public HttpRig(Func<HttpConversationOptions, HttpConversationOptions>? with = null, int capacity = 64 << 10)
        : this(Pair(capacity), () => Task.FromResult(Pair(capacity)), with)
    {
    }

    private HttpRig((Connection Client, Connection Near) ends, Func<Task<(Connection Near, Connection Far)>> connect, Func<HttpConversationOptions, HttpConversationOptions>? with)
    {
        this.connect = connect;
        (Client, Near) = ends;
        var options = new HttpConversationOptions
        {
            Dial = DialAsync,
            Answer = _ => new((HttpAnswer?)null),
            Passed = (from, count) => Interlocked.Add(ref from == Side.Client ? ref fromClient : ref fromUpstream, count),
            Time = Time,
        };
        conversation = new HttpConversation(Near, with is null ? options : with(options));
    }

    /// <summary>Over a network.</summary>
    public static async Task<HttpRig> OverAsync(NetworkRig network, Func<HttpConversationOptions, HttpConversationOptions>? with = null) =>
        new(await network.ConnectAsync(), () => network.ConnectAsync(), with);

    public ManualTime Time { get; } = new();

    public Connection Client { get; }

    /// <summary>The conversation's end of the client's connection, which its owner disposes.</summary>
    public Connection Near { get; }

    /// <summary>Ends dials otherwise than with a connection.</summary>
    public Func<EndPoint, DialOutcome?>? Refuse { get; set; }

    public (long FromClient, long FromUpstream) Counted => (Interlocked.Read(ref fromClient), Interlocked.Read(ref fromUpstream));

    public IReadOnlyList<string> Dialled
    {
        get
        {
            lock (gate)
                return [.. targets.Select(target => target.Target)];
        }
    }

    public IReadOnlyList<Connection> Targets
    {
        get
        {
            lock (gate)
                return [.. targets.Select(target => target.End)];
        }
    }

    /// <summary>Has the conversation, as its owner would.</summary>
    public async Task<HttpConversationResult> RunAsync(HttpRequestHead? first = null)
    {
        var result = await conversation.RunAsync(first);
        if (result.Connect is null)
            Near.Dispose();
        return result;
    }

    public void Stop() => conversation.Stop();

    /// <summary>The n-th target that was dialled, from 0, once it was.</summary>
    public async Task<Connection> TargetAsync(int index, string? name = null)
    {
        await Traffic.UntilAsync(() => Dialled.Count > index);
        if (name is not null)
            Assert.Equal(name, Dialled[index]);
        return Targets[index];
    }

    public Task SayAsync(string text) => SayAsync(Client, text);

    public Task HearAsync(string text) => HearAsync(Client, text);

    public static async Task SayAsync(Connection from, string text) => await from.WriteAsync(HttpText.Bytes(text));

    /// <summary>Reads what is expected, and shows what came instead.</summary>
    public static async Task HearAsync(Connection at, string text)
    {
        var expected = HttpText.Bytes(text);
        var bytes = new byte[expected.Length];
        var read = 0;
        while (read < bytes.Length && await at.ReadAsync(bytes.AsMemory(read)) is var count and > 0)
        {
            read += count;
            if (!bytes.AsSpan(0, read).SequenceEqual(expected.AsSpan(0, read)))
                break;
        }
        Assert.Equal(text, HttpText.Text(bytes.AsSpan(0, read)));
    }

    /// <summary>Reads a whole head, byte by byte.</summary>
    public static async Task<string> HeadAsync(Connection at)
    {
        var (text, one) = (new StringBuilder(), new byte[1]);
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            Assert.Equal(1, await at.ReadAsync(one));
            text.Append((char)one[0]);
        }
        return text.ToString().Replace("\r\n", "\n", StringComparison.Ordinal);
    }

    /// <summary>Reads to the end, which must be an orderly one.</summary>
    public static async Task<string> RestAsync(Connection at)
    {
        var (bytes, error) = await Traffic.DrainAsync(at);
        Assert.Null(error);
        return HttpText.Text(bytes);
    }

    /// <summary>Reads to the end, which must be a reset.</summary>
    public static async Task AssertResetAsync(Connection at) => Assert.Equal(ConnectionError.Reset, (await Traffic.DrainAsync(at)).Error);

    private static (Connection, Connection) Pair(int capacity) => MemoryConnection.CreatePair(capacity);

    private async ValueTask<DialResult> DialAsync(EndPoint target)
    {
        if (Refuse?.Invoke(target) is { } outcome)
            return new DialResult(outcome);
        var (near, far) = await connect();
        lock (gate)
            targets.Add((target is DnsEndPoint name ? $"{name.Host}:{name.Port}" : target.ToString()!, far));
        return DialResult.To(near);
    }
}
