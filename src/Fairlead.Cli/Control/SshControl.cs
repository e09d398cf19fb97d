using System.Globalization;

namespace Fairlead.Cli;

/// <summary>A running <c>fairlead ssh</c> that is told what to do: it is there, it forwards more or less, it stops.</summary>
/// <param name="engine">What runs.</param>
/// <param name="line">What it was started with.</param>
/// <param name="signals">Told to stop.</param>
internal sealed class SshControl(Engine engine, SshCommandLine line, StopSignals signals)
{
    // Whoever has asked for a port waits for it; what comes later stands in the log.
    private const int MostLooks = 160;
    private static readonly TimeSpan betweenLooks = TimeSpan.FromMilliseconds(50);

    private Configuration present = line.Configuration;

    /// <summary>Obeys: the answer. One call after the other.</summary>
    public Task<string[]> ObeyAsync(string[] order) => Task.Run(() => AnswerAsync(order));

    private async Task<string[]> AnswerAsync(string[] order)
    {
        try
        {
            return ["ok", .. await DoAsync(order).ConfigureAwait(false)];
        }
        catch (Exception e) when (e is FormatException or ForwardException or ObjectDisposedException)
        {
            return ["error", .. (e is ObjectDisposedException ? "it is stopping" : SshCommand.InOptions(e.Message)).Split('\n')];
        }
#pragma warning disable CA1031 // Whatever it is, who has given the order is told, and what runs goes on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return ["error", $"a bug of Fairlead: {Printable.Escape(fault.ToString(), 4000)}"];
        }
    }

    private async Task<string[]> DoAsync(string[] order)
    {
        switch (order)
        {
            case ["check"]:
                return [string.Create(CultureInfo.InvariantCulture, $"running (pid={Environment.ProcessId})")];
            case ["forward", .. var more]:
                var (known, added) = (Listens(), Read(more));
                Apply([.. present.Forwards, .. added]);
                return await ListeningAsync(known, added).ConfigureAwait(false);
            case ["cancel", .. var less]:
                Apply(Without(present.Forwards, Read(less)));
                return [];
            case ["stop"]:
                signals.Ask(atOnce: false);
                return ["stopping; connections may end by themselves ('-O exit' resets them)"];
            case ["exit"]:
                signals.Ask(atOnce: true);
                return ["stopping at once"];
            default:
                throw new FormatException($"there are {string.Join(", ", SshArguments.Orders)}");
        }
    }

    private void Apply(ValueList<ForwardConfig> wanted)
    {
        var next = present with { Forwards = wanted };
        engine.ApplyConfiguration(next);
        present = next;
    }

    private List<string> Listens() => [.. engine.Tunnels().SelectMany(static tunnel => tunnel.Listen)];

    // The ports that the server has chosen, as ssh(1) prints them, once it listens on everything. What it refuses while it is connected is not forwarded.
    private async Task<string[]> ListeningAsync(List<string> known, List<ForwardConfig> added)
    {
        var remote = added.Where(static forward => forward.At is not null).ToList();
        var written = remote.Select(static forward => forward.Listen[0]).Where(static listen => listen is not PortEndpoint { Ports.First: 0 }).Select(TextOf).ToList();
        var toChoose = remote.Count - written.Count;
        for (var look = 0; remote.Count > 0; look++)
        {
            var listens = Listens();
            string[] missing = [.. written.Except(listens)], chosen = [.. listens.Except(known).Except(written).Select(PortOf)];
            if (missing.Length == 0 && chosen.Length >= toChoose)
                return chosen;
            if (look >= MostLooks && engine.Tunnels().Any(static tunnel => tunnel.UpSince is null))
                return ["the server is not connected now; whether it listens, the log of the one that runs tells"];
            if (look >= MostLooks)
            {
                Apply(Without(present.Forwards, added));
                throw new FormatException($"the server does not listen on {Printable.Escape(missing.FirstOrDefault() ?? "a port that it chooses")}: it is not allowed, or something else listens there; nothing is forwarded");
            }
            await Task.Delay(betweenLooks).ConfigureAwait(false);
        }
        return [];
    }

    private static string TextOf(Endpoint listen) => RemoteListen.TextOf(RemoteListen.BindOf(listen)) + (listen is PortEndpoint { Protocols: PortProtocols.Udp } ? "/udp" : "");

    // host:port, host:port/udp
    private static string PortOf(string listen) => listen[(listen.LastIndexOf(':') + 1)..].Split('/')[0];

    // As they would have been on its own command line.
    private List<ForwardConfig> Read(string[] words)
    {
        if (words.Length == 0 || words.Length % 2 != 0)
            throw new FormatException("forwardings come in pairs");
        return words.Chunk(2).Select(pair => line.Forward(SshForwarding.Parse(KindOf(pair[0]), pair[1], pair[0]), new SshValue(pair[0], pair[1]))).ToList();
    }

    private static SshForwardingKind KindOf(string flag) => flag switch
    {
        "-L" => SshForwardingKind.Local,
        "-R" => SshForwardingKind.Remote,
        "-D" => SshForwardingKind.Dynamic,
        _ => throw new FormatException($"{Printable.Escape(flag)} is no forwarding"),
    };

    private static ValueList<ForwardConfig> Without(IReadOnlyList<ForwardConfig> forwards, IEnumerable<ForwardConfig> gone)
    {
        var left = forwards.ToList();
        foreach (var one in gone)
        {
            if (!left.Remove(one))
                throw new FormatException($"{Printable.Escape(one.Listen[0].ToString()!)}{(one.At is null ? "" : " at the server")} is not forwarded so");
        }
        return [.. left];
    }
}
