using System.CommandLine;

namespace Fairlead.Cli;

/// <summary><c>fairlead hub</c>: an SSH server for tunnels until a signal ends it.</summary>
internal static class HubCommand
{
    private const string Notes = """
        ssh -N -L, -R and -D work against it, and so do fairlead ssh and the tunnels of a configuration. There is no shell, and
        no commands. The key decides who comes in; any user name will do, and is logged.

        A line of the file of keys is as in sshd(8): restrict, port-forwarding, permitopen=, permitlisten=, from= and
        expiry-time= say what a key may do. Without permitlisten a key may listen on the loopback, from port 1024 up.
        cert-authority lets in whoever has a certificate of that key, for his user name or for one of principals=.

        Without --host-key a key is made at the first start, and kept in $STATE_DIRECTORY, /var/lib/fairlead or
        ~/.local/state/fairlead.

        Examples:
          fairlead hub --authorized-keys ~/.ssh/authorized_keys
          ssh -N -p 2022 -R 5900:localhost:5900 hub.example.com          … and a client of it
          fairlead hub --listen :22 --listen 10.0.0.1:2022 --authorized-keys /etc/fairlead/authorized_keys --host-key /etc/fairlead/host_ed25519
        """;

    private static readonly HubConfig defaults = TunnelKeys.Hub.Initial;

    private static readonly Option<Endpoint[]?> listen = Values.List("--listen", "ADDR", "Where clients connect: [HOST]:PORT or unix:PATH. Repeat it for more (default: :2022)", text => Endpoint.Parse(text, "listen"));

    private static readonly Option<string?> authorizedKeys = new("--authorized-keys") { Description = "The file of the keys that are let in", HelpName = "FILE" };

    private static readonly Option<string[]?> hostKeys = Values.List("--host-key", "FILE", "A private key of this server. Repeat it for more (default: one that is made once)", text => text);

    public static Command Create()
    {
        var command = new NotedCommand("hub", "An SSH server for tunnels, and for nothing else.", Notes) { listen, authorizedKeys, hostKeys };
        LogOptions.AddTo(command);
        command.SetAction(parsed => Host.RunAsync(Read(parsed), LogOptions.Of(parsed), []));
        return command;
    }

    /// <summary>What a command line asks for.</summary>
    /// <exception cref="UsageException">It cannot be had like this; every error is told.</exception>
    public static Configuration Read(ParseResult parsed)
    {
        var keys = parsed.GetValue(authorizedKeys) ?? throw new UsageException([$"nobody could come in; write {authorizedKeys.Name} and the file of the keys that are let in"]);
        var configuration = new Configuration
        {
            Admin = null,
            AccessLog = null,
            Hub = new HubConfig { Listen = parsed.Written(listen) is { } listens ? [.. listens] : defaults.Listen, AuthorizedKeys = keys, HostKeys = [.. parsed.Written(hostKeys) ?? []] },
        };
        return ConfigurationRules.Check(configuration) is { Count: > 0 } errors ? throw new UsageException(errors) : configuration;
    }
}
