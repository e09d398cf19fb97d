namespace Fairlead.Bench;

/// <summary>One figure of a work.</summary>
/// <param name="Name">With its unit, as the table shows it.</param>
/// <param name="LessIsBetter">Which way is up.</param>
/// <param name="Format">A standard numeric format.</param>
sealed record Metric(string Name, bool LessIsBetter, string Format)
{
    public static Metric More(string name, string format) => new(name, false, format);
    public static Metric Less(string name, string format) => new(name, true, format);
}
