using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.SystemTests;

/// <summary>What clients may not do with a forward of FTP, on real sockets before a real server.</summary>
public sealed class FtpStrangerTests
{
    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task A_passive_port_is_for_the_client_alone_and_for_one_connection(string engine)
    {
        using var server = await FtpServer.StartAsync("vsftpd");
        File.WriteAllText(Path.Combine(server.Root, "file"), "a file");
        await using var forward = await FtpForward.StartAsync(server, more: $"engine: {engine}");
        using var client = await Caller.LogInAsync(forward.Address);
        var at = new IPEndPoint(IPAddress.Loopback, await client.PassiveAsync());

        Assert.Equal(SocketError.ConnectionReset, (await Assert.ThrowsAsync<SocketException>(() => VisitAsync(at, IPAddress.Parse("127.0.0.9")))).SocketErrorCode);
        using var data = await ConnectAsync(at);
        await client.SayAsync("RETR file");
        Assert.StartsWith("150", await client.ReplyAsync(), StringComparison.Ordinal);
        Assert.Equal("a file", await RestAsync(data));
        Assert.StartsWith("226", await client.ReplyAsync(), StringComparison.Ordinal);

        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(at))).SocketErrorCode);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task Foreign_addresses_and_those_of_services_are_refused(string engine)
    {
        using var server = await FtpServer.StartAsync("pure-ftpd");
        await using var forward = await FtpForward.StartAsync(server, more: $"engine: {engine}");
        using var client = await Caller.LogInAsync(forward.Address, "joe", "secret");
        foreach (var command in (string[])["PORT 127,0,0,9,100,1", "PORT 127,0,0,3,100,1", "PORT 127,0,0,1,0,22", "EPRT |1|127.0.0.9|30000|", "EPRT |2|::1|30000|"])
        {
            await client.SayAsync(command);
            Assert.StartsWith("504", await client.ReplyAsync(), StringComparison.Ordinal);
        }
        await client.SayAsync("NOOP");
        Assert.StartsWith("200", await client.ReplyAsync(), StringComparison.Ordinal);
    }

    [Theory(Timeout = 60000), InlineData("native"), InlineData("portable")]
    public async Task ABOR_as_urgent_data_ends_a_transfer_and_the_session_goes_on(string engine)
    {
        using var server = await FtpServer.StartAsync("vsftpd");
        await File.WriteAllBytesAsync(Path.Combine(server.Root, "file"), new byte[50_000_000], TestContext.Current.CancellationToken);
        await using var forward = await FtpForward.StartAsync(server, more: $"engine: {engine}");
        using var client = await Caller.LogInAsync(forward.Address);
        using (var data = await ConnectAsync(new IPEndPoint(IPAddress.Loopback, await client.PassiveAsync())))
        {
            await client.SayAsync("RETR file");
            Assert.StartsWith("150", await client.ReplyAsync(), StringComparison.Ordinal);
            // IAC IP IAC, then the mark as urgent data, as BSD's ftp and lftp do.
            client.Socket.Send([255, 244]);
            client.Socket.Send([255, 242], SocketFlags.OutOfBand);
            await client.SayAsync("ABOR");
        }
        Assert.StartsWith("426", await client.ReplyAsync(), StringComparison.Ordinal);
        // 225 where it came too late; either way there are two replies.
        Assert.StartsWith("22", await client.ReplyAsync(), StringComparison.Ordinal);

        using var list = await ConnectAsync(new IPEndPoint(IPAddress.Loopback, await client.PassiveAsync()));
        await client.SayAsync("NLST");
        Assert.Contains("file", await RestAsync(list), StringComparison.Ordinal);
    }

    private static async Task<Socket> ConnectAsync(IPEndPoint at, IPAddress? from = null)
    {
        var socket = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (from is not null)
            socket.Bind(new IPEndPoint(from, 0));
        await socket.ConnectAsync(at);
        return socket;
    }

    private static async Task VisitAsync(IPEndPoint at, IPAddress from)
    {
        using var socket = await ConnectAsync(at, from);
        await RestAsync(socket);
    }

    private static async Task<string> RestAsync(Socket data)
    {
        var (text, buffer) = (new StringBuilder(), new byte[1000]);
        while (await data.ReceiveAsync(buffer) is var count and > 0)
            text.Append(Encoding.ASCII.GetString(buffer, 0, count));
        return text.ToString();
    }

    /// <summary>A client that says what a test wants.</summary>
    private sealed class Caller(Socket socket) : IDisposable
    {
        private readonly StreamReader reader = new(new NetworkStream(socket));

        public Socket Socket => socket;

        public static async Task<Caller> LogInAsync(IPEndPoint at, string user = "anonymous", string password = "nobody")
        {
            var caller = new Caller(await ConnectAsync(at));
            Assert.StartsWith("220", await caller.ReplyAsync(), StringComparison.Ordinal);
            await caller.SayAsync($"USER {user}");
            if ((await caller.ReplyAsync()).StartsWith("331", StringComparison.Ordinal))
            {
                await caller.SayAsync($"PASS {password}");
                Assert.StartsWith("230", await caller.ReplyAsync(), StringComparison.Ordinal);
            }
            return caller;
        }

        public async Task SayAsync(string command) => await socket.SendAsync(Encoding.ASCII.GetBytes($"{command}\r\n"));

        /// <summary>The last line of a reply.</summary>
        public async Task<string> ReplyAsync()
        {
            string? line;
            do
            {
                line = await reader.ReadLineAsync();
                Assert.NotNull(line);
            }
            while (line.Length < 4 || line[3] != ' ' || !char.IsAsciiDigit(line[0]));
            return line;
        }

        /// <summary>A port for data.</summary>
        public async Task<int> PassiveAsync()
        {
            await SayAsync("PASV");
            var numbers = (await ReplyAsync()).Split('(', ')')[1].Split(',').Select(number => int.Parse(number, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal([127, 0, 0, 1], numbers[..4]);
            return (numbers[4] << 8) | numbers[5];
        }

        public void Dispose()
        {
            reader.Dispose();
            socket.Dispose();
        }
    }
}
