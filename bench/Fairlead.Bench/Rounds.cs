namespace Fairlead.Bench;

/// <summary>A measurement without a value; the warm-up is round -1.</summary>
sealed record Failure(string Peer, int Round, string Reason);

/// <summary>What a work gave: by metric and peer, one value a round.</summary>
sealed record WorkResult(Work Work, IReadOnlyList<Peer> Peers, int Rounds, double[,][] Values, IReadOnlyList<Failure> Failures)
{
    public double[] this[int metric, int peer] => Values[metric, peer];
}

/// <summary>The order in which things are measured.</summary>
static class Rounds
{
    /// <summary>Rounds of all peers, A B C, B C A, C A B …: what slows the machine for a while slows all of them, and none
    /// always comes after the same other.</summary>
    public static WorkResult Run(Work work, IReadOnlyList<Peer> all, Options options, Workshop workshop)
    {
        Peer[] peers = [.. all.Where(work.Takes)];
        var rounds = work.RoundsFor(options);
        var values = new double[work.Metrics.Count, peers.Length][];
        for (var metric = 0; metric < work.Metrics.Count; metric++)
        {
            for (var peer = 0; peer < peers.Length; peer++)
                Array.Fill(values[metric, peer] = new double[rounds], double.NaN);
        }
        var failures = new List<Failure>();

        using (work)
        {
            work.Open(peers, workshop);
            for (var round = work.WarmsUp ? -1 : 0; round < rounds; round++)
            {
                Console.Error.WriteLine(round < 0 ? $"{work.Name}: warming up" : $"{work.Name}: round {round + 1} of {rounds}");
                for (var i = 0; i < peers.Length; i++)
                {
                    var at = (i + Math.Max(round, 0)) % peers.Length;
                    try
                    {
                        var measured = work.Measure(peers[at], round);
                        for (var metric = 0; round >= 0 && metric < measured.Length; metric++)
                            values[metric, at][round] = measured[metric];
                    }
                    catch (MeasureException e)
                    {
                        failures.Add(new(peers[at].Name, round, e.Message));
                    }
                }
            }
        }
        return new(work, peers, rounds, values, failures);
    }
}
