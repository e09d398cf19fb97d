namespace Fairlead.Bench;

/// <summary>What rules cost a new connection: the same load through differently configured instances of Fairlead.</summary>
/// <param name="options">The rounds and their length.</param>
/// <param name="name">The kind of the variants that take part.</param>
/// <param name="reference">The variant that the others are set against.</param>
/// <param name="variants">What is set against what; a part of the line above the table.</param>
sealed class RulesWork(Options options, string name, Configured reference, string variants) : ConnectionsWork(options)
{
    public override string Name => name;
    public override string What => $"{Load}, {variants}";
    public override string Reference => reference.Name;
    public override bool Takes(Peer peer) => peer.OnlyFor == Kind;
}
