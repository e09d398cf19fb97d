using System.Text;

namespace Fairlead.Tests.Config;

/// <summary>Whatever a file has in it, it is read or refused: the reader neither throws anything else, nor hangs, nor says a line that could move a terminal's cursor.</summary>
public class ReaderFuzzTests
{
    private static readonly string[] pieces =
        ["[", "]", "{", "}", ":", ",", "- ", "? ", "|", ">", "&a", "*a", "!t", "%", "@", "`", "'", "\"", "\n", "\n  ", "\n\t", "#", "---", "...", "<<", "forwards", "listen", "to", "[::1]:80", "*:80",
            "off", "any", "10.0.0.0/8", "5s", "20M", "\u202e", "\\", " ", "  - ", ": ", "unix:", "null", "~"];

    [Theory, Seeds(2)]
    public void Random_bytes_are_refused(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 500; i++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            Check(bytes);
        }
    }

    [Theory, Seeds(2)]
    public void Random_pieces_of_YAML_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 1000; i++)
            Check(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => pieces[random.Next(pieces.Length)]))));
    }

    [Theory, Seeds(2)]
    public void Mutated_files_are_read_or_refused(int seed)
    {
        var random = new Random(seed);
        var files = Directory.EnumerateFiles(Path.Combine(KeyTableTests.Root(), "examples"), "*.yaml").Order().Select(File.ReadAllText).ToList();
        for (var i = 0; i < 500; i++)
        {
            var text = files[random.Next(files.Count)];
            for (var mutations = random.Next(1, 6); mutations > 0; mutations--)
            {
                var at = random.Next(text.Length);
                text = random.Next(4) switch
                {
                    0 => text.Remove(at, Math.Min(random.Next(1, 20), text.Length - at)),
                    1 => text.Insert(at, pieces[random.Next(pieces.Length)]),
                    2 => text.Insert(at, text.Substring(at, Math.Min(random.Next(1, 60), text.Length - at))),
                    _ => $"{text[..at]}{(char)random.Next(32, 127)}{text[(at + 1)..]}",
                };
                text = text.Length == 0 ? " " : text;
            }
            Check(Encoding.UTF8.GetBytes(text));
        }
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{")]
    [InlineData("- ")]
    [InlineData("? ")]
    [InlineData("a: ")]
    [InlineData("[a,")]
    [InlineData("a\n")]
    [InlineData("- \n ")]
    [InlineData("\"")]
    [InlineData("!")]
    [InlineData("---\n")]
    [InlineData("listen: [::1]:80\n")]
    public void The_same_again_and_again_comes_to_an_end(string piece) => Check(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(piece, 20_000))));

    private static void Check(byte[] bytes)
    {
        foreach (var error in Yaml.Errors(bytes))
            Assert.False(error.Any(char.IsControl), error);
    }
}
