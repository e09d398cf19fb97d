namespace Fairlead.Bench;

/// <summary>Fairlead as shipped: one published file, its limits on, its log of every connection written to a file.</summary>
/// <param name="path">The program.</param>
/// <param name="oneLoop">One event loop: with two, chance decides whether two connections meet on the same one.</param>
sealed class FairleadPeer(string path, bool oneLoop) : Peer
{
    public override string Name => oneLoop ? "fairlead-1loop" : "fairlead";
    public override string Family => "fairlead";
    public override string? OnlyFor => oneLoop ? "mixed" : null;
    public override bool TakesUdp => true;
    public override string? Missing => File.Exists(path) ? null : $"fairlead is left out: there is no {path} (./build makes it)";
    public override string Version(Workshop workshop) => Ask(workshop, path, "--version").Split('\n')[0];

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) =>
    [
        new(path, ["forward", .. routes.Select(route => $"{route.Listen}:{route.Target}{Suffix(route.Over)}")])
        {
            Environment = oneLoop ? new Dictionary<string, string> { ["FAIRLEAD_LOOPS"] = "1" } : new Dictionary<string, string>(),
        },
    ];

    static string Suffix(Transports over) => over switch
    {
        Transports.Udp => "/udp",
        Transports.Both => "/tcp+udp",
        _ => "",
    };
}
