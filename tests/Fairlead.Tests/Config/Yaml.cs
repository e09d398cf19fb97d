using System.Text;

namespace Fairlead.Tests.Config;

/// <summary>Reads configurations that are in no file.</summary>
internal static class Yaml
{
    public static LoadedConfiguration Read(string yaml) => Read(Encoding.UTF8.GetBytes(yaml));

    public static LoadedConfiguration Read(byte[] bytes) => new ConfigurationReader(_ => null).Read("f.yaml", bytes);

    /// <summary>The only forward of a file that has one.</summary>
    public static ForwardConfig Forward(string yaml) => Assert.Single(Read(yaml).Configuration.Forwards);

    public static IReadOnlyList<string> Errors(string yaml) => Errors(Encoding.UTF8.GetBytes(yaml));

    public static IReadOnlyList<string> Errors(byte[] bytes)
    {
        try
        {
            Read(bytes);
            return [];
        }
        catch (ConfigurationException refused)
        {
            return [.. refused.Errors.Select(error => error.ToString())];
        }
    }
}
