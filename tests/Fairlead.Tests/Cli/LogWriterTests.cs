using System.Diagnostics;
using System.IO.Pipes;
using System.Text;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class LogWriterTests
{
    [Fact]
    public void Entries_of_one_thread_keep_their_order_and_none_is_lost()
    {
        using var output = new MemoryStream();
        using (var log = new LogWriter(output, new LineFormat()))
        {
            for (var i = 0; i < LogWriter.Capacity; i++)
                log.Write(Entry(i));
        }

        Assert.Equal(Enumerable.Range(0, LogWriter.Capacity).Select(i => $"{i}"), Lines(output));
    }

    [Fact]
    public void Entries_of_many_threads_all_arrive()
    {
        using var output = new MemoryStream();
        using (var log = new LogWriter(output, new LineFormat()))
            Parallel.For(0, 4, part => { for (var i = 0; i < 1000; i++) log.Write(Entry((part * 1000) + i)); });

        Assert.Equal(Enumerable.Range(0, 4000), Lines(output).Select(int.Parse).Order());
    }

    [Fact]
    public void An_entry_after_silence_is_written_without_being_asked_for()
    {
        using var output = new GatedStream();
        output.Open();
        using var log = new LogWriter(output, new LineFormat());
        for (var i = 0; i < 20; i++)
        {
            log.Write(Entry(i));
            output.WaitFor($"{i}\n");
        }
    }

    [Fact]
    public void What_matters_less_is_not_written()
    {
        using var output = new MemoryStream();
        using (var log = new LogWriter(output, new LineFormat(), LogLevel.Warning))
        {
            log.Write(new ProgramEntry(LogLevel.Information, "e", "no"));
            log.Write(new ProgramEntry(LogLevel.Warning, "e", "yes"));
        }

        Assert.Equal(["yes"], Lines(output));
    }

    [Fact]
    public void A_stream_that_takes_nothing_costs_entries_and_their_number_is_told()
    {
        using var output = new GatedStream();
        using (var log = new LogWriter(output, new LineFormat()))
        {
            log.Write(Entry(0));
            output.WaitForWriter();
            for (var i = 1; i <= LogWriter.Capacity + 1000; i++)
                log.Write(Entry(i));
            output.Open();
        }

        var lines = output.Lines;
        Assert.Equal(Enumerable.Range(0, LogWriter.Capacity + 1).Select(i => $"{i}"), lines[..^1]);
        Assert.Equal("1000 log entries were dropped: standard error does not take them fast enough", lines[^1]);
    }

    [Fact]
    public void Drops_are_told_once_a_minute_and_at_the_end()
    {
        var time = new SetTime();
        using var output = new GatedStream();
        using (var log = new LogWriter(output, new LineFormat(), time: time))
        {
            for (var round = 1; round <= 4; round++)
            {
                log.Write(Entry(0));
                output.WaitForWriter();
                if (round is 2 or 3)
                    time.Advance(TimeSpan.FromSeconds(40));
                for (var i = 0; i < LogWriter.Capacity + round; i++)
                    log.Write(new ProgramEntry(LogLevel.Information, "e", $"{round}.{i}"));
                output.Open();
                output.WaitFor($"{round}.{LogWriter.Capacity - 1}\n");
                log.Write(new ProgramEntry(LogLevel.Information, "e", $"end of round {round}"));
                output.WaitFor($"end of round {round}\n");
                output.Shut();
            }
            output.Open();
        }

        // Round 1 is told at once; round 2, 40 s later, is told with round 3; round 4 at the end.
        Assert.Equal(["1 log entry was", "5 log entries were", "4 log entries were"],
            output.Lines.Where(line => line.Contains("dropped", StringComparison.Ordinal)).Select(line => line[..line.IndexOf(" dropped", StringComparison.Ordinal)]));
    }

    [Fact]
    public void A_full_pipe_holds_up_neither_those_who_log_nor_the_end()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        using var reader = new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle);
        var log = new LogWriter(pipe, new LineFormat());
        var entry = new ProgramEntry(LogLevel.Information, "e", new string('x', 1000));
        for (var i = 0; i < 20_000; i++)
            log.Write(entry);

        var watch = Stopwatch.StartNew();
        log.Dispose();

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, LogWriter.FlushLimit + TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_closed_pipe_ends_nothing()
    {
        using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
        new AnonymousPipeClientStream(PipeDirection.In, pipe.ClientSafePipeHandle).Dispose();
        pipe.DisposeLocalCopyOfClientHandle();
        using var log = new LogWriter(pipe, new LineFormat());
        for (var i = 0; i < 100; i++)
            log.Write(Entry(i));
    }

    [Fact]
    public void An_entry_that_throws_becomes_a_line_and_stops_nobody()
    {
        using var output = new MemoryStream();
        using (var log = new LogWriter(output, new LineFormat()))
        {
            log.Write(new FaultyEntry());
            log.Write(Entry(1));
        }

        Assert.Equal(["a log entry (FaultyEntry) could not be written: no words", "1"], Lines(output));
    }

    private static ProgramEntry Entry(int number) => new(LogLevel.Information, "e", $"{number}");

    private static string[] Lines(MemoryStream output) => Encoding.UTF8.GetString(output.ToArray()).Split('\n')[..^1];

    private sealed class LineFormat : LogFormat
    {
        protected override bool NeedsFields => true;

        protected override void AppendLine(LogEntry entry, string message, IEnumerable<KeyValuePair<string, object?>> fields, System.Buffers.ArrayBufferWriter<byte> output)
        {
            Encoding.UTF8.GetBytes(message, output);
        }
    }

    private sealed class FaultyEntry : LogEntry
    {
        public override LogLevel Level => LogLevel.Information;

        public override string Event => "faulty";

        public override string Message => throw new InvalidOperationException("no words");

        public override IEnumerable<KeyValuePair<string, object?>> Fields => [];
    }

    private sealed class SetTime : TimeProvider
    {
        private long ticks = new DateTime(2026, 11, 22, 0, 0, 0, DateTimeKind.Utc).Ticks;

        public void Advance(TimeSpan time) => Interlocked.Add(ref ticks, time.Ticks);

        public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref ticks), TimeSpan.Zero);
    }

    /// <summary>Holds its writers until it is opened, and remembers what they wrote.</summary>
    private sealed class GatedStream : MemoryStream
    {
        private readonly object gate = new();
        private bool isOpen;
        private bool isEntered;

        public string[] Lines => LogWriterTests.Lines(this);

        public void Open() => Change(() => isOpen = true);

        public void Shut() => Change(() => isOpen = isEntered = false);

        public void WaitForWriter() => WaitUntil(() => isEntered);

        public void WaitFor(string text) => WaitUntil(() => ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(text)) >= 0);

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            lock (gate)
            {
                isEntered = true;
                Monitor.PulseAll(gate);
                while (!isOpen)
                    Monitor.Wait(gate);
                base.Write(buffer);
                Monitor.PulseAll(gate);
            }
        }

        private void Change(Action change)
        {
            lock (gate)
            {
                change();
                Monitor.PulseAll(gate);
            }
        }

        private void WaitUntil(Func<bool> isTrue)
        {
            lock (gate)
            {
                while (!isTrue())
                    Assert.True(Monitor.Wait(gate, TimeSpan.FromSeconds(30)), "nothing was written");
            }
        }
    }
}
