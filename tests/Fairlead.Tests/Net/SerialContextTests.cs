using Fairlead.Net;

namespace Fairlead.Tests.Net;

public sealed class SerialContextTests
{
    [Fact(Timeout = 30000)]
    public async Task Calls_run_in_their_order_and_one_at_a_time()
    {
        const int threads = 4, each = 1000;
        var context = new SerialContext();
        var ran = Enumerable.Range(0, threads).Select(_ => new List<int>()).ToArray();
        var (inside, overlaps) = (0, 0);
        await Task.WhenAll(Enumerable.Range(0, threads).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < each; i++)
            {
                var number = i;
                context.Run(() =>
                {
                    if (Interlocked.Increment(ref inside) > 1)
                        overlaps++;
                    ran[thread].Add(number);
                    Interlocked.Decrement(ref inside);
                });
            }
        })));
        await context.RunAsync(() => Task.CompletedTask);
        Assert.Equal(0, overlaps);
        Assert.All(ran, numbers => Assert.Equal(Enumerable.Range(0, each), numbers));
    }

    [Fact(Timeout = 30000)]
    public async Task It_is_current_while_it_runs_and_after_an_await()
    {
        var context = new SerialContext();
        Assert.Null(SerialContext.Current);
        await context.RunAsync(async () =>
        {
            Assert.Same(context, SerialContext.Current);
            await Task.Run(() => Assert.Null(SerialContext.Current));
            Assert.Same(context, SerialContext.Current);
            await Task.Yield();
            Assert.Same(context, SerialContext.Current);
            await context.NextTurn();
            Assert.Same(context, SerialContext.Current);
        });
    }

    [Fact(Timeout = 30000)]
    public async Task Waiting_for_a_call_takes_its_turn_and_throws_what_it_throws()
    {
        var context = new SerialContext();
        var ran = new List<int>();
        context.Run(() => ran.Add(1));
        await Task.Run(() => context.Send(_ => ran.Add(2), null), TestContext.Current.CancellationToken);
        Assert.Equal([1, 2], ran);
        Assert.Throws<FormatException>(() => context.Send(_ => throw new FormatException(), null));

        // Inside, it would wait for itself.
        await context.RunAsync(() =>
        {
            context.Send(_ => ran.Add(3), null);
            Assert.Equal([1, 2, 3], ran);
            return Task.CompletedTask;
        });
    }

    [Fact(Timeout = 30000)]
    public async Task Posting_leaves_no_garbage()
    {
        var context = new SerialContext();
        var done = new TaskCompletionSource<long>();
        var (calls, before) = (0, 0L);
        SendOrPostCallback again = null!;
        again = state =>
        {
            // All on one thread, since they are fewer than a turn has.
            if (++calls == 2)
                before = GC.GetAllocatedBytesForCurrentThread();
            if (calls < 50)
                context.Post(again, state);
            else
                done.SetResult(GC.GetAllocatedBytesForCurrentThread() - before);
        };
        context.Post(again, null);
        Assert.Equal(0, await done.Task);
    }
}
