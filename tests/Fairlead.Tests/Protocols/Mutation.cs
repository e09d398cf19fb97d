namespace Fairlead.Tests;

/// <summary>What becomes of good bytes on a bad way: cut, doubled, with others between them, or changed.</summary>
internal static class Mutation
{
    private const int Most = 60_000;

    /// <param name="random">Chance.</param>
    /// <param name="good">The bytes.</param>
    /// <param name="least">How often they are changed at the least; at the most three times.</param>
    /// <param name="kept">How many bytes at the beginning stay most of the time, so that what is behind them is looked at.</param>
    public static byte[] Of(Random random, byte[] good, int least, int kept = 0)
    {
        var bytes = good.ToList();
        for (var mutations = random.Next(least, 4); mutations > 0 && bytes.Count > kept; mutations--)
        {
            var at = random.Next(kept > 0 && random.Next(20) > 0 ? kept : 0, bytes.Count);
            switch (random.Next(6))
            {
                case 0:
                    bytes.RemoveRange(at, random.Next(bytes.Count - at));
                    break;
                case 1:
                    bytes.InsertRange(at, Traffic.RandomBytes(random.Next(300), random.Next()));
                    break;
                case 2:
                    bytes.InsertRange(at, bytes[at..]);
                    break;
                case 3:
                    bytes[at] = (byte)(random.Next(2) * 255);
                    break;
                case 4:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                default:
                    bytes[at] = (byte)random.Next(256);
                    break;
            }
        }
        return bytes.Count > Most ? [.. bytes[..Most]] : [.. bytes];
    }
}
