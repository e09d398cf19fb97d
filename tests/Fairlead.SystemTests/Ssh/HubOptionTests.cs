using System.Net;
using System.Text.Json;

namespace Fairlead.SystemTests;

/// <summary>What our own server lets a key do, as it stands before it in <c>authorized_keys</c>, to OpenSSH's client.</summary>
public sealed class HubOptionTests(SharedHub shared) : IClassFixture<SharedHub>
{
    [Theory(Timeout = 60000)]
    [InlineData()]
    [InlineData("-t")]
    [InlineData("127.0.0.1", "uname", "-a")]
    [InlineData("-s", "127.0.0.1", "sftp")]
    public async Task There_is_no_shell_and_whoever_wants_one_is_told_politely(params string[] arguments)
    {
        var hub = await shared.AdmitAsync("");
        var (status, output) = await hub.RunAsync([.. arguments, .. arguments.Contains("127.0.0.1") ? Array.Empty<string>() : ["127.0.0.1"]]);
        Assert.Equal(1, status);
        Assert.Contains("This server forwards ports; it has no shell and runs nothing. Connect with: ssh -N", output, StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000)]
    [InlineData("from=\"127.0.0.0/8\"", true)]
    [InlineData("from=\"192.0.2.1,127.0.0.1\"", true)]
    [InlineData("from=\"192.0.2.0/24\"", false)]
    [InlineData("from=\"!127.0.0.1,127.0.0.0/8\"", false)]
    [InlineData("expiry-time=\"20200101\"", false)]
    [InlineData("expiry-time=\"20991231235959Z\"", true)]
    public async Task From_and_expiry_time_decide_who_comes_in(string options, bool comesIn)
    {
        var hub = await shared.AdmitAsync(options);
        using var echo = new Echo();
        var (status, output) = await AskAsync(hub, echo.Port);
        Assert.Equal((comesIn ? 0 : 255, comesIn ? "hello" : ""), (status, output));
    }

    [Theory(Timeout = 60000)]
    [InlineData("", true)]
    [InlineData("permitopen=\"127.0.0.1:PORT\"", true)]
    [InlineData("permitopen=\"127.0.0.1:*\"", true)]
    [InlineData("permitopen=\"127.0.0.1:1\",permitopen=\"127.0.0.1:PORT\"", true)]
    [InlineData("permitopen=\"127.0.0.1:1\"", false)]
    [InlineData("permitopen=\"localhost:PORT\"", false)]
    [InlineData("restrict", false)]
    [InlineData("restrict,port-forwarding", true)]
    [InlineData("restrict,port-forwarding,permitopen=\"127.0.0.1:1\"", false)]
    [InlineData("no-port-forwarding", false)]
    [InlineData("no-pty,no-X11-forwarding,no-agent-forwarding", true)]
    public async Task Options_decide_where_a_key_may_connect(string options, bool mayConnect)
    {
        using var echo = new Echo();
        var hub = await shared.AdmitAsync(options.Replace("PORT", $"{echo.Port}", StringComparison.Ordinal));
        var (status, output) = await AskAsync(hub, echo.Port);
        Assert.Equal((mayConnect ? 0 : 255, mayConnect ? "hello" : ""), (status, output));
        if (!mayConnect)
            await hub.Running.WaitForAsync(entry => Refusal(entry) == $"connect to 127.0.0.1:{echo.Port}");
    }

    [Theory(Timeout = 60000)]
    [InlineData("", "0", true)]
    [InlineData("", "localhost:0", true)]
    [InlineData("", "127.0.0.1:0", true)]
    [InlineData("", "80", false)]
    [InlineData("", "127.0.0.2:0", true)]
    [InlineData("", "192.0.2.1:0", false)]
    [InlineData("permitlisten=\"PORT\"", "PORT", true)]
    [InlineData("permitlisten=\"localhost:PORT\"", "localhost:PORT", true)]
    [InlineData("permitlisten=\"PORT\"", "0", false)]
    [InlineData("permitlisten=\"1\"", "PORT", false)]
    [InlineData("restrict", "0", false)]
    [InlineData("restrict,port-forwarding", "0", true)]
    [InlineData("no-port-forwarding", "0", false)]
    public async Task Options_decide_where_a_key_may_listen(string options, string listen, bool mayListen)
    {
        var port = FreePorts.One();
        var hub = await shared.AdmitAsync(options.Replace("PORT", $"{port}", StringComparison.Ordinal));
        listen = listen.Replace("PORT", $"{port}", StringComparison.Ordinal);
        using var echo = new Echo();
        if (!mayListen)
        {
            var before = hub.Running.Entries.Count(entry => Refusal(entry)?.StartsWith("listen on ", StringComparison.Ordinal) == true);
            var (status, output) = await hub.RunAsync("-o", "ExitOnForwardFailure=yes", "-N", "-R", $"{listen}:127.0.0.1:{echo.Port}", "127.0.0.1");
            Assert.Equal(255, status);
            Assert.Contains("remote port forwarding failed", output, StringComparison.Ordinal);
            await hub.Running.WaitForAsync(_ => hub.Running.Entries.Count(entry => Refusal(entry)?.StartsWith("listen on ", StringComparison.Ordinal) == true) > before);
            return;
        }
        using var ssh = await hub.ConnectAsync("-o", "ExitOnForwardFailure=yes", "-R", $"{listen}:127.0.0.1:{echo.Port}");
        await ssh.WaitForAsync("remote forward success");
        var bound = listen.EndsWith(":0", StringComparison.Ordinal) || listen == "0" ? await ssh.AllocatedPortAsync() : port;
        using var client = await Echo.ConnectAsync(new IPEndPoint(listen.StartsWith("127.0.0.2", StringComparison.Ordinal) ? IPAddress.Parse("127.0.0.2") : IPAddress.Loopback, bound));
    }

    [Fact(Timeout = 60000)]
    public async Task A_key_that_is_taken_off_the_list_is_not_let_in_again()
    {
        var hub = await shared.AdmitAsync("");
        using var echo = new Echo();
        Assert.Equal((0, "hello"), await AskAsync(hub, echo.Port));
        File.WriteAllText(hub.AuthorizedKeys, "# nobody\n");
        Assert.Equal((255, ""), await AskAsync(hub, echo.Port));
        hub.Admit("");
        Assert.Equal((0, "hello"), await AskAsync(hub, echo.Port));
    }

    internal static string? Refusal(JsonElement entry) => entry.GetProperty("event").GetString() == "hub_refused" ? entry.GetProperty("what").GetString() : null;

    // What a client says there by ssh -W, and hears back: ssh's status and standard output.
    private static async Task<(int Status, string Output)> AskAsync(HubRig hub, int port)
    {
        using var folder = new Folder();
        var to = Path.Combine(folder.Path, "got");
        var (status, _) = await OpenSshClient.CopyAsync(folder.Write("sent", "hello"), to, hub.UserKey, "alice", hub.Port, "-W", $"127.0.0.1:{port}", "127.0.0.1");
        return (status, File.ReadAllText(to));
    }
}

/// <summary>One hub for all of them, since it asks its file at each login. It is started by the first.</summary>
public sealed class SharedHub : IAsyncDisposable
{
    private readonly Lazy<Task<HubRig>> hub = new(() => HubRig.StartAsync());

    /// <summary>The hub, where the user may do this from now on.</summary>
    internal async Task<HubRig> AdmitAsync(string options)
    {
        var rig = await hub.Value;
        rig.Admit(options);
        return rig;
    }

    public async ValueTask DisposeAsync()
    {
        if (hub is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            await (await hub.Value).DisposeAsync();
    }
}
