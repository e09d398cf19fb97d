namespace Fairlead.Bench;

/// <summary>Fairlead as shipped: one published file, its limits on, its log of every connection written to a file.</summary>
/// <param name="path">The program.</param>
/// <param name="oneLoop">One event loop: with two, chance decides whether two connections meet on the same one.</param>
/// <param name="plain">A forward, in works where the others are proxies: what the proxy adds.</param>
sealed class FairleadPeer(string path, bool oneLoop = false, bool plain = false) : Peer
{
    public const string Plain = "fairlead-forward";

    public override string Name => oneLoop ? "fairlead-1loop" : plain ? Plain : Family;
    public override string Family => "fairlead";
    public override string? OnlyFor => oneLoop ? "mixed" : plain ? "socks" : null;
    public override bool TakesUdp => true;
    public override bool Understands(Speech speech) => !plain || base.Understands(speech);
    public override string? Missing => File.Exists(path) ? null : $"fairlead is left out: there is no {path} (./build makes it)";
    public override string Version(Workshop workshop) => Ask(workshop, path, "--version").Split('\n')[0];

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) =>
    [
        new(path, Arguments(routes, workshop))
        {
            Environment = oneLoop ? new Dictionary<string, string> { ["FAIRLEAD_LOOPS"] = "1" } : new Dictionary<string, string>(),
        },
    ];

    static IReadOnlyList<string> Arguments(IReadOnlyList<Route> routes, Workshop workshop) => routes.All(route => route.Speech == Speech.Any)
        ? ["forward", .. routes.Select(route => $"{route.Listen}:{route.Target}{Suffix(route.Over)}")]
        : ["run", workshop.NewFile("fairlead.yaml", Configuration(routes, workshop))];

    /// <summary>What has no command of its own, or takes one listen where there are many.</summary>
    static string Configuration(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var text = "admin: off\naccess_log: { file: \"-\" }\nforwards:\n";
        foreach (var route in routes)
        {
            var leads = route.Speech switch
            {
                Speech.Socks => "to: dynamic",
                Speech.Sni => $"routes: [{{ sni: {Hello.Name}, to: \"{route.Target}\" }}]",
                Speech.Tls => $"tls: {{ certificate: {workshop.Pem.Certificate}, key: {workshop.Pem.Key} }}, to: \"{route.Target}\"",
                _ => $"to: \"{route.Target}\"",
            };
            text += $"  - {{ listen: \"{route.Listen}\", {leads} }}\n";
        }
        return text;
    }

    static string Suffix(Transports over) => over switch
    {
        Transports.Udp => "/udp",
        Transports.Both => "/tcp+udp",
        _ => "",
    };
}
