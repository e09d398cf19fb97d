using System.Globalization;

namespace Fairlead.Ssh;

/// <summary>Where a key may connect to, or listen: <c>permitopen</c> and <c>permitlisten</c> of sshd(8).</summary>
/// <param name="Host">A host; <c>*</c> is any; in <c>permitlisten</c> a pattern with <c>*</c> and <c>?</c>. An IPv6 address is without brackets.</param>
/// <param name="Port">A port; null is any.</param>
internal readonly record struct ForwardPermission(string Host, int? Port)
{
    /// <summary>What is written instead of a permission where nothing is allowed. An addition to sshd's options, of which sshd_config(5) alone has it.</summary>
    public const string None = "none";

    /// <summary>Whether a port stands alone: at any host that the key may have otherwise.</summary>
    public bool IsBare { get; init; }

    /// <summary>Reads <c>host:port</c>, where <c>*</c> may stand for either.</summary>
    /// <param name="option">The option, for the message.</param>
    /// <param name="text">The text.</param>
    /// <param name="isHostOptional">Whether a port alone is enough: at any host.</param>
    /// <exception cref="FormatException">It is none; the message says what to write.</exception>
    public static ForwardPermission Parse(string option, string text, bool isHostOptional)
    {
        var (host, port) = Split(text, isHostOptional);
        var isBare = isHostOptional && !text.Contains(':', StringComparison.Ordinal);
        if (host.Length == 0 || host.Length > 1024 || host.AsSpan().IndexOfAny("[]") >= 0 || port.Length == 0)
            throw Fault();
        if (port == "*")
            return new ForwardPermission(host, null) { IsBare = isBare };
        return int.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= ushort.MaxValue ? new ForwardPermission(host, number) { IsBare = isBare } : throw Fault();

        FormatException Fault() => new($"{option}=\"{KeyLines.Shown(text)}\" is no host and port, so that the key is not accepted; write {option}=\"HOST:PORT\", with a port from 1 to 65535 or *");
    }

    /// <summary>Whether a connection may be opened to a host and port. The host has to be written the same, as sshd has it: nothing is looked up.</summary>
    public bool Opens(string host, int port) => (Port is null || Port == port) && (Host == "*" || string.Equals(Host, host, StringComparison.Ordinal));

    /// <summary>Whether a host and port may be listened on. Case means nothing; <c>localhost</c> is another host than <c>127.0.0.1</c>.</summary>
    public bool Listens(string host, int port) => (Port is null || Port == port) && PatternList.IsMatch(Host.ToLowerInvariant(), host.ToLowerInvariant());

    private static (string Host, string Port) Split(string text, bool isHostOptional)
    {
        if (text.StartsWith('['))
            return text.IndexOf("]:", StringComparison.Ordinal) is var end and > 0 ? (text[1..end], text[(end + 2)..]) : ("", "");
        return text.IndexOf(':', StringComparison.Ordinal) is var colon and >= 0 ? (text[..colon], text[(colon + 1)..]) : (isHostOptional ? "*" : "", text);
    }
}
