using Fairlead.Net;

namespace Fairlead;

/// <summary>Tries an upstream out on an interval, whether anybody needs it or not: a connection that stands is a success, and is closed at once.</summary>
internal sealed class HealthCheck : IDisposable
{
    // A thousand upstreams are not all dialled in one moment, nor do several forwarders fall into step: by so much of the interval.
    private const double Jitter = 0.1;

    private readonly Upstream upstream;
    private readonly HealthConfig config;
    private readonly TimeProvider time;
    private readonly Random random;
    private readonly CancellationTokenSource stop = new();

    /// <summary>
    /// Begins: the first check within a tenth of the interval, each further one an interval after the beginning of the one before, give or take a tenth,
    /// or when that has ended.
    /// </summary>
    /// <param name="upstream">Whose <see cref="Upstream.Health"/> it is for, and whose dialer dials.</param>
    /// <param name="config">How often, and how long a dial may take. Rise and fall are the upstream's.</param>
    /// <param name="time">Measures it.</param>
    /// <param name="context">Where it runs: an event loop if the upstream's dialer needs one; null: the thread pool.</param>
    /// <param name="random">For the jitter; null: the system's.</param>
    public HealthCheck(Upstream upstream, HealthConfig config, TimeProvider time, SynchronizationContext? context = null, Random? random = null)
    {
        this.upstream = upstream;
        this.config = config;
        this.time = time;
        this.random = random ?? Random.Shared;
        Over = context.RunAsync(RunAsync);
    }

    /// <summary>Completes when it has ended, after <see cref="Dispose"/>; faults by a bug of the dialer only.</summary>
    public Task Over { get; }

    /// <summary>Ends it; a dial that is under way is given up, and changes nothing. From any thread; does not wait for <see cref="Over"/>.</summary>
    public void Dispose() => stop.Cancel();

    private async Task RunAsync()
    {
        var pause = config.Interval * (Jitter * random.NextDouble());
        while (true)
        {
            await Task.Delay(pause, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (stop.IsCancellationRequested)
                return;
            var next = new Deadline(time, config.Interval * (1 - Jitter + (2 * Jitter * random.NextDouble())));
            await upstream.ProbeAsync(time, config.Timeout, stop.Token);
            pause = next.Left;
        }
    }
}
