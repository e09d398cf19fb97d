using System.Net.Http.Headers;
using System.Net.Sockets;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>The admin API of a fake instance on a Unix socket of its own, or on a free port of the loopback.</summary>
internal sealed class AdminRig : IAsyncDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private AdminServer? server;

    public FakeInstance Instance { get; } = new();

    public List<LogEntry> Log { get; } = [];

    public string Folder => folder.FullName;

    public string Path => System.IO.Path.Combine(Folder, "admin.sock");

    public string Address => server!.Address;

    public static async Task<AdminRig> StartAsync(uint? own = null, TimeSpan? silence = null)
    {
        var rig = new AdminRig();
        rig.server = await AdminServer.StartAsync(new AdminConfig { Listen = new UnixEndpoint(rig.Path) }, "main", rig.Instance, rig.Note, new FixedTime(), own ?? PeerUser.Own, silence);
        return rig;
    }

    public static async Task<AdminRig> StartTcpAsync(string token, TimeProvider? time = null)
    {
        var rig = new AdminRig();
        var config = new AdminConfig { Listen = new PortEndpoint("127.0.0.1", new PortRange(0)), Token = new Secret(token) };
        rig.server = await AdminServer.StartAsync(config, "main", rig.Instance, rig.Note, time ?? new FixedTime(), PeerUser.Own);
        return rig;
    }

    public async Task<(int Status, string Body, HttpResponseMessage Response)> AskAsync(string method, string path, Action<HttpRequestHeaders>? headers = null, HttpContent? content = null)
    {
        using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = ConnectAsync, UseProxy = false });
        using var request = new HttpRequestMessage(new HttpMethod(method), $"http://localhost{path}") { Content = content };
        headers?.Invoke(request.Headers);
        var response = await client.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), response);
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync();
        folder.Delete(recursive: true);
    }

    private void Note(LogEntry entry)
    {
        lock (Log)
            Log.Add(entry);
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var isUnix = Address.StartsWith("unix:", StringComparison.Ordinal);
        var socket = new Socket(isUnix ? AddressFamily.Unix : AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(isUnix ? new UnixDomainSocketEndPoint(Path) : System.Net.IPEndPoint.Parse(Address), cancel);
        return new NetworkStream(socket, ownsSocket: true);
    }

    /// <summary>The moment of <see cref="FakeInstance"/>; what is to be waited for comes at once.</summary>
    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => FakeInstance.Now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) => base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
