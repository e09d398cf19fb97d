using System.Buffers;
using System.Text;

namespace Fairlead;

/// <summary>A header field: its name as it was written, and its value without the white space around it; each character is one byte (Latin-1).</summary>
internal readonly record struct HttpField(string Name, string Value)
{
    /// <summary>Whether that is its name, in whatever case.</summary>
    public bool Is(string name) => Name.Equals(name, StringComparison.OrdinalIgnoreCase);
}

/// <summary>The fields of a message in their order (RFC 9112 section 5), read strictly: whatever two readers could see differently is wrong.</summary>
internal sealed class HttpFields(IReadOnlyList<HttpField> fields)
{
    /// <summary>How many fields a head may have.</summary>
    public const int MostFields = 100;

    private const string TokenCharacters = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private static readonly SearchValues<byte> token = SearchValues.Create(Encoding.ASCII.GetBytes(TokenCharacters));

    // HTAB alone among the control characters may stand in a value.
    private static readonly SearchValues<byte> control = SearchValues.Create([.. Enumerable.Range(0, 32).Append(127).Where(code => code != '\t').Select(code => (byte)code)]);

    public IReadOnlyList<HttpField> All => fields;

    /// <summary>Whether bytes are a token (RFC 9110 section 5.6.2): a method, a name.</summary>
    public static bool IsToken(ReadOnlySpan<byte> bytes) => !bytes.IsEmpty && bytes.IndexOfAnyExcept(token) < 0;

    /// <summary>Whether bytes have a control character, the tabulator excepted.</summary>
    public static bool HasControl(ReadOnlySpan<byte> bytes) => bytes.IndexOfAny(control) >= 0;

    /// <summary>Reads the lines of a head, each with its CRLF, without the first line and the empty one.</summary>
    /// <param name="lines">The lines.</param>
    /// <param name="fault">What is wrong with one; null if nothing is.</param>
    /// <param name="isTooMany">Whether that is how many there are.</param>
    public static HttpFields? Read(ReadOnlySpan<byte> lines, out string? fault, out bool isTooMany)
    {
        var fields = new List<HttpField>();
        (fault, isTooMany) = (null, false);
        while (!lines.IsEmpty)
        {
            var end = lines.IndexOf("\r\n"u8);
            fault = FaultOf(lines[..end], out var colon);
            if (fault is null && fields.Count == MostFields)
                (fault, isTooMany) = ($"there are more than {MostFields} header fields", true);
            if (fault is not null)
                return null;
            fields.Add(new HttpField(Encoding.Latin1.GetString(lines[..colon]), Encoding.Latin1.GetString(lines[(colon + 1)..end].Trim(" \t"u8))));
            lines = lines[(end + 2)..];
        }
        return new HttpFields(fields);
    }

    /// <summary>How many fields have that name.</summary>
    public int Count(string name)
    {
        var count = 0;
        foreach (var field in fields)
            count += field.Is(name) ? 1 : 0;
        return count;
    }

    /// <summary>The value of the first field of that name; null: there is none.</summary>
    public string? First(string name)
    {
        foreach (var field in fields)
        {
            if (field.Is(name))
                return field.Value;
        }
        return null;
    }

    /// <summary>The members of a list that may be spread over several fields of one name (RFC 9110 section 5.6.1); empty ones are left out.</summary>
    public IEnumerable<string> List(string name) => fields.Where(field => field.Is(name))
        .SelectMany(field => field.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries));

    /// <summary>Whether such a list has a member, in whatever case.</summary>
    public bool Lists(string name, string member) => Count(name) > 0 && List(name).Contains(member, StringComparer.OrdinalIgnoreCase);

    // Continuation lines (obs-fold, RFC 9112 section 5.2) and white space before the colon (section 5.1) are where readers differ.
    private static string? FaultOf(ReadOnlySpan<byte> line, out int colon)
    {
        colon = line.IndexOf((byte)':');
        if (line[0] is (byte)' ' or (byte)'\t')
            return "a header line begins with white space";
        if (colon < 0)
            return "a header line has no colon";
        if (colon == 0)
            return "a header field has no name";
        if (line[colon - 1] is (byte)' ' or (byte)'\t')
            return "white space stands before the colon of a header field";
        if (!IsToken(line[..colon]))
            return "the name of a header field has a character that names do not have";
        return HasControl(line[(colon + 1)..]) ? $"the value of the header field {Printable.Escape(Encoding.Latin1.GetString(line[..colon]), 64)} has a control character" : null;
    }
}
