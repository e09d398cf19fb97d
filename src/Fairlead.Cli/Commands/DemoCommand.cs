using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Cli;

/// <summary><c>fairlead demo</c>: forwards to targets that the program serves itself, so that the first minute needs nothing else.</summary>
internal static class DemoCommand
{
    private const int PagePort = 8080;

    private const int EchoPort = 7007;

    private const string Notes = """
        Examples:
          fairlead demo
          fairlead demo --port 9000 --echo-port 9001
        """;

    private static readonly Option<int?> pagePort = Values.Port("--port", "The port of 127.0.0.1 that is forwarded to the page (default: 8080, or any that is free)");
    private static readonly Option<int?> echoPort = Values.Port("--echo-port", "The port of 127.0.0.1 that is forwarded to the echo (default: 7007, or any that is free)");

    public static Command Create()
    {
        var command = new NotedCommand("demo", "A running example: forwards two ports of this machine to a page and an echo that it serves itself.", Notes) { pagePort, echoPort };
        LogOptions.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed)
    {
        var page = await DemoPage.StartAsync().ConfigureAwait(false);
        await using (page.ConfigureAwait(false))
        {
            var echo = new EchoServer();
            await using (echo.ConfigureAwait(false))
            {
                ForwardConfig[] forwards =
                [
                    Forward("page", parsed.GetValue(pagePort) ?? FreeOr(PagePort), page.EndPoint),
                    Forward("echo", parsed.GetValue(echoPort) ?? FreeOr(EchoPort), echo.EndPoint),
                ];
                if (ForwardRules.Check(forwards) is { Count: > 0 } errors)
                    throw new UsageException(errors);
                return await Host.RunAsync(forwards, LogOptions.Of(parsed), [], listens =>
                {
                    page.Forward = listens[0];
                    parsed.InvocationConfiguration.Output.Write(WhatToTry(listens[0], listens[1], page.EndPoint));
                    parsed.InvocationConfiguration.Output.Flush();
                }).ConfigureAwait(false);
            }
        }
    }

    /// <summary>What the demo prints: what runs, and three lines to try it.</summary>
    public static string WhatToTry(EndPoint page, EndPoint echo, IPEndPoint target)
    {
        (string Command, string Meaning)[] lines =
        [
            ($"curl http://{page}/", "the page, or open it in a browser"),
            ($"nc {((IPEndPoint)echo).Address} {Port(echo)}", "whatever you type comes back"),
            ($"fairlead forward 127.0.0.1:{(Port(page) == "8081" ? "8082" : "8081")}:{target}", "one more way to the page, made by yourself"),
        ];
        var width = lines.Max(line => line.Command.Length);
        return $"""

            Fairlead forwards two ports of this machine to a page and an echo of its own.
            Try, in another terminal:

            {string.Join('\n', lines.Select(line => $"  {line.Command.PadRight(width)}   {line.Meaning}"))}

            Each connection leaves a line here. Ctrl-C ends the demo.


            """;
    }

    private static ForwardConfig Forward(string name, int port, IPEndPoint target) => new()
    {
        Name = name,
        Listen = [new PortEndpoint("127.0.0.1", new PortRange(port))],
        To = [new UpstreamConfig(new PortEndpoint(target.Address.ToString(), new PortRange(target.Port)))],
        Timeouts = new ForwardTimeouts { Drain = Host.DefaultDrain },
    };

    private static string Port(EndPoint endPoint) => ((IPEndPoint)endPoint).Port.ToString(CultureInfo.InvariantCulture);

    /// <summary>The port, or 0 (any) if somebody has it. That somebody takes it between here and the start, the start tells.</summary>
    private static int FreeOr(int port)
    {
        try
        {
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
            probe.Listen();
            return port;
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}
