using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class TopTests
{
    private static readonly Screen wide = new(null, false);

    [Fact]
    public void Rates_are_what_changed_between_two_samples()
    {
        var figures = TwoSamples();

        Assert.Equal(
            """
            main   up 2d 4h   15 connections of at most 9,900   ↑ 1.50 MB/s   ↓ 10.0 kB/s

            FORWARD             TO                          OPEN   NEW/s  FAILED         UP       DOWN
            ssh                 10.0.0.7:22                    3       -       0  1.50 MB/s          -
            web                 2 upstreams, 1 down           12     5.0       2          -  10.0 kB/s
            unix:/run/app.sock  127.0.0.1:9000, draining       0       -       0          -          -

                    ID  FORWARD  FROM                   TO                         AGE    BYTES         UP       DOWN
            4000000019  ssh      unix                   10.0.0.7:22                 3d  3.05 MB  1.50 MB/s          -
                    17  web      192.0.2.7:51234        10.0.0.5:80             1m 17s  20.5 MB          -  10.0 kB/s
                    18  web      [2001:db8::77]:40100   dialling                    3s      0 B          -          -
            """, string.Join('\n', TopPage.Lines(figures, default, wide, null)));
    }

    [Theory]
    [InlineData(0, "4000000019 17 18")]
    [InlineData(1, "17 4000000019 18")]
    [InlineData(2, "4000000019 17 18")]
    [InlineData(3, "17 18 4000000019")]
    public void Connections_are_sorted_as_asked(int order, string expected)
    {
        var lines = TopPage.Lines(TwoSamples(), new TopView((TopOrder)order, 0), wide, null);

        Assert.Equal(expected, string.Join(' ', lines.TakeLast(3).Select(line => line.TrimStart().Split(' ')[0])));
    }

    [Fact]
    public void Without_an_earlier_sample_nothing_moves()
    {
        Assert.Equal(0, TopFigures.Between(null, TwoSamples().Sample).Rates.Sum);
    }

    [Fact]
    public void A_counter_that_went_back_is_another_process()
    {
        var (before, now) = (TwoSamples().Sample, new TopSample(FakeInstance.Now + TimeSpan.FromSeconds(4), new FakeInstance().State, []));

        Assert.Equal(0, TopFigures.Between(before, now).Rates.Sum);
    }

    [Fact]
    public void A_page_fills_the_terminal_and_says_what_is_left_out()
    {
        var state = new FakeInstance().State with
        {
            Forwards = [.. Enumerable.Range(0, 10_000).Select(i => new ForwardStatus { Name = $"f{i}", Listen = [":1"], To = "h:1", Engine = "native" })],
        };
        var connections = Enumerable.Range(1, 5000).Select(i => new ConnectionStatus { Id = i, Forward = "f0", Client = $"10.0.0.1:{i}", Listen = ":1", Since = FakeInstance.Now });
        var figures = TopFigures.Between(null, new TopSample(FakeInstance.Now, state, [.. connections]));

        foreach (var height in new[] { 5, 10, 24, 60 })
        {
            foreach (var width in new[] { 20, 60, 100 })
            {
                var lines = TopPage.Lines(figures, new TopView(TopOrder.Age, 7), new Screen(width, false), height);
                Assert.Equal(height, lines.Count);
                if (width >= 60)
                    Assert.All(lines, line => Assert.True(TextWidth.Of(line) <= width, line));
            }
        }
        var page = string.Join('\n', TopPage.Lines(figures, new TopView(TopOrder.Age, 7), new Screen(100, false), 24));
        Assert.Matches(@"9,99\d more forwards\n", page);
        Assert.Matches(@"4,98\d more connections, 7 above\n", page);
        Assert.EndsWith("\nq quit   ←→ sort by age   ↑↓ scroll", page);
    }

    [Fact]
    public void Scrolling_ends_at_both_ends_and_another_order_begins_at_the_top()
    {
        var view = new TopView(TopOrder.Rate, 0);

        Assert.Equal(0, view.Scrolled(-1, 5).Skipped);
        Assert.Equal(4, view.Scrolled(10, 5).Skipped);
        Assert.Equal(0, view.Scrolled(10, 0).Skipped);
        Assert.Equal(new TopView(TopOrder.Client, 0), view.Scrolled(2, 5).Turned(-1));
        Assert.Equal(TopOrder.Rate, view.Turned(1).Turned(1).Turned(1).Turned(1).Order);
    }

    private static TopFigures TwoSamples()
    {
        var instance = new FakeInstance();
        var before = new TopSample(FakeInstance.Now, instance.State, [.. instance.Open]);
        var forwards = instance.State.Forwards.ToArray();
        forwards[0] = forwards[0] with { BytesFromUpstreams = forwards[0].BytesFromUpstreams + 20_000, Accepted = forwards[0].Accepted + 10 };
        forwards[1] = forwards[1] with { BytesFromClients = forwards[1].BytesFromClients + 3_000_000 };
        var connections = instance.Open.ToArray();
        connections[0] = connections[0] with { BytesFromUpstream = connections[0].BytesFromUpstream + 20_000 };
        connections[2] = connections[2] with { BytesFromClient = connections[2].BytesFromClient + 3_000_000 };
        return TopFigures.Between(before, new TopSample(FakeInstance.Now + TimeSpan.FromSeconds(2), instance.State with { Forwards = forwards }, connections));
    }
}
