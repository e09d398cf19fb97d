namespace Fairlead;

/// <summary>What is wrong with a value of ssh_config(5).</summary>
/// <param name="place">Where it stands in a file; null: on a command line.</param>
/// <param name="complaint">What is wrong, and the remedy.</param>
internal sealed class SshConfigException(Place? place, string complaint) : FormatException(place is { } at ? $"{at}: error: {complaint}" : complaint)
{
    /// <summary>Where it stands in a file; null: on a command line.</summary>
    public Place? Place => place;

    /// <summary>What is wrong, without the place.</summary>
    public string Complaint => complaint;
}
