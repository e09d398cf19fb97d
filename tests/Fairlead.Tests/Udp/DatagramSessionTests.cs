using System.Net;
using Fairlead.Net;

namespace Fairlead.Tests;

public sealed class DatagramSessionTests
{
    private const string Alice = "198.51.100.1:1000", Bob = "198.51.100.2:1000";

    private static readonly TimeSpan second = TimeSpan.FromSeconds(1), minute = TimeSpan.FromMinutes(1);

    [Fact]
    public void Datagrams_go_to_the_upstream_and_answers_to_the_client_in_their_order()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "one", "", "three");
        rig.Receive(Alice, "four");
        var flow = Assert.Single(rig.Flows);
        Assert.Equal("192.0.2.53:53", flow.RemoteEndPoint!.ToString());
        Assert.Equal(["one", "", "three", "four"], flow.Sent);
        flow.Answer("a", "b");
        flow.Answer("c");
        Assert.Equal([(Alice, "a"), (Alice, "b"), (Alice, "c")], rig.Answers);
        var status = rig.Forward.Status(false, "native");
        Assert.Equal((1, 1, 12, 3), (status.Connections, status.Accepted, status.BytesFromClients, status.BytesFromUpstreams));
    }

    [Fact]
    public void Clients_of_one_batch_are_told_apart()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive([(Alice, "1"), (Bob, "2"), (Alice, "3"), ("198.51.100.1:1001", "4"), (Bob, "5"), (Alice, "6")]);
        Assert.Equal(["1 3 6", "2 5", "4"], rig.Flows.Select(flow => string.Join(' ', flow.Sent)));
        rig.Flows[1].Answer("for Bob");
        Assert.Equal([(Bob, "for Bob")], rig.Answers);
    }

    [Fact]
    public void One_client_that_writes_to_two_addresses_has_two_sessions_and_answers_come_from_each()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive([($"{Alice}@203.0.113.1", "1"), ($"{Alice}@203.0.113.2", "2")]);
        rig.Flows[0].Answer("a");
        rig.Flows[1].Answer("b");
        Assert.Equal([($"{Alice}@203.0.113.1", "a"), ($"{Alice}@203.0.113.2", "b")], rig.Answers);
    }

    [Fact]
    public void Silence_ends_a_session_soon_where_nobody_ever_answered()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "anybody?");
        rig.Advance(minute - second);
        Assert.Equal(1, rig.Forward.SessionCount);
        rig.Advance(second);
        Assert.Equal(0, rig.Forward.SessionCount);
        Assert.Equal(["unanswered"], rig.Ends);
        Assert.True(rig.Flows[0].IsDisposed);
        rig.Receive(Alice, "again");
        Assert.Equal(2, rig.Flows.Count);
    }

    [Fact]
    public void Silence_ends_a_session_late_that_was_answered_and_either_direction_keeps_it()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "hello");
        rig.Flows[0].Answer("hello");
        for (var i = 0; i < 5; i++)
        {
            rig.Advance(5 * minute - second);
            rig.Flows[0].Answer("only the upstream talks");
        }
        for (var i = 0; i < 5; i++)
        {
            rig.Advance(5 * minute - second);
            rig.Receive(Alice, "only the client talks");
        }
        rig.Advance(5 * minute - second);
        Assert.Equal(1, rig.Forward.SessionCount);
        rig.Advance(second);
        Assert.Equal(["idle"], rig.Ends);
    }

    [Fact]
    public void A_session_that_only_sends_is_kept_by_that()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        for (var i = 0; i < 10; i++)
        {
            rig.Receive(Alice, "log line");
            rig.Advance(minute - second);
        }
        Assert.Single(rig.Flows);
    }

    [Fact]
    public void Times_of_silence_are_those_that_are_written()
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Timeouts = new ForwardTimeouts { Idle = 10 * second, Unanswered = 20 * second } });
        rig.Receive([(Alice, "1"), (Bob, "2")]);
        rig.Flows[0].Answer("yes");
        rig.Advance(10 * second);
        Assert.Equal(["idle"], rig.Ends);
        rig.Advance(10 * second);
        Assert.Equal(["idle", "unanswered"], rig.Ends);
    }

    [Fact]
    public void Off_is_no_end_at_all()
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Timeouts = new ForwardTimeouts { Idle = Timeout.InfiniteTimeSpan } });
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("yes");
        rig.Advance(TimeSpan.FromDays(30));
        Assert.Equal(1, rig.Forward.SessionCount);
    }

    [Fact]
    public void One_answer_is_not_the_end()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("a");
        rig.Flows[0].Answer("b");
        Assert.Equal(1, rig.Forward.SessionCount);
        Assert.Equal(2, rig.Answers.Count);
    }

    [Fact]
    public void So_many_responses_end_it_where_they_are_limited()
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Responses = 2 });
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("a");
        Assert.Equal(1, rig.Forward.SessionCount);
        rig.Flows[0].Answer("b", "c");
        Assert.Equal(["a", "b"], rig.Answers.Select(answer => answer.Text));
        Assert.Equal(["answered"], rig.Ends);
    }

    [Fact]
    public void Who_asks_twice_from_one_port_gets_both_answers()
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Responses = 1 });
        rig.Receive(Alice, "A?", "AAAA?");
        rig.Flows[0].Answer("A");
        rig.Flows[0].Answer("AAAA");
        Assert.Equal(["A", "AAAA"], rig.Answers.Select(answer => answer.Text));
        Assert.Equal(["answered"], rig.Ends);
    }

    [Fact]
    public async Task What_comes_while_a_name_is_looked_up_waits_in_its_order_and_is_bounded()
    {
        var answering = new ManualResetEventSlim();
        using var rig = new DatagramRig(DatagramRig.Config("dns.example:53"), lookUps: new LookUps(_ =>
        {
            answering.Wait();
            return [IPAddress.Parse("192.0.2.7")];
        }));
        rig.Receive(Alice, [.. Enumerable.Range(0, 20).Select(i => $"{i}")]);
        Assert.Empty(rig.Flows);
        Assert.Equal(4, rig.Dropped["waiting"]);
        answering.Set();
        await rig.UntilAsync(() => rig.Flows.Count == 1);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => $"{i}"), rig.Flows[0].Sent);
        Assert.Equal("192.0.2.7:53", rig.Flows[0].RemoteEndPoint!.ToString());
    }

    [Fact]
    public async Task A_session_follows_the_address_of_its_name_twice()
    {
        var address = "192.0.2.1";
        using var rig = new DatagramRig(DatagramRig.Config("game.example:53"), lookUps: new LookUps(_ => [IPAddress.Parse(address)]));
        rig.Receive(Alice, "1");
        await rig.UntilAsync(() => rig.Flows.Count == 1);
        rig.Flows[0].Answer("a");
        for (var change = 1; change <= 2; change++)
        {
            address = $"192.0.2.{change + 1}";
            rig.Advance(30 * second);
            await rig.UntilAsync(() => rig.Log.Count(entry => entry.Event == "name_resolved") == change);
            rig.Receive(Alice, $"after {change}");
            await rig.UntilAsync(() => rig.Flows.Count == change + 1);
            Assert.Equal($"{address}:53", rig.Flows[change].RemoteEndPoint!.ToString());
            Assert.Equal([$"after {change}"], rig.Flows[change].Sent);
            Assert.True(rig.Flows[change - 1].IsDisposed);
            rig.Flows[change].Answer("b");
        }
        Assert.Equal(1, rig.Forward.SessionCount);
        Assert.Equal(3, rig.Answers.Count);
    }

    [Fact]
    public void A_refusal_moves_the_session_to_another_upstream()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Balance = BalanceKind.First });
        rig.Receive(Alice, "1");
        rig.Flows[0].Fail(DatagramError.Refused);
        rig.Receive(Alice, "2");
        Assert.Equal(["192.0.2.1:53", "192.0.2.2:53"], rig.Flows.Select(flow => flow.RemoteEndPoint!.ToString()));
        Assert.Equal(["2"], rig.Flows[1].Sent);
        rig.Flows[1].Answer("from the second");
        Assert.Equal([(Alice, "from the second")], rig.Answers);
        Assert.Equal(1, rig.Forward.SessionCount);
    }

    [Fact]
    public void A_refusal_where_there_is_nobody_else_leaves_the_session_and_it_recovers()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        for (var i = 0; i < 10; i++)
            rig.Flows[0].Fail(DatagramError.Refused);
        rig.Receive(Alice, "2");
        rig.Flows[0].Answer("there again");
        Assert.Single(rig.Flows);
        Assert.Equal([(Alice, "there again")], rig.Answers);
        Assert.True(Assert.Single(rig.Forward.Status(false, "native").Upstreams).IsUp);
    }

    [Fact]
    public void Three_refusals_take_an_upstream_out_and_an_answer_brings_it_back()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Balance = BalanceKind.First });
        for (var client = 0; client < 3; client++)
        {
            rig.Receive($"198.51.100.{client}:1", "1");
            rig.Flows[^1].Fail(DatagramError.Refused);
            rig.Receive($"198.51.100.{client}:1", "2");
        }
        rig.Receive(Bob, "3");
        Assert.Equal("192.0.2.2:53", rig.Flows[^1].RemoteEndPoint!.ToString());
        rig.Advance(10 * second);
        rig.Receive("198.51.100.9:1", "the one that tries");
        Assert.Equal("192.0.2.1:53", rig.Flows[^1].RemoteEndPoint!.ToString());
        var trying = rig.Flows[^1];
        rig.Receive("198.51.100.8:1", "nobody else meanwhile");
        Assert.Equal("192.0.2.2:53", rig.Flows[^1].RemoteEndPoint!.ToString());
        trying.Answer("yes");
        rig.Receive("198.51.100.10:1", "the next");
        Assert.Equal("192.0.2.1:53", rig.Flows[^1].RemoteEndPoint!.ToString());
    }

    [Fact]
    public void A_flow_that_cannot_be_opened_is_opened_elsewhere()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Balance = BalanceKind.First });
        rig.Opening = target => target.ToString() == "192.0.2.1:53" ? DialOutcome.Unreachable : DialOutcome.Connected;
        rig.Receive(Alice, "1");
        Assert.Equal(["1"], Assert.Single(rig.Flows).Sent);
    }

    [Fact]
    public void A_session_for_whom_no_upstream_can_be_had_ends_and_gives_everything_back()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Opening = _ => DialOutcome.Unreachable;
        rig.Receive(Alice, "1", "2");
        Assert.Equal(["unreachable"], rig.Ends);
        Assert.Equal(2, rig.Dropped["no_upstream"]);
        Assert.Equal((0, 1), (rig.Forward.SessionCount, rig.Forward.Status(false, "native").Failed));
        Assert.Equal(0, rig.Time.ArmedTimers);
    }

    [Fact]
    public void A_client_that_comes_back_from_another_port_has_the_same_upstream_where_that_is_asked_for()
    {
        var config = DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53", "192.0.2.3:53") with { Affinity = AffinityKind.Source };
        using var rig = new DatagramRig(config);
        rig.Receive(Bob, "1");
        rig.Receive(Alice, "1");
        for (var port = 1; port < 8; port++)
        {
            rig.Receive($"198.51.100.1:{port}", "rebound");
            Assert.Equal(rig.Flows[1].RemoteEndPoint, rig.Flows[^1].RemoteEndPoint);
        }
        rig.Advance(minute);
        Assert.Equal(0, rig.Forward.SessionCount);
        Assert.Null(rig.Forward.Affinities!.Find(DatagramRig.Peer(Alice).Remote, 0));
    }

    [Theory, InlineData(AffinityKind.Off, AffinityKind.Source), InlineData(AffinityKind.Source, AffinityKind.Off)]
    public void A_reload_that_turns_affinity_on_or_off_leaves_the_sessions_that_there_are(AffinityKind before, AffinityKind after)
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Affinity = before });
        rig.Receive(Alice, "1");
        rig.Adopt(DatagramRig.Config() with { Affinity = after });
        rig.Receive(Bob, "1");
        rig.Advance(minute);
        Assert.Equal(["unanswered", "unanswered"], rig.Ends);
        Assert.Equal((0, 0), (rig.Forward.SessionCount, rig.Forward.Plan.Upstreams.Sum(upstream => upstream.Active)));
    }

    [Fact]
    public void An_affinity_to_one_that_is_down_leads_elsewhere()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Affinity = AffinityKind.Source, Balance = BalanceKind.First });
        rig.Receive(Alice, "1");
        TakeDown(rig);
        rig.Receive("198.51.100.1:7", "2");
        Assert.Equal("192.0.2.2:53", rig.Flows[^1].RemoteEndPoint!.ToString());
    }

    [Fact]
    public void A_reload_gives_new_sessions_the_new_rules_and_leaves_the_old()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Adopt(DatagramRig.Config("192.0.2.99:53"));
        rig.Receive([(Alice, "2"), (Bob, "3")]);
        Assert.Equal(["192.0.2.53:53", "192.0.2.99:53"], rig.Flows.Select(flow => flow.RemoteEndPoint!.ToString()));
        Assert.Equal(["1", "2"], rig.Flows[0].Sent);
    }

    [Fact]
    public void A_stop_waits_for_answers_that_are_under_way_and_no_longer()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("a");
        rig.Run(Listen(rig).Unbind);
        rig.Run(rig.Forward.Quieten);
        rig.Receive(Bob, "too late");
        Assert.Equal(1, rig.Dropped["not_listening"]);
        rig.Advance(second / 2);
        rig.Receive(Alice, "2");
        rig.Advance(second / 2);
        rig.Flows[0].Answer("b");
        Assert.Equal(2, rig.Answers.Count);
        Assert.False(rig.IsClosed);
        rig.Advance(second);
        Assert.Equal(0, rig.Forward.SessionCount);
        Assert.True(rig.IsClosed);
    }

    [Fact]
    public void A_listen_that_is_given_up_keeps_its_socket_until_its_last_session_ends_and_can_be_had_again()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("a");
        rig.Run(Listen(rig).Unbind);
        rig.Flows[0].Answer("b");
        Assert.Equal(2, rig.Answers.Count);
        Assert.True(Listen(rig).TryKeep());
        rig.Receive(Bob, "welcome");
        Assert.Equal(["welcome"], rig.Flows[1].Sent);
        rig.Run(Listen(rig).Unbind);
        rig.Advance(5 * minute);
        Assert.True(rig.IsClosed);
        Assert.False(Listen(rig).TryKeep());
    }

    [Fact]
    public void A_session_that_is_closed_is_over_at_once()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Run(() => rig.Forward.Close(static _ => true));
        Assert.Equal(["stopped"], rig.Ends);
        Assert.True(rig.Flows[0].IsDisposed);
        Assert.Equal(0, rig.Forward.SessionCount);
    }

    [Fact]
    public void One_that_is_closed_while_it_opens_gives_that_up()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Hold = new TaskCompletionSource();
        rig.Receive(Alice, "1");
        rig.Run(() => rig.Forward.Close(static _ => true));
        Assert.Equal(["stopped"], rig.Ends);
        Assert.Empty(rig.Flows);
        Assert.Equal(1, rig.Dropped["no_upstream"]);
    }

    [Fact]
    public void A_flow_whose_carrier_is_gone_ends_the_session()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Flows[0].Fail(DatagramError.Closed);
        Assert.Equal(["lost"], rig.Ends);
        rig.Receive(Alice, "2");
        Assert.Equal(2, rig.Flows.Count);
    }

    [Fact]
    public void An_upstream_that_was_refused_is_up_again_as_soon_as_it_answers_whoever_it_is()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("yes");
        for (var i = 0; i < 3; i++)
            rig.Flows[0].Fail(DatagramError.Refused);
        Assert.False(Up(rig));
        rig.Flows[0].Answer("back again");
        Assert.True(Up(rig));
        // Refusals with an answer between them are none in a row.
        for (var i = 0; i < 5; i++)
        {
            rig.Flows[0].Fail(DatagramError.Refused);
            rig.Flows[0].Answer("yes");
        }
        Assert.True(Up(rig));

        static bool Up(DatagramRig rig) => Assert.Single(rig.Forward.Status(false, "native").Upstreams).IsUp;
    }

    [Fact]
    public void A_trial_ends_with_the_session_that_tries()
    {
        using var rig = new DatagramRig(DatagramRig.Config("192.0.2.1:53", "192.0.2.2:53") with { Balance = BalanceKind.First });
        TakeDown(rig);
        rig.Advance(10 * second);
        rig.Receive(Bob, "tries");
        Assert.Equal("192.0.2.1:53", rig.Flows[^1].RemoteEndPoint!.ToString());
        rig.Receive("198.51.100.3:1", "does not");
        Assert.Equal("192.0.2.2:53", rig.Flows[^1].RemoteEndPoint!.ToString());
        rig.Run(() => rig.Forward.Close(session => session.Source == DatagramRig.Peer(Bob).Remote));
        rig.Receive("198.51.100.4:1", "tries");
        Assert.Equal("192.0.2.1:53", rig.Flows[^1].RemoteEndPoint!.ToString());
    }

    [Fact]
    public async Task A_session_that_is_evicted_while_it_waits_for_a_name_is_over_at_once()
    {
        var answering = new ManualResetEventSlim();
        using var rig = new DatagramRig(DatagramRig.Config("dns.example:53") with { Limits = new ForwardLimits { Connections = 2 } }, lookUps: new LookUps(_ =>
        {
            answering.Wait();
            return [IPAddress.Parse("192.0.2.7")];
        }));
        for (var client = 0; client < 50; client++)
        {
            rig.Receive($"198.51.100.{client}:1", "anybody?");
            await rig.UntilAsync(() => rig.Forward.SessionCount <= 2);
        }
        Assert.Equal(48, rig.Dropped["no_upstream"]);
        Assert.Equal(48, rig.Ends.Count(end => end == "evicted"));
        answering.Set();
        await rig.UntilAsync(() => rig.Flows.Count == 2);
    }

    [Fact]
    public void Answers_that_nobody_is_owed_are_counted()
    {
        using var rig = new DatagramRig(DatagramRig.Config() with { Responses = 1 });
        rig.Receive(Alice, "1");
        rig.Flows[0].Answer("a", "b", "c");
        Assert.Equal(["a"], rig.Answers.Select(answer => answer.Text));
        Assert.Equal(2, rig.Dropped["unwanted"]);
    }

    [Fact]
    public void A_reload_that_closes_also_closes_what_begins_meanwhile()
    {
        var config = DatagramRig.Config() with { OnChange = OnChange.Close };
        using var rig = new DatagramRig(config);
        rig.AdoptOnly(config with { Responses = 7 });
        rig.Receive(Alice, "of the old binding");
        Assert.Equal(["stopped"], rig.Ends);
        Assert.Empty(rig.Flows);
    }

    [Fact]
    public void The_log_line_and_the_row_tell_of_datagrams()
    {
        using var rig = new DatagramRig(DatagramRig.Config());
        rig.Receive(Alice, "1", "22");
        rig.Flows[0].Answer("333");
        rig.Flows[0].Outcome = count => new DatagramsSent(0, 0, TooLong: count);
        rig.Receive(Alice, "longer than the way can carry");
        var row = Assert.Single(rig.Forward.Sessions()).Status(DateTimeOffset.UtcNow);
        Assert.Equal(("udp", Alice, "0.0.0.0:53/udp", "192.0.2.53:53", 2, 1, 3, 3), (row.Protocol, row.Client, row.Listen, row.Upstream, row.DatagramsFromClient, row.DatagramsFromUpstream, row.BytesFromClient, row.BytesFromUpstream));
        rig.Advance(5 * minute);
        var fields = Assert.Single(rig.Log.OfType<SessionEnded>()).Fields.ToDictionary();
        Assert.Equal((2L, 1L, 1L, "idle"), (fields["datagrams_from_client"], fields["datagrams_from_upstream"], fields["dropped"], fields["end"]));
    }

    // Three clients are refused by the first upstream.
    private static void TakeDown(DatagramRig rig)
    {
        for (var client = 1; client <= 3; client++)
        {
            rig.Receive($"203.0.113.{client}:1", "1");
            rig.Flows[^1].Fail(DatagramError.Refused);
        }
    }

    private static DatagramListen Listen(DatagramRig rig) => rig.Listen;
}
