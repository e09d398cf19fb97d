using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>
/// From where a key may be used: <c>from</c> of sshd(8). Addresses, networks as <c>ADDRESS/BITS</c>, and patterns with <c>*</c> and <c>?</c> for addresses as they are written;
/// <c>!</c> before one excludes it, wherever it stands.
/// </summary>
/// <remarks>
/// Names of hosts are not looked up, as sshd does not either unless <c>UseDNS</c> says so: patterns for them match nobody. Where that would let somebody in, they are refused. The zone of a
/// link-local address counts only where the list names one.
/// </remarks>
internal sealed class FromList
{
    private static readonly SearchValues<char> ofAddresses = SearchValues.Create("0123456789abcdef:.*?");

    private static readonly SearchValues<char> ofNames = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.*?");

    private readonly string text;
    private readonly List<Entry> entries = [];

    private FromList(string text)
    {
        this.text = text;
        foreach (var written in text.Split(','))
            entries.Add(Read(written));
    }

    /// <summary>Whether there are patterns for names of hosts, which match nobody.</summary>
    public bool HasNames => entries.Exists(static entry => entry.IsName);

    /// <summary>Reads a list.</summary>
    /// <exception cref="FormatException">It is none; the message says what to write.</exception>
    public static FromList Parse(string text) => new(text);

    /// <summary>Whether somebody may come from there.</summary>
    public bool Allows(IPAddress address)
    {
        var key = AddressKey.Of(address)!.Value;
        var (written, zone) = (key.ToString(), address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0);
        var isAllowed = false;
        foreach (var entry in entries)
        {
            if (!entry.Matches(key, zone, written))
                continue;
            if (entry.IsExcepted)
                return false;
            isAllowed = true;
        }
        return isAllowed;
    }

    /// <summary>The list as it is written.</summary>
    public override string ToString() => text;

    private static Entry Read(string written)
    {
        var isExcepted = written.StartsWith('!');
        var pattern = (isExcepted ? written[1..] : written).ToLowerInvariant();
        if (pattern.Length == 0 || pattern.Any(char.IsWhiteSpace))
            throw Fault(written, "is empty or has white space; write addresses and networks with commas between them, and nothing else");
        var slash = pattern.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? pattern : pattern[..slash];
        if (TryReadAddress(host, out var address))
            return new Entry(isExcepted, null, Network(written, address, slash < 0 ? null : pattern[(slash + 1)..]), address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0);
        var isName = pattern.AsSpan().IndexOfAnyExcept(ofAddresses) >= 0;
        if (isName ? pattern.AsSpan().IndexOfAnyExcept(ofNames) >= 0 : pattern.AsSpan().IndexOfAny('*', '?') < 0)
            throw Fault(written, "is neither an address nor a network; write one like 10.0.0.5, 10.0.0.0/8, 2001:db8::/32 or 10.0.*");
        if (isName && isExcepted)
            throw Fault(written, "excludes hosts by their names, which are not looked up; write their addresses");
        return new Entry(isExcepted, pattern, default, 0) { IsName = isName };
    }

    // 10.1 and 010.0.0.1 are addresses to the C library, and not those that most readers expect; .NET would take off brackets, and a port behind them.
    private static bool TryReadAddress(string text, out IPAddress address) =>
        IPAddress.TryParse(text, out address!) && !text.Contains('[', StringComparison.Ordinal) && !text.EndsWith('%')
        && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);

    private static (AddressKey Address, int Bits) Network(string written, IPAddress address, string? mask)
    {
        var length = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var bits = length;
        if (mask is not null && (!int.TryParse(mask, NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits > length))
            throw Fault(written, $"has no number of bits from 0 to {length} behind the slash");

        // A network of IPv4 in the clothes of IPv6 is that of IPv4, as clients are.
        var shift = address.IsIPv4MappedToIPv6 ? 96 : 0;
        var key = AddressKey.Of(address)!.Value;
        if (bits < shift || key.Masked(bits - shift) != key)
            throw Fault(written, bits < shift ? "is larger than all of IPv4; write it as a network of IPv4" : $"is no network, as it has bits beyond its {bits}; write {key.Masked(bits - shift)}/{bits - shift}");
        return (key, bits - shift);
    }

    private static FormatException Fault(string written, string complaint) => new($"from has '{KeyLines.Shown(written)}', which {complaint}; the key is not accepted");

    private readonly record struct Entry(bool IsExcepted, string? Pattern, (AddressKey Address, int Bits) Network, long Zone)
    {
        public bool IsName { get; init; }

        public bool Matches(AddressKey address, long zone, string written) =>
            Pattern is null ? address.IsIn(Network.Address, Network.Bits) && (Zone == 0 || Zone == zone) : PatternList.IsMatch(Pattern, written);
    }
}
