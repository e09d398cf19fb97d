namespace Fairlead.Tests.Cli;

/// <summary>What people see in a real terminal.</summary>
public class TerminalTests
{
    private const int Patience = 120_000;

    [Fact(Timeout = Patience)]
    public async Task Status_and_connections_fit_the_terminal()
    {
        await using var rig = await AdminRig.StartAsync();
        await using var terminal = await Terminal.StartAsync(100, 24);
        await terminal.TypeAsync($"clear; {Terminal.Program} status --admin {rig.Address}; {Terminal.Program} connections --admin {rig.Address}; echo over");

        Assert.Equal(
            """
            main: fairlead 0.1.0, process 4711, up 2d 4h
              configuration  /etc/fairlead/fairlead.yaml
              last reload    3m ago, done
              connections    15 of at most 9,900

            FORWARD          LISTEN           TO               OPEN  ACCEPTED  REFUSED  FAILED       UP     DOWN
            web              0.0.0.0:8080 +1  2 upstreams        12   120,417       20       2  1.23 MB  98.8 GB
                                                10.0.0.5:80      12   120,000                0
                                              ! 10.0.0.6:80,…     0       395               22
            ssh              0.0.0.0:2222     10.0.0.7:22         3        41        0       0  52.0 kB    880 B
            unix:/run/app.…  draining         127.0.0.1:9000      0         0        0       0      0 B      0 B
                    ID  FORWARD  CLIENT                LISTEN        UPSTREAM        AGE       UP     DOWN
                    17  web      192.0.2.7:51234       0.0.0.0:8080  10.0.0.5:80  1m 15s    512 B  20.5 MB
                    18  web      [2001:db8::77]:40100  [::]:8080     dialling         1s      0 B      0 B
            4000000019  ssh      unix                  0.0.0.0:2222  10.0.0.7:22      3d  52.0 kB    880 B
            over
            """, Above(await terminal.WaitForAsync("\nover"), "\n$"));
        Assert.Contains("\e[31m! 10.0.0.6:80,…\e[39m", await terminal.ReadColouredAsync());
    }

    [Fact(Timeout = Patience)]
    public async Task Top_draws_a_page_takes_keys_follows_the_size_and_gives_the_terminal_back()
    {
        await using var rig = await AdminRig.StartAsync();
        await using var terminal = await Terminal.StartAsync(100, 18);
        await terminal.TypeAsync($"{Terminal.Program} top --admin {rig.Address}; echo status $?");

        Assert.Equal(
            """
            main   up 2d 4h   15 connections of at most 9,900   ↑ 0 B/s   ↓ 0 B/s

            FORWARD             TO                          OPEN   NEW/s  FAILED         UP       DOWN
            web                 2 upstreams, 1 down           12       -       2          -          -
            ssh                 10.0.0.7:22                    3       -       0          -          -
            unix:/run/app.sock  127.0.0.1:9000, draining       0       -       0          -          -

                    ID  FORWARD  FROM                   TO                         AGE         UP       DOWN
                    17  web      192.0.2.7:51234        10.0.0.5:80             1m 15s          -          -
                    18  web      [2001:db8::77]:40100   dialling                    1s          -          -
            4000000019  ssh      unix                   10.0.0.7:22                 3d          -          -






            q quit   ←→ sort by rate   ↑↓ scroll
            """, Above(await terminal.WaitForAsync("q quit"), "\n\0"));
        Assert.True(await terminal.IsAlternateAsync());
        Assert.False(await terminal.HasCursorAsync());

        await terminal.PressAsync("Right");
        await terminal.WaitForAsync("sort by bytes");
        await terminal.PressAsync("Down");
        await terminal.WaitForAsync(screen => !screen.Contains("192.0.2.7") && screen.Contains("2001:db8"));
        await terminal.ResizeAsync(60, 9);
        var small = await terminal.WaitForAsync(screen => screen.Contains("q quit") && screen.TrimEnd('\n').Split('\n').Length == 9);
        Assert.All(small.Split('\n'), line => Assert.True(line.Length <= 60, line));

        await terminal.PressAsync("q");
        await terminal.WaitForAsync("status 0");
        Assert.False(await terminal.IsAlternateAsync());
        Assert.True(await terminal.HasCursorAsync());
    }

    [Fact(Timeout = Patience)]
    public async Task Ctrl_c_ends_top_and_gives_the_terminal_back()
    {
        await using var rig = await AdminRig.StartAsync();
        await using var terminal = await Terminal.StartAsync(80, 24);
        await terminal.TypeAsync($"{Terminal.Program} top --admin {rig.Address}; echo status $?");
        await terminal.WaitForAsync("q quit");

        await terminal.PressAsync("C-c");

        // A shell may give up its own list of commands when it sees the key.
        await terminal.WaitForAsync(screen => !screen.Contains("q quit"));
        Assert.False(await terminal.IsAlternateAsync());
        Assert.True(await terminal.HasCursorAsync());
    }

    [Fact(Timeout = Patience)]
    public async Task An_instance_that_ends_under_top_is_an_error_on_the_terminal_as_it_was()
    {
        var rig = await AdminRig.StartAsync();
        await using var terminal = await Terminal.StartAsync(80, 24);
        await terminal.TypeAsync($"{Terminal.Program} top --admin {rig.Address}; echo status $?");
        await terminal.WaitForAsync("q quit");

        await rig.DisposeAsync();

        Assert.Contains("error: the instance at unix:", await terminal.WaitForAsync("status 1"));
        Assert.False(await terminal.IsAlternateAsync());
        Assert.True(await terminal.HasCursorAsync());
    }

    private static string Above(string screen, string end)
    {
        var at = screen.IndexOf(end, StringComparison.Ordinal);
        return (at < 0 ? screen : screen[..at]).TrimEnd('\n');
    }
}
