using System.Net;
using System.Net.Sockets;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class DemoTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_page_shows_the_way_and_whom_it_sees()
    {
        await using var page = await DemoPage.StartAsync();
        page.Forward = new IPEndPoint(IPAddress.Loopback, 8080);
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{page.EndPoint}/");
        request.Headers.Host = "127.0.0.1:8080";

        using var response = await client.SendAsync(request, Cancel);
        var html = await response.Content.ReadAsStringAsync(Cancel);

        Assert.Equal("text/html; charset=utf-8", response.Content.Headers.ContentType?.ToString());
        Assert.Contains("<main class=\"forwarded\">", html);
        Assert.Contains($"fairlead forward 127.0.0.1:8080:{page.EndPoint}", html);
        Assert.Matches(@"sees its client as <code>127\.0\.0\.1:\d+</code>", html);
        Assert.DoesNotMatch(@"\{[a-z]+\}", html);
        Assert.DoesNotMatch("(src|href)=", html);
    }

    [Fact]
    public async Task The_page_tells_who_came_past_the_forward()
    {
        await using var page = await DemoPage.StartAsync();
        using var client = new HttpClient();

        Assert.Contains("<main class=\"direct\">", await client.GetStringAsync(new Uri($"http://{page.EndPoint}/"), Cancel));
    }

    [Fact]
    public async Task Nothing_else_is_there()
    {
        await using var page = await DemoPage.StartAsync();
        using var client = new HttpClient();

        using var response = await client.GetAsync(new Uri($"http://{page.EndPoint}/favicon.ico"), Cancel);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task The_echo_sends_back_what_it_got_and_then_the_end()
    {
        await using var echo = new EchoServer();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(echo.EndPoint, Cancel);
        await using var stream = new NetworkStream(client);
        await stream.WriteAsync("hello"u8.ToArray(), Cancel);
        client.Shutdown(SocketShutdown.Send);

        using var reader = new StreamReader(stream);
        Assert.Equal("hello", await reader.ReadToEndAsync(Cancel));
    }

    [Fact]
    public async Task The_echo_outlives_a_client_that_resets()
    {
        await using var echo = new EchoServer();
        using (var rude = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            await rude.ConnectAsync(echo.EndPoint, Cancel);
            rude.LingerState = new LingerOption(true, 0);
        }
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(echo.EndPoint, Cancel);
        await client.SendAsync("x"u8.ToArray(), Cancel);

        Assert.Equal(1, await client.ReceiveAsync(new byte[10], Cancel));
    }

    [Fact]
    public void What_to_try_is_aligned()
    {
        var text = DemoCommand.WhatToTry(new IPEndPoint(IPAddress.Loopback, 8080), new IPEndPoint(IPAddress.Loopback, 7007), new IPEndPoint(IPAddress.Loopback, 40001));

        var lines = text.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal)).ToList();
        Assert.Equal(["curl http://127.0.0.1:8080/", "nc 127.0.0.1 7007", "fairlead forward 127.0.0.1:8081:127.0.0.1:40001"], lines.Select(line => line[2..line.LastIndexOf("   ", StringComparison.Ordinal)].TrimEnd()));
        Assert.Single(lines.Select(line => line.LastIndexOf("   ", StringComparison.Ordinal)).Distinct());
    }
}
