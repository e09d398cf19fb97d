using System.Globalization;

namespace Fairlead.Cli;

/// <summary>A running <c>fairlead ssh</c> that is told what to do: it is there, it forwards more or less, it stops.</summary>
/// <param name="engine">What runs.</param>
/// <param name="line">What it was started with.</param>
/// <param name="signals">Told to stop.</param>
internal sealed class SshControl(Engine engine, SshCommandLine line, StopSignals signals)
{
    private Configuration present = line.Configuration;

    /// <summary>Obeys: the answer. One call after the other.</summary>
    public Task<string[]> ObeyAsync(string[] order) => Task.Run(() => Obey(order));

    private string[] Obey(string[] order)
    {
        try
        {
            return ["ok", .. Do(order)];
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

    private string[] Do(string[] order)
    {
        switch (order)
        {
            case ["check"]:
                return [string.Create(CultureInfo.InvariantCulture, $"running (pid={Environment.ProcessId})")];
            case ["forward", .. var more]:
                Apply([.. present.Forwards, .. Read(more)]);
                return [];
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

    // As they would have been on its own command line.
    private IEnumerable<ForwardConfig> Read(string[] words)
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
