namespace Fairlead;

/// <summary>A file of users: a line <c>NAME:PASSWORD</c> for each; empty lines, and those that begin with <c>#</c>, say nothing.</summary>
internal static class UserFile
{
    /// <summary>Reads the text of such a file.</summary>
    /// <exception cref="FormatException">A line is not of that form, or there is none. The message names the line, and nothing of what it says.</exception>
    public static ValueList<ProxyUser> Parse(string text)
    {
        var users = new List<ProxyUser>();
        var lines = text.Split('\n');
        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd('\r');
            if (line.Length == 0 || line.StartsWith('#'))
                continue;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0 || colon == line.Length - 1)
                throw new FormatException($"file is wrong in line {i + 1}; write NAME:PASSWORD");
            users.Add(new ProxyUser(line[..colon], new Secret(line[(colon + 1)..])));
        }
        return users.Count > 0 ? [.. users] : throw new FormatException("file has no user; write a line NAME:PASSWORD for each");
    }
}
