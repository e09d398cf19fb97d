using System.Globalization;

namespace Fairlead.Bench;

/// <summary>What the command line asks for.</summary>
sealed record Options
{
    public int Rounds { get; init; } = 9;

    /// <summary>The length of one measurement. iperf3, and what counts connections, want whole seconds: they get it rounded up.</summary>
    public double Seconds { get; init; } = 1;

    /// <summary>The names of the works to do; empty means all.</summary>
    public IReadOnlyList<string> Only { get; init; } = [];

    /// <summary>The names of the peers to measure; empty means all.</summary>
    public IReadOnlyList<string> Peers { get; init; } = [];

    /// <summary>The program under test.</summary>
    public string Fairlead { get; init; } = "dist/fairlead";

    /// <summary>Where every single value goes, null for nowhere.</summary>
    public string? Json { get; init; }

    public bool Markdown { get; init; }
    public bool Help { get; init; }

    public int WholeSeconds => (int)Math.Ceiling(Seconds);

    public static string Usage =>
        $"""
        Measures Fairlead beside other forwarders on this machine, in interleaved rounds.

          bench/compare [--rounds N] [--seconds S] [--only WORK,…] [--peers PEER,…] [--json FILE] [--markdown] [--quick]
                        [--fairlead PATH]

          --rounds N       rounds of each work (9)
          --seconds S      length of one measurement (1); what counts connections or has iperf3 or wrk rounds up to whole seconds
          --only WORK,…    {string.Join(", ", Works.Names)}
          --peers PEER,…   {string.Join(", ", Bench.Peers.Names)}
          --json FILE      every single value
          --markdown       tables for a README
          --quick          2 rounds of 0.5 s: shows that all is in place, not how fast it is
          --fairlead PATH  measures this program instead of dist/fairlead; also FAIRLEAD_BINARY in the environment

        """;

    public static bool TryRead(string[] args, out Options options, out string complaint)
    {
        options = new();
        complaint = "";
        for (var i = 0; i < args.Length; i++)
        {
            var (name, value) = Split(args[i]);
            string? Next() => value ?? (i + 1 < args.Length ? args[++i] : null);
            switch (name)
            {
                case "--help" or "-h":
                    options = options with { Help = true };
                    break;
                case "--markdown":
                    options = options with { Markdown = true };
                    break;
                case "--quick":
                    options = options with { Rounds = 2, Seconds = 0.5 };
                    break;
                case "--rounds" when int.TryParse(Next(), NumberStyles.None, null, out var n) && n is > 0 and <= 1000:
                    options = options with { Rounds = n };
                    break;
                case "--seconds" when double.TryParse(Next(), NumberStyles.AllowDecimalPoint, null, out var s) && s is >= 0.1 and <= 600:
                    options = options with { Seconds = s };
                    break;
                case "--only" when Next() is { } list:
                    options = options with { Only = Words(list) };
                    break;
                case "--peers" when Next() is { } list:
                    options = options with { Peers = Words(list) };
                    break;
                case "--fairlead" when Next() is { } path:
                    options = options with { Fairlead = Path.GetFullPath(path) };
                    break;
                case "--json" when Next() is { } path:
                    options = options with { Json = Path.GetFullPath(path) };
                    break;
                default:
                    complaint = $"{args[i]}: not understood\n\n{Usage}";
                    return false;
            }
        }
        var strange = options.Only.Except(Works.Names).Concat(options.Peers.Except(Bench.Peers.Names)).ToList();
        if (strange.Count == 0)
            return true;
        complaint = $"{string.Join(", ", strange)}: no such work or peer\n\n{Usage}";
        return false;
    }

    static (string Name, string? Value) Split(string argument) =>
        argument.IndexOf('=') is > 0 and var at ? (argument[..at], argument[(at + 1)..]) : (argument, null);

    static string[] Words(string list) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
