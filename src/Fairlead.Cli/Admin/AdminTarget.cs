using System.CommandLine;
using System.Globalization;
using System.Net;

namespace Fairlead.Cli;

/// <summary>Which running instance a command talks to.</summary>
/// <param name="Places">Where it may be, the likeliest first.</param>
/// <param name="Name">What it is called, where it was not told where it is; else null.</param>
/// <param name="Token">What is presented to it; null for none.</param>
internal sealed record AdminTarget(IReadOnlyList<EndPoint> Places, string? Name, string? Token)
{
    private const int LongestToken = 4096;

    private static readonly Option<string?> admin = new("--admin") { Description = "Where the instance listens: unix:PATH or HOST:PORT (default: the socket of its name)", HelpName = "ADDR" };
    private static readonly Option<string?> name = new("--name") { Description = "The name of the instance's configuration (default: main)", HelpName = "NAME" };
    private static readonly Option<string?> token = new("--token") { Description = "What HOST:PORT asks for: env:NAME or file:PATH", HelpName = "SECRET" };

    public static void AddTo(Command command)
    {
        command.Add(admin);
        command.Add(name);
        command.Add(token);
    }

    /// <exception cref="UsageException">The options say no place, or one that must not be.</exception>
    public static AdminTarget Of(ParseResult parsed)
    {
        var secret = parsed.GetValue(token) is { } written ? ReadToken(written, parsed.InvocationConfiguration.Error) : null;
        if (parsed.GetValue(admin) is { } address)
        {
            return parsed.GetValue(name) is null
                ? new AdminTarget([Place(address)], null, secret)
                : throw new UsageException(["--admin and --name both say which instance is meant; leave one out"]);
        }
        var called = parsed.GetValue(name) ?? "main";
        // It becomes a file's name.
        if (called.Length is 0 or > 63 || called.Any(letter => !char.IsAsciiLetterLower(letter) && !char.IsAsciiDigit(letter) && letter != '-'))
            throw new UsageException([$"--name '{Printable.Escape(called)}' is not a name; write a-z, 0-9 and -, at most 63"]);
        return new AdminTarget([.. AdminPlace.Candidates(called).Select(path => new System.Net.Sockets.UnixDomainSocketEndPoint(path))], called, secret);
    }

    private static EndPoint Place(string address)
    {
        try
        {
            switch (Endpoint.Parse(address))
            {
                case UnixEndpoint unix:
                    return new System.Net.Sockets.UnixDomainSocketEndPoint(unix.Path);
                case PortEndpoint { Ports: { Count: 1, First: > 0 }, Protocols: PortProtocols.Tcp or PortProtocols.None } tcp:
                    var host = tcp.Host == "localhost" ? "127.0.0.1" : tcp.Host;
                    if (!IPAddress.TryParse(host, out var ip) || !IPAddress.IsLoopback(ip))
                        throw new UsageException([$"--admin '{Printable.Escape(address)}' is not on this machine, and without TLS the token would be read on the way; go there by ssh -L, and write 127.0.0.1:PORT"]);
                    return new IPEndPoint(ip, tcp.Ports.First);
                default:
                    throw new UsageException([$"--admin '{Printable.Escape(address)}' is not one TCP port; write unix:PATH or HOST:PORT"]);
            }
        }
        catch (FormatException error)
        {
            throw new UsageException([$"--admin: {error.Message}"]);
        }
    }

    private static string ReadToken(string written, TextWriter error)
    {
        if (written.StartsWith("env:", StringComparison.Ordinal))
        {
            return Environment.GetEnvironmentVariable(written[4..]) is { Length: > 0 } value
                ? Sendable(value)
                : throw new UsageException([$"--token: the variable {Printable.Escape(written[4..])} is not set"]);
        }
        if (!written.StartsWith("file:", StringComparison.Ordinal))
        {
            error.WriteLine("warning: every user of this machine can read a token on a command line; write --token env:NAME or file:PATH");
            return Sendable(written);
        }
        try
        {
            using var file = new StreamReader(written[5..]);
            var buffer = new char[LongestToken];
            return Sendable(new string(buffer, 0, file.ReadBlock(buffer)).Trim());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException([$"--token: {Printable.Escape(written[5..])} cannot be read: {Printable.Escape(e.Message.TrimEnd('.'))}"]);
        }
    }

    private static string Sendable(string value)
    {
        var isHeader = value.Length > 0 && value.All(letter => letter is > ' ' and <= '~');
        return isHeader ? value : throw new UsageException([string.Create(CultureInfo.InvariantCulture, $"--token: it has {value.Length} characters, not all of which can be sent; a token is of visible ASCII characters")]);
    }
}
