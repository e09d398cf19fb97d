using System.Diagnostics;
using System.Globalization;
using System.Reflection;

namespace Fairlead.Tests;

/// <summary>The fuzzers, which are the theories with <see cref="SeedsAttribute"/>, for a long time.</summary>
public sealed class FuzzTests
{
    // Who fails again and again says nothing new.
    private const int MostFailures = 3;

    private static readonly TimeSpan mostForSeed = TimeSpan.FromMinutes(5), progress = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task Every_fuzzer_goes_on_for_as_long_as_was_asked()
    {
        Assert.SkipUnless(Fuzzing.Time is not null, "It runs for as long as FAIRLEAD_FUZZ_MINUTES says: scripts/fuzz MINUTES.");
        var fuzzers = Find().Where(fuzzer => fuzzer.Name.Contains(Fuzzing.Only, StringComparison.OrdinalIgnoreCase)).ToList();
        Assert.NotEmpty(fuzzers);
        Say($"{fuzzers.Count} fuzzers from seed {Fuzzing.FirstSeed}");
        var failures = new List<string>();
        var (clock, told) = (Stopwatch.StartNew(), TimeSpan.Zero);
        while (fuzzers.Where(fuzzer => fuzzer.Seeds == 0 || clock.Elapsed < Fuzzing.Time).MinBy(fuzzer => fuzzer.Spent / fuzzer.Share) is { } next)
        {
            if (await next.TryAsync() is { } failure)
            {
                failures.Add(failure);
                Say(failure);
            }
            fuzzers.RemoveAll(fuzzer => fuzzer.Failures >= MostFailures);
            if (clock.Elapsed - told < progress)
                continue;
            told = clock.Elapsed;
            Say(string.Create(CultureInfo.InvariantCulture, $"{told.TotalMinutes:0} min, {fuzzers.Sum(fuzzer => fuzzer.Seeds)} seeds, {failures.Count} failures; last: {next.Name}, {next.Seeds} seeds, {next.Spent.TotalSeconds:0} s"));
        }
        foreach (var fuzzer in fuzzers)
            Say(string.Create(CultureInfo.InvariantCulture, $"{fuzzer.Name}: {fuzzer.Seeds} seeds, {fuzzer.Spent.TotalSeconds:0} s"));
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    [Fact]
    public void Every_fuzzer_is_found()
    {
        var names = Find().Select(fuzzer => fuzzer.Name).ToList();

        Assert.Contains("SshFuzzTests.Random_bytes_end_the_connection", names);
        Assert.Contains("ReaderFuzzTests.Mutated_files_are_read_or_refused", names);
    }

    [Fact]
    public async Task What_does_not_matter_is_left_out()
    {
        var shortest = await Fuzzing.ShrinkAsync([.. Enumerable.Range(0, 100)], steps => Task.FromResult(steps.Contains(17) && steps.Contains(80)));

        Assert.Equal([17, 80], shortest);
    }

    private static IEnumerable<Fuzzer> Find() =>
        from type in typeof(FuzzTests).Assembly.GetTypes()
        from method in type.GetMethods()
        let seeds = method.GetCustomAttribute<SeedsAttribute>()
        where seeds is not null
        select new Fuzzer(type, method, seeds.Share);

    private static void Say(string line) => Console.Error.WriteLine($"fuzz: {line}");

    private sealed class Fuzzer(Type type, MethodInfo method, int share)
    {
        public string Name { get; } = $"{type.Name}.{method.Name}";

        public int Share => share;

        public int Seeds { get; private set; }

        public int Failures { get; private set; }

        public TimeSpan Spent { get; private set; }

        // Null: it did not fail.
        public async Task<string?> TryAsync()
        {
            var (seed, clock) = (Fuzzing.FirstSeed + Seeds++, Stopwatch.StartNew());
            try
            {
                await Task.Run(async () =>
                {
                    var test = Activator.CreateInstance(type);
                    if (method.Invoke(test, BindingFlags.DoNotWrapExceptions, null, [seed], CultureInfo.InvariantCulture) is Task running)
                        await running;
                    (test as IDisposable)?.Dispose();
                }).WaitAsync(mostForSeed);
                return null;
            }
            catch (Exception error)
            {
                // What hangs has a thread for ever.
                Failures = error is TimeoutException ? MostFailures : Failures + 1;
                return $"{Name}, seed {seed}: {error}";
            }
            finally
            {
                Spent += clock.Elapsed;
            }
        }
    }
}
