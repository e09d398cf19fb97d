namespace Fairlead;

/// <summary>Reads a forward as the command line writes it.</summary>
internal static class ForwardSpec
{
    public static ForwardConfig Parse(string spec) => throw new FormatException(spec);
}
