namespace Fairlead.Bench;

/// <summary>`fairlead run` with a configuration file.</summary>
sealed class FairleadRunPeer(string path, Configured variant) : Peer
{
    public override string Name => variant.Name;
    public override string Family => "fairlead";
    public override string? OnlyFor => variant.Kind;
    public override string? Missing => File.Exists(path) ? null : $"fairlead is left out: there is no {path} (./build makes it)";
    public override string Version(Workshop workshop) => Ask(workshop, path, "--version").Split('\n')[0];

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) =>
        [new(path, "run", workshop.NewFile("fairlead.yaml", variant.Text(routes, workshop)))];
}
