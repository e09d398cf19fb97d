using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.Versioning;
using Fairlead.Net;

namespace Fairlead.Tests.Net;

[SupportedOSPlatform("linux")]
public sealed class EventLoopTests : IDisposable
{
    private readonly ConcurrentQueue<Exception> faults = new();
    private readonly EventLoop loop;

    public EventLoopTests() => loop = new EventLoop("fairlead-test", new BufferPool(1 << 10, PipeBudget.None), faults.Enqueue);

    [Fact(Timeout = 30000)]
    public async Task Work_that_is_posted_runs_on_the_loop_in_the_order_of_each_poster()
    {
        const int posters = 4, each = 5000;
        var done = new TaskCompletionSource();
        var ran = new List<(int Poster, int Number)>();
        await Task.WhenAll(Enumerable.Range(0, posters).Select(poster => Task.Run(() =>
        {
            for (var i = 0; i < each; i++)
            {
                var number = i;
                loop.Run(() =>
                {
                    Assert.Same(loop, EventLoop.Current);
                    ran.Add((poster, number));
                    if (ran.Count == posters * each)
                        done.SetResult();
                });
            }
        })));
        await done.Task;
        for (var poster = 0; poster < posters; poster++)
            Assert.Equal(Enumerable.Range(0, each), ran.Where(one => one.Poster == poster).Select(one => one.Number));
        Assert.Empty(faults);
    }

    [Fact(Timeout = 30000)]
    public async Task What_must_not_get_lost_runs_although_the_loop_ends_or_is_refused()
    {
        var (accepted, ran) = (0, 0);
        var posting = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            while (loop.TryPost(_ => ran++, null))
                Interlocked.Increment(ref accepted);
        })).ToList();
        await Traffic.UntilAsync(() => Volatile.Read(ref accepted) > 1000);
        loop.Dispose();
        await Task.WhenAll(posting);
        Assert.Equal(accepted, ran);
        Assert.False(loop.TryPost(_ => ran++, null));
    }

    [Fact(Timeout = 30000)]
    public async Task What_was_posted_before_the_end_knows_that_it_is_the_end()
    {
        var before = true;
        var after = false;
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var busy = new ManualResetEventSlim();
        loop.Run(() =>
        {
            begun.SetResult();
            busy.Wait();
            before = loop.HasEnded;
            loop.Dispose();
        });
        await begun.Task;
        loop.Run(() => after = loop.HasEnded);
        busy.Set();
        loop.Dispose();
        Assert.Equal((false, true), (before, after));
    }

    [Fact(Timeout = 30000)]
    public async Task An_exception_is_reported_and_the_loop_goes_on()
    {
        loop.Run(() => throw new InvalidOperationException("posted"));
        loop.Run(() =>
        {
            var thrower = new Throwing(loop);
            thrower.Signal();
            loop.Enqueue(thrower);
            // The second is due at the same tick, and must not suffer.
            loop.Timers.Add(new LoopTimer(loop.Timers, _ => throw new InvalidOperationException("timer"), null));
            loop.Timers.Add(new LoopTimer(loop.Timers, _ => throw new InvalidOperationException("other timer"), null));
        });
        string[] expected = ["event", "other timer", "posted", "timer", "turn"];
        await Traffic.UntilAsync(() => faults.Count >= expected.Length);
        Assert.Equal(expected, faults.Select(fault => fault.Message).Order());
        await loop.RunAsync(() => Task.CompletedTask);
    }

    [Fact(Timeout = 30000)]
    public Task What_is_awaited_elsewhere_comes_back_to_the_loop() => loop.RunAsync(async () =>
    {
        Assert.Same(loop, EventLoop.Current);
        await Task.Run(() => Assert.Null(EventLoop.Current));
        Assert.Same(loop, EventLoop.Current);
        await Task.Yield();
        Assert.Same(loop, EventLoop.Current);
        await Task.Delay(TimeSpan.FromMilliseconds(1), LoopTime.Instance);
        Assert.Same(loop, EventLoop.Current);
    });

    [Fact(Timeout = 30000)]
    public Task A_timer_does_not_fire_early() => loop.RunAsync(async () =>
    {
        foreach (var wait in new[] { 1, 9, 10, 11, 25 })
        {
            var start = Stopwatch.GetTimestamp();
            await Task.Delay(TimeSpan.FromMilliseconds(wait), LoopTime.Instance);
            Assert.True(Stopwatch.GetElapsedTime(start) >= TimeSpan.FromMilliseconds(wait), $"{wait} ms were {Stopwatch.GetElapsedTime(start)}.");
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_timer_that_is_disposed_elsewhere_leaves_the_wheel_on_the_loop() => loop.RunAsync(async () =>
    {
        // As a delay does that is cancelled, and a wait whose task completes.
        using var cancel = new CancellationTokenSource();
        var delay = Task.Delay(TimeSpan.FromHours(1), LoopTime.Instance, cancel.Token);
        Assert.NotEqual(-1, loop.Timers.NextTick());
        using var isCancelled = new ManualResetEventSlim();
        _ = Task.Run(
            () =>
            {
                cancel.Cancel();
                isCancelled.Set();
            },
            CancellationToken.None);
        // The loop stands still meanwhile: its wheel must not change.
        isCancelled.Wait(CancellationToken.None);
        Assert.NotEqual(-1, loop.Timers.NextTick());
        await Assert.ThrowsAsync<TaskCanceledException>(() => delay);
        await Traffic.UntilAsync(() => loop.Timers.NextTick() == -1);

        var waited = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var wait = waited.Task.WaitAsync(TimeSpan.FromHours(1), LoopTime.Instance);
        await Task.Run(waited.SetResult, CancellationToken.None);
        await wait;
        await Traffic.UntilAsync(() => loop.Timers.NextTick() == -1);
    });

    [Fact(Timeout = 30000)]
    public Task An_event_of_a_closed_descriptor_does_not_reach_its_successor() => loop.RunAsync(async () =>
    {
        // Both are ready in one batch; whichever is served first closes the other, whose event is then stale.
        Pollable? first = null, second = null, successor = null;
        first = new Pollable(loop, () => Succeed(second!));
        second = new Pollable(loop, () => Succeed(first));
        first.Signal();
        second.Signal();
        await Traffic.UntilAsync(() => successor is not null);
        await Turns(10);
        Assert.Equal(1, first.Events + second.Events);
        Assert.Equal(0, successor!.Events);

        var survivor = first.Events == 1 ? first : second;
        Assert.Equal((survivor == first ? second : first).Slot, successor.Slot);
        successor.Signal();
        await Traffic.UntilAsync(() => successor.Events == 1);
        successor.Close();
        survivor.Close();

        void Succeed(Pollable other)
        {
            other.Close();
            successor ??= new Pollable(loop, () => { });
        }
    });

    [Fact(Timeout = 30000)]
    public Task A_number_is_not_given_again_before_the_turn_in_which_it_was_closed_is_over() => loop.RunAsync(async () =>
    {
        var closed = new Pollable(loop, () => { });
        closed.Close();
        var later = new Pollable(loop, () => { });
        Assert.NotEqual(closed.Descriptor, later.Descriptor);
        await Turns(1);
        later.Close();
    });

    [Fact(Timeout = 30000)]
    public Task Who_wants_another_turn_gets_it_after_the_events_of_the_others() => loop.RunAsync(async () =>
    {
        var order = new List<string>();
        Pollable? other = null;
        other = new Pollable(loop, () => order.Add("event"));
        loop.Enqueue(new Turning(loop, () =>
        {
            order.Add("turn");
            other.Signal();
            return order.Count < 6;
        }));
        await Traffic.UntilAsync(() => order.Count >= 6);
        Assert.Equal(["turn", "event", "turn", "event", "turn", "event"], order);
        other.Close();
    });

    [Fact(Timeout = 30000)]
    public void What_was_posted_before_the_end_still_runs_and_what_comes_later_is_dropped()
    {
        using var blocked = new ManualResetEventSlim();
        var ran = new List<int>();
        loop.Run(blocked.Wait);
        for (var i = 0; i < 100; i++)
        {
            var number = i;
            loop.Run(() => ran.Add(number));
        }
        var end = new Thread(loop.Dispose);
        end.Start();
        blocked.Set();
        end.Join();
        Assert.Equal(Enumerable.Range(0, 100), ran);
        loop.Run(() => ran.Add(-1));
        loop.Dispose();
        Assert.Equal(100, ran.Count);
    }

    [Fact]
    public void Waiting_for_the_loop_is_refused() => Assert.Throws<NotSupportedException>(() => loop.Send(static _ => { }, null));

    public void Dispose() => loop.Dispose();

    private static async Task Turns(int count)
    {
        for (var i = 0; i < count; i++)
            await Task.Yield();
    }

    private unsafe class Pollable : IPollable
    {
        private readonly EventLoop loop;
        private readonly Action onEvent;

        public Pollable(EventLoop loop, Action onEvent)
        {
            this.loop = loop;
            this.onEvent = onEvent;
            Slot = loop.Watch(Descriptor, this, Libc.EPOLLIN | Libc.EPOLLET);
            Assert.True(Slot >= 0);
        }

        public int Descriptor { get; } = Libc.eventfd(0, Libc.EFD_NONBLOCK | Libc.EFD_CLOEXEC);

        public int Slot { get; }

        public int Events { get; private set; }

        public void OnEvents(uint events)
        {
            Events++;
            onEvent();
        }

        public void Signal()
        {
            ulong one = 1;
            Assert.True(Libc.write(Descriptor, &one, sizeof(ulong)) > 0);
        }

        public void Close() => loop.Close(Descriptor, Slot);
    }

    private sealed class Throwing(EventLoop loop) : Pollable(loop, static () => throw new InvalidOperationException("event")), IReady
    {
        public void OnTurn() => throw new InvalidOperationException("turn");
    }

    private sealed class Turning(EventLoop loop, Func<bool> onTurn) : IReady
    {
        public void OnTurn()
        {
            if (onTurn())
                loop.Enqueue(this);
        }
    }
}
