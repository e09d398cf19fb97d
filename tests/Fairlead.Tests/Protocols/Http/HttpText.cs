using System.Text;

namespace Fairlead.Tests;

/// <summary>Heads and bodies as a test writes them: a line feed stands for CRLF.</summary>
internal static class HttpText
{
    public static byte[] Bytes(string text) => Encoding.Latin1.GetBytes(text.Replace("\n", "\r\n", StringComparison.Ordinal));

    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes).Replace("\r\n", "\n", StringComparison.Ordinal);

    public static Parsed<HttpRequestHead> Request(string text) => HttpRequestHead.Read(Bytes(text));

    public static HttpRequestHead RequestHead(string text)
    {
        var parsed = Request(text);
        Assert.Null(parsed.Fault);
        Assert.True(parsed.IsWhole);
        return parsed.Value!;
    }

    public static HttpResponseHead ResponseHead(string text)
    {
        var parsed = HttpResponseHead.Read(Bytes(text));
        Assert.Null(parsed.Fault);
        Assert.True(parsed.IsWhole);
        return parsed.Value!;
    }

    /// <summary>Changes some bytes of something good: another value, one less, one more, a piece twice.</summary>
    public static byte[] Mutate(byte[] good, Random random)
    {
        var bytes = good.ToList();
        for (var mutations = random.Next(1, 5); mutations > 0 && bytes.Count > 0; mutations--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.Insert(at, "\r\n :;,\t0aG/\0"u8.ToArray()[random.Next(12)]);
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)));
                    break;
            }
        }
        return [.. bytes];
    }
}
