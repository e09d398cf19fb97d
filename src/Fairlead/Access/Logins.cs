namespace Fairlead;

/// <summary>Who may use a proxy.</summary>
/// <param name="users">Each user once.</param>
internal sealed class Logins(IEnumerable<ProxyUser> users)
{
    // What is compared for a user that there is not, so that the answer comes no sooner.
    private static readonly Secret nobody = new(Guid.NewGuid().ToString());

    private readonly Dictionary<string, Secret> passwords = users.ToDictionary(user => user.Name, user => user.Password, StringComparer.Ordinal);

    /// <summary>Whether there is this user with this password, in a time that does not tell which of the two is wrong.</summary>
    public bool Knows(string user, string password)
    {
        var isUser = passwords.TryGetValue(user, out var secret);
        return (secret ?? nobody).Matches(password) && isUser;
    }
}
