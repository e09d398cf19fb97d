using System.Globalization;

namespace Fairlead.Cli;

/// <summary>The variables by which a service manager speaks to one process and not to its children.</summary>
internal static class ServiceVariables
{
    /// <summary>Reads a variable and unsets it for the children of this process.</summary>
    /// <returns>Null where it is unset.</returns>
    public static string? Take(string name)
    {
        var value = Environment.GetEnvironmentVariable(name);
        Environment.SetEnvironmentVariable(name, null);
        return value;
    }

    /// <summary>Reads decimal digits and nothing else: no sign, no blank.</summary>
    public static bool TryNumber(string text, out ulong number) => ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
