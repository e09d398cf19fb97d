using System.Text;
using Fairlead.Net;

namespace Fairlead.Tests;

/// <summary>A command as a connection, by commands that every Unix has.</summary>
public sealed class CommandConnectionTests
{
    private readonly List<string> said = [];
    private readonly TaskCompletionSource<int> ended = new();

    [Fact(Timeout = 30000)]
    public async Task What_is_written_is_its_input_and_its_output_what_is_read()
    {
        using var connection = Start("cat");
        var bytes = Traffic.RandomBytes(1 << 20, seed: 1);

        await Task.WhenAll(Traffic.SendAsync(connection, bytes), Traffic.ExpectToEndAsync(connection, bytes));

        Assert.Equal((null, null, 0), (connection.LocalEndPoint, connection.RemoteEndPoint, said.Count));
    }

    [Fact(Timeout = 30000)]
    public async Task An_abort_ends_what_is_outstanding_and_the_command()
    {
        var connection = Start("sh -c 'echo $$; exec sleep 1000'");
        var pid = await LineAsync(connection);
        var reading = connection.ReadAsync(new byte[1]).AsTask();

        connection.Abort();
        connection.Dispose();

        Assert.Equal(ConnectionError.Aborted, (await Assert.ThrowsAsync<ConnectionException>(() => reading)).Error);
        await Traffic.UntilAsync(() => !Directory.Exists($"/proc/{pid}"));
        Assert.False(ended.Task.IsCompleted);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_ends_by_itself_ends_the_connection_and_its_status_is_told()
    {
        using var connection = Start("sh -c 'exit 3'");

        Assert.Equal(0, await connection.ReadAsync(new byte[1]));
        Assert.Equal(3, await ended.Task);
        // The pipe may have taken some bytes before it was broken.
        await Traffic.UntilAsync(() => connection.WriteAsync(new byte[1 << 17]).AsTask().IsFaulted);
    }

    [Fact(Timeout = 30000)]
    public async Task What_it_says_on_standard_error_is_bounded()
    {
        using var connection = Start("sh -c 'head -c 100000 /dev/zero | tr \"\\\\0\" x >&2; echo >&2; i=0; while [ $i -lt 200 ]; do echo $i >&2; i=$((i+1)); done; exit 9'");

        Assert.Equal(9, await ended.Task);
        Assert.Equal(100, said.Count);
        Assert.Equal(new string('x', 256), said[0]);
        Assert.Equal("98", said[^1]);
    }

    private CommandConnection Start(string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "needs commands of Unix");
        return (CommandConnection)CommandConnection.Start(command, null, said.Add, ended.SetResult).Connection!;
    }

    private static async Task<string> LineAsync(Connection connection)
    {
        var (line, one) = (new StringBuilder(), new byte[1]);
        while (await connection.ReadAsync(one) > 0 && one[0] != '\n')
            line.Append((char)one[0]);
        return line.ToString();
    }
}
