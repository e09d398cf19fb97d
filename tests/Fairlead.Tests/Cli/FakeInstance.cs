using System.Globalization;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>A running instance that does nothing but remember what it was told to do and could.</summary>
internal sealed class FakeInstance : IInstance
{
    public static readonly DateTimeOffset Now = new(2026, 11, 22, 19, 4, 5, TimeSpan.Zero);

    private readonly List<string> told = [];

    public IReadOnlyList<string> Told { get { lock (told) return [.. told]; } }

    public InstanceStatus State { get; set; } = new()
    {
        Name = "main",
        Version = "0.1.0",
        ProcessId = 4711,
        Started = Now - TimeSpan.FromHours(52),
        ConfigFile = "/etc/fairlead/fairlead.yaml",
        LastReload = new ReloadOutcome(Now - TimeSpan.FromMinutes(3), [], ["forward web: to"]),
        Connections = 15,
        MostConnections = 9900,
        Forwards =
        [
            new ForwardStatus
            {
                Name = "web", Listen = ["0.0.0.0:8080", "[::]:8080"], To = "10.0.0.5:80, 10.0.0.6:80", Engine = "native", Connections = 12, MostConnections = 200,
                Accepted = 120_417, Denied = 17, Limited = 3, Failed = 2, BytesFromClients = 1_234_567, BytesFromUpstreams = 98_765_432_100,
                Upstreams = [new UpstreamStatus("10.0.0.5:80", true, 12, 14, 120_000, 0), new UpstreamStatus("10.0.0.6:80", false, 0, 0, 395, 22)],
            },
            new ForwardStatus
            {
                Name = "ssh", Listen = ["0.0.0.0:2222"], To = "10.0.0.7:22", Engine = "native", Connections = 3, Accepted = 41, BytesFromClients = 52_000, BytesFromUpstreams = 880,
                Upstreams = [new UpstreamStatus("10.0.0.7:22", true, 3, 3, 41, 0)],
            },
            new ForwardStatus { Name = "unix:/run/app.sock", Listen = ["unix:/run/app.sock"], To = "127.0.0.1:9000", Engine = "portable", IsDraining = true },
        ],
    };

    public List<ConnectionStatus> Open { get; } =
    [
        new() { Id = 17, Forward = "web", Client = "192.0.2.7:51234", Listen = "0.0.0.0:8080", Upstream = "10.0.0.5:80", Since = Now - TimeSpan.FromSeconds(75), IsConnected = true, BytesFromClient = 512, BytesFromUpstream = 20_480_000 },
        new() { Id = 18, Forward = "web", Client = "[2001:db8::77]:40100", Listen = "[::]:8080", Since = Now - TimeSpan.FromSeconds(1) },
        new() { Id = 4_000_000_019, Forward = "ssh", Client = "unix", Listen = "0.0.0.0:2222", Upstream = "10.0.0.7:22", Since = Now - TimeSpan.FromDays(3), IsConnected = true, BytesFromClient = 52_000, BytesFromUpstream = 880 },
    ];

    public IReadOnlyList<string> ReloadErrors { get; set; } = [];

    public InstanceStatus Status() => State;

    public IReadOnlyList<ConnectionStatus> Connections(string? forward) => [.. Open.Where(connection => forward is null || connection.Forward == forward)];

    public bool Close(long id) => Tell($"close {id}", Open.Any(connection => connection.Id == id));

    public int CloseAll(string forward)
    {
        Tell($"close all of {forward}", true);
        return Connections(forward).Count;
    }

    public Task<ReloadOutcome> ReloadAsync()
    {
        Tell("reload", true);
        return Task.FromResult(new ReloadOutcome(Now, ReloadErrors, ReloadErrors.Count == 0 ? ["forward ssh: allow", "forward new: added"] : [])
        {
            Forwards = ReloadErrors.Count == 0 ? new ReloadedForwards(["new"], [], ["ssh"], ["web"]) : new ReloadedForwards([], [], [], []),
            Details = [.. ReloadErrors.Select(error => error.Split(':') is [var file, var line, var column, _, .. var message]
                ? new ReloadError(string.Join(':', message).Trim(), file, int.Parse(line, CultureInfo.InvariantCulture), int.Parse(column, CultureInfo.InvariantCulture)) : new ReloadError(error))],
        });
    }

    public int? Drain(string? forward)
    {
        var meant = State.Forwards.Where(known => forward is null || known.Name == forward).ToList();
        return Tell($"drain {forward ?? "all"}", meant.Count > 0) ? meant.Count(known => !known.IsDraining) : null;
    }

    public void Stop(bool atOnce) => Tell(atOnce ? "stop at once" : "stop", true);

    private bool Tell(string order, bool result)
    {
        lock (told)
        {
            if (result)
                told.Add(order);
        }
        return result;
    }
}
