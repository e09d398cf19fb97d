namespace Fairlead;

/// <summary>Where the head of a message ends (RFC 9112 section 2.1), of requests and responses alike.</summary>
internal static class HttpHeadBytes
{
    public const string TooLong = "the head is too long";

    /// <summary>
    /// The length of a head, its empty line included. 0: more bytes are needed. A line feed that no carriage return comes before is wrong at once: some readers take it
    /// for the end of a line, and others do not.
    /// </summary>
    /// <param name="bytes">What has arrived, from the first line on.</param>
    /// <param name="most">How long a head may be.</param>
    /// <param name="fault">What is wrong; null if nothing is.</param>
    public static int Measure(ReadOnlySpan<byte> bytes, int most, out string? fault)
    {
        fault = null;
        var within = bytes[..Math.Min(bytes.Length, most)];
        for (var at = 0; ;)
        {
            var feed = within[at..].IndexOf((byte)'\n');
            if (feed < 0)
            {
                fault = bytes.Length >= most ? TooLong : null;
                return 0;
            }
            if (feed == 0 || within[at + feed - 1] != '\r')
            {
                fault = "a line ends in a line feed alone";
                return 0;
            }
            if (feed == 1 && at == 0)
            {
                fault = "the first line is empty";
                return 0;
            }
            at += feed + 1;
            if (feed == 1)
                return at;
        }
    }
}
