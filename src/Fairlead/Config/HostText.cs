using System.Buffers;
using System.Net;
using System.Net.Sockets;

namespace Fairlead;

/// <summary>Tells whether a text can be a host: an address, or a name that a resolver could know.</summary>
internal static class HostText
{
    private static readonly SearchValues<char> nameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");

    private static readonly SearchValues<char> addressCharacters = SearchValues.Create("0123456789abcdefABCDEF:.");

    private static readonly SearchValues<char> digitsAndDots = SearchValues.Create("0123456789.");

    /// <summary>
    /// What is wrong with a host, as the end of a sentence that begins with "host"; null if nothing is. IPv6 comes without brackets.
    /// Labels follow RFC 1123 section 2.1, with the underscore that private networks use.
    /// </summary>
    public static string? Fault(string host)
    {
        if (host.Contains(':', StringComparison.Ordinal))
            return AddressFault(host);

        var shown = $"'{Printable.Escape(host)}'";
        if (host.AsSpan().IndexOfAnyExcept(nameCharacters) is var odd and >= 0)
            return $"{shown} has {Describe(host[odd])}; {Remedy(host[odd])}";

        var name = host.EndsWith('.') ? host[..^1] : host;
        if (name.Length > 253)
            return $"{shown} is {name.Length} characters long; a name has at most 253";
        foreach (var label in name.Split('.'))
        {
            if (label.Length == 0)
                return $"{shown} has an empty label; write names like host.example.com";
            if (label.Length > 63)
                return $"{shown} has a label of {label.Length} characters; a label (the text between dots) has at most 63";
            if (label[0] == '-' || label[^1] == '-')
                return $"{shown} has a label that begins or ends with '-'; labels begin and end with a letter or a digit";
        }
        return NumberFault(name, shown);
    }

    /// <summary>
    /// The C library reads 10.1, 0x7f.1 and 010.0.0.1 as addresses, and not as the ones that most readers expect; so a host that ends in a
    /// number is four plain numbers or nothing.
    /// </summary>
    private static string? NumberFault(string name, string shown)
    {
        var last = name[(name.LastIndexOf('.') + 1)..];
        var isHexadecimal = last.StartsWith("0x", StringComparison.OrdinalIgnoreCase) && last.AsSpan(2).IndexOfAnyExcept(addressCharacters) < 0;
        if (last.AsSpan().IndexOfAnyExceptInRange('0', '9') >= 0 && !isHexadecimal)
            return null;
        if (name.AsSpan().IndexOfAnyExcept(digitsAndDots) >= 0)
            return $"{shown} ends in a number but is not an IPv4 address; write an address like 10.0.0.5, or a name that ends in letters";
        if (name.Split('.') is not { Length: 4 } numbers)
            return $"{shown} is neither an IPv4 address nor a name; write an address as four numbers, like 10.0.0.5";
        foreach (var number in numbers)
        {
            if (number.Length > 3 || int.Parse(number, System.Globalization.CultureInfo.InvariantCulture) > 255)
                return $"{shown} is not an IPv4 address: '{Printable.Escape(number)}' is above 255; write an address like 10.0.0.5";
            if (number.Length > 1 && number[0] == '0')
                return $"{shown} is not an IPv4 address: '{number}' has a leading zero, which some programs read as octal; write '{number.TrimStart('0').PadLeft(1, '0')}'";
        }
        return null;
    }

    private static string? AddressFault(string host)
    {
        var (address, scope) = host.IndexOf('%', StringComparison.Ordinal) is var percent and >= 0
            ? (host[..percent], host[(percent + 1)..])
            : (host, null);
        if (address.AsSpan().IndexOfAnyExcept(addressCharacters) >= 0
            || !IPAddress.TryParse(address, out var parsed) || parsed.AddressFamily != AddressFamily.InterNetworkV6)
            return $"'{Printable.Escape(host)}' is not an IPv6 address; write one like [2001:db8::5] or [fe80::1%eth0]";
        if (scope is null)
            return null;
        // An interface's name has at most IFNAMSIZ - 1 = 15 characters, none of them a slash, a colon or white space.
        return scope.Length is >= 1 and <= 15 && scope.AsSpan().IndexOfAnyExcept(nameCharacters) < 0
            ? null
            : $"'{Printable.Escape(host)}' has the scope '{Printable.Escape(scope)}', which is not an interface; write one like [fe80::1%eth0]";
    }

    private static string Describe(char character) => character switch
    {
        ' ' => "a space",
        '/' => "a '/'",
        _ when char.IsAscii(character) && !char.IsControl(character) => $"the character '{character}'",
        _ when char.IsControl(character) => "a control character",
        _ => "a character beyond ASCII",
    };

    private static string Remedy(char character) => character switch
    {
        '[' or ']' => "brackets stand around a whole IPv6 address, like [::1]:80",
        '*' => "'*' stands alone, for every address",
        '%' => "a scope stands within brackets, like [fe80::1%eth0]",
        '/' => "write a host, like 10.0.0.5, without a path, a network or http://",
        > '\x7f' => "write the name as its DNS form, which begins with xn--",
        _ => "a name has letters, digits, '-', '_' and dots",
    };
}
