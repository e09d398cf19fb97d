using System.Globalization;
using System.Text;
using Fairlead.Net;

namespace Fairlead;

/// <summary>What this program answers itself: a status and a line of text that says why.</summary>
/// <param name="Status">The status (RFC 9110 section 15).</param>
/// <param name="Text">The body, a line without its end; a stranger's text in it is escaped.</param>
internal sealed record HttpAnswer(int Status, string Text)
{
    /// <summary>What <see cref="Text"/> is.</summary>
    public string ContentType { get; init; } = "text/plain; charset=utf-8";

    /// <summary>A password is asked for (RFC 9110 section 15.5.8).</summary>
    public static HttpAnswer CredentialsWanted { get; } = new(407, "this proxy asks for a user and a password");

    /// <summary>What a client is told who asked for a connection that could not be had.</summary>
    /// <param name="dial">How the dial ended.</param>
    /// <param name="target">Where it was to go, as it may be shown.</param>
    /// <remarks>
    /// The gateway's own words for what is behind it are 502 and 504; 403 says that asking again will not help. The dial's detail stays in the log: it can name
    /// proxies and addresses that are no business of the client's.
    /// </remarks>
    public static HttpAnswer Of(DialResult dial, string target) => dial.Outcome switch
    {
        DialOutcome.NotAllowed => new HttpAnswer(403, $"connecting to {target} is not allowed"),
        DialOutcome.TimedOut => new HttpAnswer(504, $"{target} did not answer in time"),
        DialOutcome.Refused => new HttpAnswer(502, $"{target} refused the connection"),
        DialOutcome.Unreachable => new HttpAnswer(502, $"{target} cannot be reached"),
        DialOutcome.NameUnknown => new HttpAnswer(502, $"the name in {target} is unknown"),
        DialOutcome.NoLocalAddress or DialOutcome.NoResources => new HttpAnswer(502, "this proxy is short of ports, descriptors or memory"),
        DialOutcome.Busy => new HttpAnswer(502, $"{target} is busy"),
        _ => new HttpAnswer(502, $"{target} could not be connected to"),
    };

    /// <summary>The whole response.</summary>
    /// <param name="isHead">Whether it answers HEAD: the same without the body.</param>
    /// <param name="keepsOpen">Whether another request may follow on the connection.</param>
    public byte[] ToBytes(bool isHead = false, bool keepsOpen = false)
    {
        var body = Encoding.UTF8.GetBytes($"{Text}\n");
        var head = new StringBuilder(256);
        head.Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {Status} {Phrase(Status)}\r\n");
        if (Status == 407)
            head.Append("Proxy-Authenticate: Basic realm=\"fairlead\", charset=\"UTF-8\"\r\n");
        if (Status == 405)
            head.Append("Allow: GET, HEAD\r\n");
        // No Date: RFC 9110 section 6.6.1 leaves it out where there is nothing to be kept, and nothing of this may be (a 404 could be).
        head.Append(CultureInfo.InvariantCulture, $"Content-Type: {ContentType}\r\nContent-Length: {body.Length}\r\nCache-Control: no-store\r\n");
        head.Append(keepsOpen ? "\r\n" : "Connection: close\r\n\r\n");
        var bytes = Encoding.Latin1.GetBytes(head.ToString());
        return isHead ? bytes : [.. bytes, .. body];
    }

    private static string Phrase(int status) => status switch
    {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    };
}
