using System.CommandLine;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary><c>fairlead top</c>: what a running instance does, live.</summary>
internal static class TopCommand
{
    private const string Notes = """
        UP and DOWN are rates: from clients to upstreams, and from upstreams to clients. Refreshed each second; where standard output
        is no terminal, one page after a second.

        Keys:
          q, Ctrl-C                quit
          Left, Right              sort connections by rate, bytes, age or client
          Up, Down, PgUp, PgDn     scroll through them; Home goes back to the first

        Examples:
          fairlead top
          fairlead top | head -20
          fairlead top --json
        """ + AdminCommand.Places;

    private static readonly TimeSpan interval = TimeSpan.FromSeconds(1);

    public static Command Create() => AdminCommand.With(new NotedCommand("top", "Shows what a running instance does, live: rates, from whom, to where.", Notes) { AdminCommand.Json }, RunAsync);

    private static async Task<int> RunAsync(ParseResult parsed, AdminClient client)
    {
        var output = parsed.InvocationConfiguration.Output;
        var (isJson, screen) = (parsed.GetValue(AdminCommand.Json), Screen.Of(output));
        if (!isJson && screen is { Width: not null })
        {
            await RunLiveAsync(client).ConfigureAwait(false);
            return CommandLine.Done;
        }
        var before = await TopSample.TakeAsync(client).ConfigureAwait(false);
        await Task.Delay(interval).ConfigureAwait(false);
        var figures = TopFigures.Between(before, await TopSample.TakeAsync(client).ConfigureAwait(false));
        if (isJson)
        {
            AdminCommand.Print(output, json => Write(json, figures));
            return CommandLine.Done;
        }
        foreach (var line in TopPage.Lines(figures, default, screen, height: null))
            output.WriteLine(line);
        return CommandLine.Done;
    }

    private static async Task RunLiveAsync(AdminClient client)
    {
        using var terminal = new TopScreen();
        try
        {
            TopSample? before = null;
            var view = new TopView();
            while (true)
            {
                var sample = await TopSample.TakeAsync(client).WaitAsync(terminal.Ended).ConfigureAwait(false);
                var figures = TopFigures.Between(before, sample);
                // At the first there is nothing to compare with, so rates come with the second.
                var timeOver = Task.Delay(before is null ? interval / 4 : interval, terminal.Ended);
                before = sample;
                do
                {
                    terminal.Draw(TopPage.Lines(figures, view, Screen.Of(Console.Out), TopScreen.Height));
                    if (await terminal.WaitForKeyAsync(timeOver).ConfigureAwait(false) is not { } key)
                        continue;
                    // Not Escape, with which the arrows begin: where a sequence comes in two parts, an arrow would quit.
                    if (key.Key == ConsoleKey.Q)
                        return;
                    view = Pressed(view, key.Key, figures.Connections.Count);
                }
                while (!timeOver.IsCompleted);
            }
        }
        catch (OperationCanceledException) when (terminal.Ended.IsCancellationRequested)
        {
            // Ctrl-C ends it as q does.
        }
    }

    private static TopView Pressed(TopView view, ConsoleKey key, int count) => key switch
    {
        ConsoleKey.RightArrow => view.Turned(1),
        ConsoleKey.LeftArrow => view.Turned(-1),
        ConsoleKey.DownArrow => view.Scrolled(1, count),
        ConsoleKey.UpArrow => view.Scrolled(-1, count),
        ConsoleKey.PageDown => view.Scrolled(10, count),
        ConsoleKey.PageUp => view.Scrolled(-10, count),
        ConsoleKey.Home => view with { Skipped = 0 },
        _ => view,
    };

    private static void Write(Utf8JsonWriter json, TopFigures figures)
    {
        json.WriteStartObject();
        json.WriteString("name", figures.Sample.Status.Name);
        json.WriteString("time", figures.Sample.Time.UtcDateTime);
        json.WriteNumber("connections_now", figures.Sample.Status.Connections);
        WriteRates(json, figures.Rates);
        json.WriteStartArray("forwards");
        foreach (var (forward, rates, accepted) in figures.Forwards)
        {
            json.WriteStartObject();
            json.WriteString("name", forward.Name);
            json.WriteNumber("connections", forward.Connections);
            json.WriteNumber("accepted_per_second", Math.Round(accepted, 1));
            WriteRates(json, rates);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("connections");
        foreach (var (connection, rates) in figures.Connections)
        {
            json.WriteStartObject();
            json.WriteNumber("id", connection.Id);
            json.WriteString("forward", connection.Forward);
            json.WriteString("client", connection.Client);
            json.WriteString("upstream", connection.Upstream);
            WriteRates(json, rates);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteRates(Utf8JsonWriter json, Rates rates)
    {
        json.WriteNumber("bytes_per_second_from_clients", Math.Round(rates.Up));
        json.WriteNumber("bytes_per_second_from_upstreams", Math.Round(rates.Down));
    }
}
