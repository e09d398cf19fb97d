using System.Globalization;
using System.Text;
using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

/// <summary>The access log has each ended session once, through rotation and full disks, and holds up nobody.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class AccessLogTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-");
    private readonly List<LogEntry> log = [];
    private readonly string path;

    public AccessLogTests() => path = Path.Combine(folder.FullName, "access.log");

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void A_line_has_eleven_fields_that_awk_can_take_apart()
    {
        using (var access = Open())
            access.Write(new Ended(17));

        var line = Assert.Single(File.ReadAllLines(path));
        var fields = line.Split(' ');
        Assert.Equal(["192.0.2.7:51234", "0.0.0.0:8080", "10.0.0.5:80", "closed", "client", "1.234s", "512", "20480", "web", "17"], fields[1..]);
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$", fields[0]);
        Assert.True(DateTimeOffset.Parse(fields[0], CultureInfo.InvariantCulture) - DateTimeOffset.UtcNow < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void What_is_not_known_is_a_dash_and_a_space_stays_inside_its_field()
    {
        using (var access = Open())
            access.Write(new Ended(1) { Client = "unix", Upstream = null, Listen = "unix:/a b\u001b" });

        Assert.EndsWith(" unix unix:/a\\u0020b\\u001b - closed client 1.234s 512 20480 web 1", Assert.Single(File.ReadAllLines(path)));
    }

    [Fact]
    public void Json_lines_have_the_fields_and_the_time()
    {
        using (var access = Open(LogStyle.Json))
            access.Write(new Ended(17));

        using var line = JsonDocument.Parse(Assert.Single(File.ReadAllLines(path)));
        Assert.Equal(
            ["time", "id", "forward", "client", "listen", "upstream", "end", "by", "duration_ms", "bytes_from_client", "bytes_from_upstream"],
            line.RootElement.EnumerateObject().Select(field => field.Name));
        Assert.Equal(17, line.RootElement.GetProperty("id").GetInt64());
        Assert.EndsWith("Z", line.RootElement.GetProperty("time").GetString());
    }

    [Fact]
    public void Other_entries_are_left_alone()
    {
        using (var access = Open())
        {
            access.Write(new ProgramEntry(LogLevel.Information, "listening", "listening on :80"));
            access.Write(new Ended(1));
        }

        Assert.Single(File.ReadAllLines(path));
    }

    [Fact]
    public void A_file_is_appended_to_and_made_for_owner_and_group()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The mode is set on Linux.");
        using (var access = Open())
            access.Write(new Ended(1));
        using (var access = Open())
            access.Write(new Ended(2));

        Assert.Equal(2, File.ReadAllLines(path).Length);
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(path) & ~(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead));
    }

    [Fact]
    public async Task A_file_that_is_truncated_under_the_writer_has_no_hole()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "O_APPEND is used on Linux.");
        using (var access = Open())
        {
            access.Write(new Ended(1));
            await access.ReopenAsync();
            access.Write(new Ended(2));
            await ReadUntilAsync(path, " 2\n");
            File.WriteAllText(path, "");
            access.Write(new Ended(3));
        }

        Assert.EndsWith(" 3", Assert.Single(File.ReadAllLines(path)));
    }

    [Fact]
    public void A_file_that_cannot_be_opened_ends_the_start_with_the_remedy()
    {
        var refusal = Assert.Throws<StartException>(() => AccessLogWriter.Open(new AccessLogConfig { File = "/nowhere/access.log" }, log.Add));

        Assert.Equal("the access log /nowhere/access.log cannot be opened: No such file or directory; make its folder, let this user write there, or choose another file (access_log: { file: PATH })", refusal.Message);
    }

    [Fact(Timeout = 60000)]
    public async Task Rotation_under_load_loses_no_line_and_has_none_twice()
    {
        const int writers = 4, lines = 5000, rotations = 20;
        using (var access = Open())
        {
            var done = Task.WhenAll(Enumerable.Range(0, writers).Select(writer => Task.Run(() =>
            {
                for (var i = 0; i < lines; i++)
                {
                    access.Write(new Ended((writer * lines) + i));
                    // Not faster than the log takes them: drops have a test of their own.
                    if (i % 500 == 499)
                        access.ReopenAsync().Wait(Cancel);
                }
            })));
            for (var rotation = 0; rotation < rotations; rotation++)
            {
                File.Move(path, $"{path}.{rotation}");
                Assert.True(await access.ReopenAsync());
                Assert.True(File.Exists(path));
            }
            await done;
        }

        var ids = Directory.GetFiles(folder.FullName).SelectMany(File.ReadAllLines).Select(line => long.Parse(line.Split(' ')[^1], CultureInfo.InvariantCulture));
        Assert.Equal(Enumerable.Range(0, writers * lines).Select(id => (long)id), ids.Order());
        Assert.Empty(log);
    }

    [Fact]
    public async Task A_file_that_cannot_be_opened_again_is_a_warning_and_the_old_one_is_kept()
    {
        using (var access = Open())
        {
            access.Write(new Ended(1));
            var moved = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            Directory.Move(folder.FullName, moved);
            try
            {
                Assert.False(await access.ReopenAsync());
                access.Write(new Ended(2));
                await ReadUntilAsync(Path.Combine(moved, "access.log"), " 2\n");
            }
            finally
            {
                Directory.Move(moved, folder.FullName);
            }
        }

        var warning = Assert.Single(log);
        Assert.Equal(("access_log_kept", LogLevel.Warning), (warning.Event, warning.Level));
        Assert.Equal($"the access log {path} cannot be opened again: No such file or directory; the old file is written on", warning.Message);
        Assert.Equal(2, File.ReadAllLines(path).Length);
    }

    [Fact]
    public void A_full_disk_costs_lines_and_their_number_is_told()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full.");
        using (var access = AccessLogWriter.Open(new AccessLogConfig { File = "/dev/full" }, log.Add))
        {
            for (var i = 0; i < 3; i++)
                access.Write(new Ended(i));
        }

        Assert.All(log, entry => Assert.Matches(@"^\d lines? of the access log (was|were) dropped \(/dev/full\): No space left on device$", entry.Message));
        Assert.Equal(3, Dropped());
    }

    [Fact]
    public async Task A_line_that_did_not_fit_whole_is_ended_before_the_next()
    {
        using var disk = new SmallDisk { Room = 250 };
        using (var access = Open(disk))
        {
            for (var i = 0; i < 3; i++)
                access.Write(new Ended(i));
            await access.ReopenAsync();
            await access.ReopenAsync();
            disk.Room = int.MaxValue;
            access.Write(new Ended(99));
        }

        var lines = disk.Text.Split('\n');
        Assert.Equal("", lines[^1]);
        Assert.EndsWith(" web 99", lines[^2]);
        Assert.Equal(4 - Dropped(), lines.Count(line => line.Split(' ').Length == 11));
        Assert.All(lines, line => Assert.True(line.Count(letter => letter == 'T') <= 1, line));
        Assert.NotEqual(0, Dropped());
    }

    [Fact]
    public void An_output_that_takes_nothing_holds_up_nobody_and_costs_lines()
    {
        using var disk = new SmallDisk { Room = int.MaxValue };
        using (var access = Open(disk))
        {
            disk.Shut();
            access.Write(new Ended(0));
            disk.WaitForWriter();
            for (var i = 1; i <= LogQueue.Capacity + 100; i++)
                access.Write(new Ended(i));
            disk.Open();
        }

        Assert.Equal(LogQueue.Capacity + 1, disk.Text.Count(letter => letter == '\n'));
        Assert.Equal("100 lines of the access log were dropped (there): it is not taken fast enough", Assert.Single(log).Message);
    }

    [Fact]
    public async Task Standard_output_stays_when_files_are_opened_again()
    {
        using var disk = new SmallDisk { Room = int.MaxValue };
        var opened = 0;
        using var access = new AccessLogWriter("there", () => { opened++; return disk; }, isReopened: false, new AccessFormat(), log.Add, TimeProvider.System);

        Assert.True(await access.ReopenAsync());
        Assert.Equal(1, opened);
    }

    public void Dispose() => folder.Delete(recursive: true);

    private AccessLogWriter Open(LogStyle style = LogStyle.Text) => AccessLogWriter.Open(new AccessLogConfig { File = path, Format = style }, log.Add);

    // What is opened again is the same, without a memory of a line that was cut: only a new file begins with a whole one.
    private AccessLogWriter Open(SmallDisk disk) => new("there", () => disk, isReopened: false, new AccessFormat(), log.Add, TimeProvider.System);

    private long Dropped() => log.Sum(entry => (long)entry.Fields.Single(field => field.Key == "dropped").Value!);

    private static async Task ReadUntilAsync(string file, string end)
    {
        while (!(await File.ReadAllTextAsync(file, Cancel)).EndsWith(end, StringComparison.Ordinal))
            await Task.Yield();
    }

    /// <summary>The entry of a session, as the library makes it.</summary>
    private sealed class Ended(long id) : LogEntry
    {
        public string Client { get; init; } = "192.0.2.7:51234";

        public string Listen { get; init; } = "0.0.0.0:8080";

        public string? Upstream { get; init; } = "10.0.0.5:80";

        public override LogLevel Level => LogLevel.Information;

        public override string Event => "session";

        public override string Message => "it ended";

        public override IEnumerable<KeyValuePair<string, object?>> Fields =>
        [
            new("id", id), new("forward", "web"), new("client", Client), new("listen", Listen), new("upstream", Upstream), new("end", "closed"), new("by", "client"),
            new("duration_ms", 1234.0), new("bytes_from_client", 512L), new("bytes_from_upstream", 20480L),
        ];
    }

    /// <summary>Takes so many bytes, or none at all while it is shut.</summary>
    private sealed class SmallDisk : IAccessOutput
    {
        private readonly object gate = new();
        private readonly MemoryStream bytes = new();
        private bool isShut, isEntered;

        public int Room { get; set; }

        public string Text { get { lock (gate) return Encoding.UTF8.GetString(bytes.ToArray()); } }

        public void Shut() => Change(() => isShut = true);

        public void Open() => Change(() => isShut = false);

        public void WaitForWriter()
        {
            lock (gate)
            {
                while (!isEntered)
                    Assert.True(Monitor.Wait(gate, TimeSpan.FromSeconds(30)), "nothing was written");
            }
        }

        public int Write(ReadOnlySpan<byte> line, out string? error)
        {
            lock (gate)
            {
                isEntered = true;
                Monitor.PulseAll(gate);
                while (isShut)
                    Monitor.Wait(gate);
                var taken = Math.Min(line.Length, Room);
                Room -= taken;
                bytes.Write(line[..taken]);
                error = taken < line.Length ? "No space left on device" : null;
                return taken;
            }
        }

        public void Dispose()
        {
            // It is read afterwards.
        }

        private void Change(Action change)
        {
            lock (gate)
            {
                change();
                Monitor.PulseAll(gate);
            }
        }
    }
}
