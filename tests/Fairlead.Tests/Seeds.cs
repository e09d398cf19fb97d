using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace Fairlead.Tests;

/// <summary>
/// Makes a theory a fuzzer: its one parameter is the seed of what is left to chance. It is tried with the first few seeds, the same each time; <see cref="FuzzTests"/> goes on with others for as long
/// as it is told to.
/// </summary>
/// <param name="count">How many.</param>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SeedsAttribute(int count) : DataAttribute
{
    /// <summary>Its share of a long run, where most have 1.</summary>
    public int Share { get; init; } = 1;

    public override bool SupportsDiscoveryEnumeration() => true;

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) =>
        new([.. Enumerable.Range(1, count).Select(seed => new TheoryDataRow<int>(seed))]);
}
