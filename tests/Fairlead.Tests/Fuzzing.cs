using System.Diagnostics;
using System.Globalization;

namespace Fairlead.Tests;

/// <summary>How long fuzzers go on, from the environment (<c>scripts/fuzz</c>).</summary>
internal static class Fuzzing
{
    private static readonly TimeSpan mostForShrinking = TimeSpan.FromMinutes(2);

    /// <summary>For how long; null: a test tries a few seeds and no more. Of each fuzzer one seed at the least.</summary>
    public static TimeSpan? Time { get; } =
        double.TryParse(Environment.GetEnvironmentVariable("FAIRLEAD_FUZZ_MINUTES"), CultureInfo.InvariantCulture, out var minutes) ? TimeSpan.FromMinutes(minutes) : null;

    /// <summary>The first seed of each fuzzer; the others count on from there.</summary>
    public static int FirstSeed { get; } = int.TryParse(Environment.GetEnvironmentVariable("FAIRLEAD_FUZZ_SEED"), out var seed) ? seed : Random.Shared.Next(1 << 30);

    /// <summary>What the names of those that run have in them.</summary>
    public static string Only { get; } = Environment.GetEnvironmentVariable("FAIRLEAD_FUZZ_ONLY") ?? "";

    /// <summary>The shortest list, found by leaving out for a minute or two, that still fails.</summary>
    /// <param name="steps">A list that fails.</param>
    /// <param name="failsAsync">Whether another one does.</param>
    public static async Task<IReadOnlyList<T>> ShrinkAsync<T>(IReadOnlyList<T> steps, Func<IReadOnlyList<T>, Task<bool>> failsAsync)
    {
        var clock = Stopwatch.StartNew();
        for (var size = Math.Max(1, steps.Count / 2); ; size /= 2)
        {
            for (var at = 0; at < steps.Count && clock.Elapsed < mostForShrinking;)
            {
                T[] fewer = [.. steps.Take(at), .. steps.Skip(at + size)];
                if (await failsAsync(fewer))
                    steps = fewer;
                else
                    at += size;
            }
            if (size <= 1)
                return steps;
        }
    }
}
