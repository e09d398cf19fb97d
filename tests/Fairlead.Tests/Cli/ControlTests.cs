using System.Net.Sockets;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>Orders to a running <c>fairlead ssh</c>, and what comes instead of them.</summary>
public sealed class ControlTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly List<string[]> orders = [];

    private string SocketPath => Path.Combine(folder.FullName, "s");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact(Timeout = 30000)]
    public async Task An_order_and_its_answer_come_through_as_they_are()
    {
        await using var server = ControlServer.Start(SocketPath, isDefault: false, ObeyAsync);
        Assert.Equal(["one", "two "], await ControlClient.AskAsync(SocketPath, ["ok", "one", "two "], "gw"));
        var refusal = await Assert.ThrowsAsync<StartException>(() => ControlClient.AskAsync(SocketPath, ["error", "no\u001b[2J"], "gw"));
        Assert.Equal(@"no\u001b[2J", refusal.Message);
        Assert.Equal(["ok", "one", "two "], orders[0]);
    }

    [Theory(Timeout = 30000), InlineData(0), InlineData(5), InlineData(ControlOrder.MostBytes)]
    public async Task What_is_no_order_is_not_answered_and_the_next_one_is(int count)
    {
        await using var server = ControlServer.Start(SocketPath, isDefault: false, ObeyAsync);
        using (var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), TestContext.Current.CancellationToken);
            await socket.SendAsync(new byte[count].Select(_ => (byte)'x').ToArray(), TestContext.Current.CancellationToken);
            socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        }
        Assert.Empty(await ControlClient.AskAsync(SocketPath, ["ok"], "gw"));
        Assert.Single(orders);
    }

    [Fact(Timeout = 30000)]
    public async Task Where_nobody_listens_the_remedy_is_told_and_a_path_is_one_processs_alone()
    {
        var alone = await Assert.ThrowsAsync<StartException>(() => ControlClient.AskAsync(SocketPath, ["check"], "alice@gw"));
        Assert.Equal($"no fairlead ssh to alice@gw is running (nobody listens on {SocketPath}); start it, or name its socket (-S PATH)", alone.Message);
        await using (ControlServer.Start(SocketPath, isDefault: false, ObeyAsync))
            Assert.Throws<Fairlead.Net.ListenException>(() => ControlServer.Start(SocketPath, isDefault: false, ObeyAsync));
        Assert.False(File.Exists(SocketPath));
    }

    [Fact]
    public void Users_servers_and_ways_have_each_their_own_place()
    {
        var gw = new SshTarget("alice", "gw", 22);
        var tunnel = new TunnelConfig { Name = "gw", Ssh = gw };
        TunnelConfig[] all = [tunnel, tunnel with { Ssh = new SshTarget("bob", "gw", 22) }, tunnel with { Ssh = new SshTarget("alice", "gw", 2022) }, tunnel with { Jump = [new SshTarget("alice", "door", 22)] }];
        Assert.Equal(4, all.Select(ControlOrder.PlaceOf).Distinct().Count());
        Assert.Equal(ControlOrder.PlaceOf(tunnel), ControlOrder.PlaceOf(tunnel with { Name = "other", Keepalive = TimeSpan.FromSeconds(1) }));
    }

    [Theory, Seeds(2)]
    public void Whatever_comes_is_read_or_refused(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 2000; i++)
        {
            var bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            if (bytes is [.., 0])
                Assert.NotEmpty(ControlOrder.Read(bytes));
            else
                Assert.Throws<FormatException>(() => ControlOrder.Read(bytes));
        }
    }

    // Answers with what it is told to answer.
    private Task<string[]> ObeyAsync(string[] order)
    {
        orders.Add(order);
        return Task.FromResult(order);
    }
}
