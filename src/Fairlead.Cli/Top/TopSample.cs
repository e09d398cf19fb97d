namespace Fairlead.Cli;

/// <summary>What an instance did at one moment, all of it.</summary>
internal sealed record TopSample(DateTimeOffset Time, InstanceStatus Status, IReadOnlyList<ConnectionStatus> Connections)
{
    public static async Task<TopSample> TakeAsync(AdminClient client)
    {
        var (status, forwards) = await AdminCommand.AskAsync(client).ConfigureAwait(false);
        var connections = await client.GetAsync("v1/connections").ConfigureAwait(false);
        return new TopSample(AdminAnswers.Time(status), AdminAnswers.Status(status, forwards), AdminAnswers.Connections(connections));
    }
}

/// <summary>Bytes a second each way.</summary>
/// <param name="Up">From clients to upstreams.</param>
/// <param name="Down">From upstreams to clients.</param>
internal readonly record struct Rates(double Up, double Down)
{
    public double Sum => Up + Down;

    public static Rates operator +(Rates one, Rates other) => new(one.Up + other.Up, one.Down + other.Down);
}

/// <summary>A forward and what it did since the sample before.</summary>
/// <param name="Status">It.</param>
/// <param name="Rates">Bytes a second.</param>
/// <param name="AcceptedPerSecond">New clients a second.</param>
internal sealed record TopForward(ForwardStatus Status, Rates Rates, double AcceptedPerSecond);

/// <summary>A session and what it did since the sample before.</summary>
internal sealed record TopConnection(ConnectionStatus Status, Rates Rates);

/// <summary>What <c>top</c> shows: a sample, with the rates since the one before it.</summary>
internal sealed record TopFigures(TopSample Sample, IReadOnlyList<TopForward> Forwards, IReadOnlyList<TopConnection> Connections)
{
    /// <summary>Of all forwards, ended connections included.</summary>
    public Rates Rates => Forwards.Aggregate(default(Rates), (sum, forward) => sum + forward.Rates);

    /// <summary>Compares two samples.</summary>
    /// <param name="before">The earlier; null where there is none, when all rates are 0.</param>
    /// <param name="now">The later.</param>
    public static TopFigures Between(TopSample? before, TopSample now)
    {
        var seconds = before is null ? 0 : (now.Time - before.Time).TotalSeconds;
        // By the last of a name or number: whoever answers may repeat them.
        var forwards = new Dictionary<string, ForwardStatus>();
        foreach (var forward in before?.Status.Forwards ?? [])
            forwards[forward.Name] = forward;
        var connections = new Dictionary<long, ConnectionStatus>();
        foreach (var connection in before?.Connections ?? [])
            connections[connection.Id] = connection;
        return new TopFigures(
            now,
            [.. now.Status.Forwards.Select(forward => RatedForward(forwards.GetValueOrDefault(forward.Name), forward))],
            [.. now.Connections.Select(connection => RatedConnection(connections.GetValueOrDefault(connection.Id), connection))]);

        // One that is new since then has done all of it in between.
        TopForward RatedForward(ForwardStatus? then, ForwardStatus forward) => new(
            forward,
            new Rates(PerSecond(then?.BytesFromClients ?? 0, forward.BytesFromClients), PerSecond(then?.BytesFromUpstreams ?? 0, forward.BytesFromUpstreams)),
            PerSecond(then?.Accepted ?? 0, forward.Accepted));

        TopConnection RatedConnection(ConnectionStatus? then, ConnectionStatus connection) => new(
            connection, new Rates(PerSecond(then?.BytesFromClient ?? 0, connection.BytesFromClient), PerSecond(then?.BytesFromUpstream ?? 0, connection.BytesFromUpstream)));

        // A counter that went back belongs to another process of the same name.
        double PerSecond(long then, long amount) => seconds <= 0 ? 0 : Math.Max(0, amount - then) / seconds;
    }
}
