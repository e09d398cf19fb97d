using System.Globalization;

namespace Fairlead.Bench;

/// <summary>microsocks: a process for each listen, and in it a thread for each connection; it prints a line for each.</summary>
sealed class MicrosocksPeer : Peer
{
    public override string Name => "microsocks";
    public override string? OnlyFor => "socks";
    public override bool Understands(Speech speech) => speech == Speech.Socks;
    public override string? Missing => Programs.Missing("microsocks", "microsocks");

    /// <summary>It does not say which one it is.</summary>
    public override string Version(Workshop workshop) => "microsocks";

    protected override IEnumerable<Command> Commands(IReadOnlyList<Route> routes, Workshop workshop) => routes.Select(route =>
        new Command(Programs.PathOf("microsocks"), "-i", route.Listen.Address.ToString(), "-p", route.Listen.Port.ToString(CultureInfo.InvariantCulture)));
}
