namespace Fairlead.SystemTests;

/// <summary>Bytes through every kind of forwarding, between us and OpenSSH, us and Dropbear, both ways, and between us and us. Both ends compare hashes.</summary>
public sealed class SshDataTests
{
    private const long Large = 100_000_000, Some = 20_000_000;

    [Theory(Timeout = 120000)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.L)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.R)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.D)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.L, "portable")]
    [InlineData(SshEnds.SshToHub, SshWay.L)]
    [InlineData(SshEnds.SshToHub, SshWay.R)]
    [InlineData(SshEnds.SshToHub, SshWay.D)]
    [InlineData(SshEnds.FairleadToHub, SshWay.L)]
    [InlineData(SshEnds.FairleadToHub, SshWay.R)]
    [InlineData(SshEnds.FairleadToHub, SshWay.D)]
    public async Task A_hundred_megabytes_go_both_ways_at_once(SshEnds ends, SshWay way, string engine = "native")
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(ends, way, bulk.Port, engine);
        await bulk.CompareAsync(link.ConnectAsync, up: Large, down: Large);
    }

    // Its windows are small: 24 KiB.
    [Theory(Timeout = 120000)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.L)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.R)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.D)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.L, "portable")]
    [InlineData(SshEnds.DropbearToHub, SshWay.L)]
    [InlineData(SshEnds.DropbearToHub, SshWay.R)]
    public async Task Twenty_megabytes_go_both_ways_at_once_with_Dropbear(SshEnds ends, SshWay way, string engine = "native")
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(ends, way, bulk.Port, engine);
        await bulk.CompareAsync(link.ConnectAsync, up: Some, down: Some);
    }

    // The other direction is silent then, but for the windows that it opens.
    [Theory(Timeout = 120000)]
    [InlineData(SshEnds.FairleadToSshd)]
    [InlineData(SshEnds.SshToHub)]
    [InlineData(SshEnds.FairleadToHub)]
    public async Task A_hundred_megabytes_go_down_and_then_up(SshEnds ends)
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(ends, SshWay.L, bulk.Port);
        await bulk.CompareAsync(link.ConnectAsync, up: 0, down: Large);
        await bulk.CompareAsync(link.ConnectAsync, up: Large, down: 0);
    }

    [Theory(Timeout = 120000)]
    [InlineData(SshWay.L)]
    [InlineData(SshWay.R)]
    public async Task The_server_of_OpenSSH_exchanges_keys_every_megabyte(SshWay way)
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(SshEnds.FairleadToSshd, way, bulk.Port, sshdOptions: "RekeyLimit 1M\nLogLevel DEBUG1");
        await bulk.CompareAsync(link.ConnectAsync, up: Some, down: Some);
        // As often as bytes went, and not once only.
        Assert.InRange(Count(link.Sshd!.Log, "SSH2_MSG_NEWKEYS received"), 15, 60);
    }

    [Theory(Timeout = 120000)]
    [InlineData(SshWay.L)]
    [InlineData(SshWay.R)]
    public async Task The_client_of_OpenSSH_exchanges_keys_every_megabyte(SshWay way)
    {
        using var bulk = new Bulk();
        await using var link = await SshLink.StartAsync(SshEnds.SshToHub, way, bulk.Port, sshOptions: ["-o", "RekeyLimit=1M"]);
        await bulk.CompareAsync(link.ConnectAsync, up: Some, down: Some);
        Assert.InRange(Count(link.Ssh!.Said, "SSH2_MSG_NEWKEYS received"), 15, 60);
    }

    [Theory(Timeout = 120000)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.L)]
    [InlineData(SshEnds.FairleadToSshd, SshWay.R)]
    [InlineData(SshEnds.SshToHub, SshWay.L)]
    [InlineData(SshEnds.SshToHub, SshWay.R)]
    [InlineData(SshEnds.FairleadToHub, SshWay.D)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.L)]
    [InlineData(SshEnds.FairleadToDropbear, SshWay.R)]
    [InlineData(SshEnds.DropbearToHub, SshWay.L)]
    [InlineData(SshEnds.DropbearToHub, SshWay.R)]
    public async Task A_hundred_connections_at_once_each_get_their_own_bytes(SshEnds ends, SshWay way)
    {
        using var echo = new Echo();
        await using var link = await SshLink.StartAsync(ends, way, echo.Port);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async _ =>
        {
            using var client = await link.ConnectAsync();
            var there = await Bulk.ExchangeAsync(client, 200_000);
            Assert.Equal((200_000, there.Sent), (there.GotBytes, there.Got));
        }));
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
