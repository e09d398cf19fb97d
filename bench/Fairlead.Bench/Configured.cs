using System.Globalization;
using System.Text;

namespace Fairlead.Bench;

/// <summary>A way to configure Fairlead for the same traffic. No limit is ever reached and everybody is let in, so that what differs is
/// the cost of asking.</summary>
/// <param name="Name">As the tables show it.</param>
/// <param name="Kind">The work that it is for.</param>
/// <param name="Networks">How many networks `allow` has, and as many routes with one each; the last of either is the client's. 0 for neither.</param>
/// <param name="HasAll">Whether there are `deny`, limits, rates and the access log too.</param>
sealed record Configured(string Name, string Kind, int Networks, bool HasAll)
{
    public static Configured Bare { get; } = new("run-bare", "rules", Networks: 0, HasAll: false);
    public static Configured TenNetworks { get; } = new("run-10", "networks", Networks: 10, HasAll: false);

    public static IReadOnlyList<Configured> All { get; } =
    [
        Bare, new("run-rules", "rules", Networks: 10, HasAll: true),
        TenNetworks, new("run-1000", "networks", Networks: 1000, HasAll: false),
    ];

    public string Text(IReadOnlyList<Route> routes, Workshop workshop)
    {
        var text = new StringBuilder("admin: off\n");
        text.Append(HasAll ? $"access_log: {{ file: {workshop.NewFile("access.log")} }}\n" : "access_log: off\n");
        text.Append("defaults:\n  engine: native\n");
        if (HasAll)
            text.Append("  limits: { connections: 9000, connections_per_source: 9000, connections_per_prefix: 9000, accepts_per_second: 1000000, rate: 100GB/s, rate_per_connection: 10GB/s }\n");
        text.Append("forwards:\n");
        foreach (var route in routes)
            Append(text, route);
        return text.ToString();
    }

    void Append(StringBuilder text, Route route)
    {
        text.Append(CultureInfo.InvariantCulture, $"  - listen: {route.Listen}\n");
        if (HasAll)
            text.Append("    deny: [192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24]\n");
        if (Networks == 0)
        {
            text.Append(CultureInfo.InvariantCulture, $"    to: {route.Target}\n");
            return;
        }
        text.Append(CultureInfo.InvariantCulture, $"    allow: [{string.Join(", ", Clients())}]\n    routes:\n");
        foreach (var network in Clients())
            text.Append(CultureInfo.InvariantCulture, $"      - {{ from: {network}, to: \"{route.Target}\" }}\n");
    }

    /// <summary>Networks of different lengths, none inside another; the clients' own comes last.</summary>
    IEnumerable<string> Clients() => Enumerable.Range(0, Networks - 1)
        .Select(i => string.Create(CultureInfo.InvariantCulture, $"10.{i >> 8}.{i & 0xff}.0/{24 + i % 5}"))
        .Append("127.0.0.0/8");
}
