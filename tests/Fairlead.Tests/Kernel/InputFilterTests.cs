using System.Net;
using System.Text;
using System.Text.Json;

namespace Fairlead.Tests.Kernel;

/// <summary>Rules in the words of <c>nft -j list ruleset</c> of nft 1.0.6, most of them recorded.</summary>
public class InputFilterTests
{
    private const string Dport = """{"payload":{"protocol":"tcp","field":"dport"}}""";
    private const string State = """{"ct":{"key":"state"}}""";
    private const string Saddr = """{"payload":{"protocol":"ip","field":"saddr"}}""";
    private const string Accept = """{"accept":null}""";
    private const string Drop = """{"drop":null}""";
    private const string Counter = """{"counter":{"packets":3,"bytes":180}}""";

    private const string Nobody = "the packet filter lets nobody from outside connect to :8080: chain input of table inet filter (hook input, priority 0, policy drop); to let everybody in: nft insert rule inet filter input tcp dport 8080 accept";
    private const string Some = "the packet filter lets only some sources connect to :8080: chain input of table inet filter (hook input, priority 0, policy drop); to let everybody in: nft insert rule inet filter input tcp dport 8080 accept";

    [Fact]
    public void A_chain_that_drops_is_named_with_the_rule_that_lets_in() => Assert.Equal([Nobody], Warnings(Chain("drop", Rule(Match("in", State, """["established","related"]"""), Accept))));

    [Fact]
    public void A_chain_that_accepts_is_not_warned_of() => Assert.Empty(Warnings(Chain("accept", Rule(Match("==", Dport, "22"), Drop))));

    [Theory]
    [InlineData("==", "8080", true)]
    [InlineData("==", "80", false)]
    [InlineData("==", """{"range":[8000,8999]}""", true)]
    [InlineData("==", """{"range":[8081,8999]}""", false)]
    [InlineData("==", """{"set":[22,8080]}""", true)]
    [InlineData("==", """{"set":[22,{"range":[8080,8090]}]}""", true)]
    [InlineData("==", """{"set":[22,{"range":[9000,9090]}]}""", false)]
    [InlineData("==", """{"set":[{"elem":{"val":8080,"timeout":60}}]}""", true)]
    [InlineData("!=", "8080", false)]
    [InlineData("!=", "22", true)]
    [InlineData("!=", """{"set":[22,8080]}""", false)]
    [InlineData("!=", """{"set":[22,80]}""", true)]
    [InlineData("!=", """{"range":[1,1023]}""", true)]
    [InlineData(">=", "1024", true)]
    [InlineData(">", "8080", false)]
    [InlineData("<", "8081", true)]
    [InlineData("<=", "8079", false)]
    [InlineData("==", "\"@ports\"", true)]
    [InlineData("==", "\"@empty\"", false)]
    [InlineData("==", "\"@nowhere\"", true)] // not known, so nothing is claimed
    [InlineData("==", "\"@learned\"", true)] // changes with the packets
    [InlineData("==", "\"http-alt\"", true)] // a name of a service: not decided
    public void A_rule_by_port_accepts_whom_it_matches(string @operator, string value, bool accepted)
    {
        Assert.Equal(accepted ? [] : [Nobody], Warnings(Chain("drop", Rule(Match(@operator, Dport, value), Counter, Accept))));
        if (!value.Contains("@nowhere", StringComparison.Ordinal) && !value.Contains("@learned", StringComparison.Ordinal) && !value.Contains("http", StringComparison.Ordinal))
            Assert.Equal(accepted, Warnings(Chain("accept", Rule(Match(@operator, Dport, value), Drop))).Count == 1);
    }

    [Theory]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", "\"tcp\"", true)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", "6", true)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", """{"set":["icmp","ipv6-icmp"]}""", false)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "!=", "\"tcp\"", false)]
    [InlineData("""{"meta":{"key":"nfproto"}}""", "==", "\"ipv4\"", true)]
    [InlineData("""{"meta":{"key":"nfproto"}}""", "==", "\"ipv6\"", false)]
    [InlineData("""{"meta":{"key":"protocol"}}""", "==", "\"ip\"", true)]
    [InlineData("""{"payload":{"protocol":"ip","field":"protocol"}}""", "==", "\"tcp\"", true)]
    [InlineData("""{"payload":{"protocol":"ip6","field":"nexthdr"}}""", "==", "\"tcp\"", false)]
    [InlineData("""{"payload":{"protocol":"udp","field":"dport"}}""", "==", "8080", false)]
    [InlineData("""{"payload":{"protocol":"udp","field":"dport"}}""", "!=", "53", false)]
    [InlineData("""{"payload":{"protocol":"th","field":"dport"}}""", "==", "8080", true)]
    [InlineData("""{"meta":{"key":"iifname"}}""", "==", "\"lo\"", false)]
    [InlineData("""{"meta":{"key":"iif"}}""", "==", "\"lo\"", false)]
    [InlineData("""{"meta":{"key":"iifname"}}""", "!=", "\"lo\"", true)]
    [InlineData("""{"meta":{"key":"iifname"}}""", "==", "\"eth0\"", true)] // perhaps
    [InlineData("""{"meta":{"key":"mark"}}""", "==", "7", true)] // perhaps
    [InlineData("""{"ct":{"key":"state"}}""", "==", """{"set":["established","new"]}""", true)]
    [InlineData("""{"ct":{"key":"state"}}""", "in", "\"invalid\"", false)]
    [InlineData("""{"ct":{"key":"status"}}""", "in", "\"dnat\"", false)]
    [InlineData("""{"ct":{"key":"direction"}}""", "==", "\"original\"", true)]
    [InlineData("""{"fib":{"result":"type","flags":["daddr"]}}""", "==", "\"local\"", true)]
    [InlineData("""{"fib":{"result":"type","flags":"daddr"}}""", "!=", "\"local\"", false)]
    [InlineData("""{"fib":{"result":"oif","flags":["saddr","iif"]}}""", "==", "false", true)] // perhaps
    [InlineData("""{"payload":{"protocol":"tcp","field":"flags"}}""", "in", "\"syn\"", true)]
    [InlineData("""{"payload":{"protocol":"tcp","field":"flags"}}""", "in", """["fin","rst"]""", false)]
    [InlineData("""{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["fin","syn","rst","ack"]]}""", "==", "\"syn\"", true)]
    [InlineData("""{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["fin","syn","rst","ack"]]}""", "!=", "\"syn\"", false)]
    [InlineData("""{"&":[{"payload":{"protocol":"tcp","field":"flags"}},{"|":["syn","ack"]}]}""", "==", """{"|":["syn","ack"]}""", false)]
    [InlineData("""{"payload":{"protocol":"ip","field":"daddr"}}""", "==", "\"192.0.2.1\"", true)] // perhaps
    [InlineData("""{"payload":{"protocol":"ip","field":"daddr"}}""", "==", "\"224.0.0.251\"", false)]
    [InlineData("""{"payload":{"protocol":"ip","field":"daddr"}}""", "==", """{"prefix":{"addr":"127.0.0.0","len":8}}""", false)]
    [InlineData("""{"payload":{"protocol":"ip","field":"saddr"}}""", "==", """{"prefix":{"addr":"0.0.0.0","len":0}}""", true)]
    [InlineData("""{"payload":{"protocol":"ip","field":"saddr"}}""", "==", """{"prefix":{"addr":"127.0.0.0","len":8}}""", false)]
    [InlineData("""{"payload":{"protocol":"ip","field":"saddr"}}""", "!=", "\"10.0.0.1\"", true)]
    [InlineData("""{"hash":{}}""", "==", "1", true)] // perhaps
    public void Other_conditions_are_decided_where_they_can_be(string left, string @operator, string value, bool accepted)
    {
        Assert.Equal(accepted ? [] : [Nobody], Warnings(Chain("drop", Rule(Match(@operator, left, value), Accept))));
    }

    [Fact]
    public void Where_only_rules_by_source_accept_some_sources_are_told_of()
    {
        Assert.Equal([Some], Warnings(Chain("drop", Rule(Match("==", Saddr, """{"prefix":{"addr":"10.0.0.0","len":8}}"""), Match("==", Dport, "8080"), Accept))));
        Assert.Equal([Some], Warnings(Chain("drop", Rule(Match("==", Saddr, "\"@friends\""), Accept))));
        Assert.Equal([Some], Warnings(Chain("drop", Rule(Match("==", $$"""{"concat":[{{Saddr}},{{Dport}}]}""", """{"set":[{"concat":["10.0.0.1",8080]}]}"""), Accept))));
        Assert.Equal([Nobody], Warnings(Chain("drop", Rule(Match("==", $$"""{"concat":[{{Saddr}},{{Dport}}]}""", """{"set":[{"concat":["10.0.0.1",{"range":[1,1000]}]}]}"""), Accept))));
        Assert.Equal([Some.Replace(", policy drop", "", StringComparison.Ordinal)], Warnings(Chain("accept", Rule(Match("!=", Saddr, "\"10.0.0.1\""), Drop))));
        Assert.Empty(Warnings(Chain("accept", Rule(Match("==", Saddr, "\"10.0.0.1\""), Drop))));
    }

    [Fact]
    public void A_rate_and_an_unknown_statement_let_in()
    {
        Assert.Empty(Warnings(Chain("drop", Rule("""{"limit":{"rate":5,"burst":5,"per":"second"}}""", Accept))));
        Assert.Empty(Warnings(Chain("drop", Rule("""{"of the future":{}}"""))));
        Assert.Empty(Warnings(Chain("drop", Rule("""{"queue":{"num":1}}"""))));
        Assert.Equal([Nobody], Warnings(Chain("drop", Rule("""{"limit":{"rate":5,"burst":5,"per":"second"}}""", """{"log":{"prefix":"no "}}"""))));
    }

    [Theory]
    [InlineData("""{"type":"tcp reset"}""", "")]
    [InlineData("null", "")]
    [InlineData("""{"type":"icmpx","expr":"admin-prohibited"}""", "")]
    public void A_rejection_keeps_out(string how, string family)
    {
        var warning = Assert.Single(Warnings(Chain("accept", Rule(Match("==", Dport, "8080"), $$"""{"reject":{{how}}}"""))));
        Assert.Contains($":8080{family}: chain input", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rejection_by_icmp_concerns_its_family()
    {
        var ruleset = Chain("accept", Rule(Match("==", Dport, "8080"), """{"reject":{"type":"icmp","expr":"admin-prohibited"}}"""));

        Assert.Contains("to :8080 over IPv4: chain input", Assert.Single(Warnings(ruleset, "0.0.0.0", "::")), StringComparison.Ordinal);
        Assert.Empty(Warnings(ruleset, "::"));
    }

    [Theory]
    [InlineData("""{"payload":{"protocol":"udp","field":"dport"}}""", "==", "53", true)]
    [InlineData("""{"payload":{"protocol":"udp","field":"dport"}}""", "==", "54", false)]
    [InlineData("""{"payload":{"protocol":"udp","field":"dport"}}""", "==", """{"set":[53,123]}""", true)]
    [InlineData("""{"payload":{"protocol":"udp","field":"sport"}}""", "==", "53", true)] // perhaps
    [InlineData("""{"payload":{"protocol":"th","field":"dport"}}""", "==", "53", true)]
    [InlineData("""{"payload":{"protocol":"tcp","field":"dport"}}""", "==", "53", false)]
    [InlineData("""{"payload":{"protocol":"tcp","field":"dport"}}""", "!=", "22", false)]
    [InlineData("""{"payload":{"protocol":"tcp","field":"flags"}}""", "!=", "\"syn\"", false)]
    [InlineData("""{"payload":{"protocol":"udplite","field":"dport"}}""", "==", "53", false)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", "\"udp\"", true)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", "17", true)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", """{"set":["tcp","udp"]}""", true)]
    [InlineData("""{"meta":{"key":"l4proto"}}""", "==", "\"tcp\"", false)]
    [InlineData("""{"payload":{"protocol":"ip","field":"protocol"}}""", "==", "\"udp\"", true)]
    [InlineData("""{"ct":{"key":"state"}}""", "in", """["established","related"]""", false)]
    [InlineData("""{"ct":{"key":"state"}}""", "in", "\"new\"", true)]
    public void A_rule_for_UDP_lets_datagrams_in_and_one_for_TCP_does_not(string field, string @operator, string value, bool accepted)
    {
        const string NoDatagrams = "the packet filter lets nobody from outside send to :53/udp: chain input of table inet filter (hook input, priority 0, policy drop); to let everybody in: nft insert rule inet filter input udp dport 53 accept";

        Assert.Equal(accepted ? [] : [NoDatagrams], InputFilter.Warnings(Json(Chain("drop", Rule(Match(@operator, field, value), Accept))), [(IPAddress.Any, 53, true, ":53/udp")]));
    }

    [Fact]
    public void TCP_and_UDP_of_one_port_are_looked_at_apart()
    {
        var tcpOnly = Json(Chain("drop", Rule(Match("==", Dport, "53"), Accept)));

        var warning = Assert.Single(InputFilter.Warnings(tcpOnly, [(IPAddress.Any, 53, false, ":53"), (IPAddress.Any, 53, true, ":53/udp"), (IPAddress.IPv6Any, 53, true, ":53/udp")]));

        Assert.StartsWith("the packet filter lets nobody from outside send to :53/udp: chain input", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Jumps_return_and_gotos_do_not()
    {
        var jump = """{"jump":{"target":"own"}}""";
        var @goto = """{"goto":{"target":"own"}}""";

        Assert.Empty(Warnings(Chain("drop", Rule(jump)) + Own(Rule(Match("==", Dport, "8080"), Accept))));
        Assert.Empty(Warnings(Chain("drop", Rule(jump), Rule(Accept)) + Own(Rule("""{"return":null}"""), Rule(Drop))));
        Assert.Equal([Nobody], Warnings(Chain("drop", Rule(@goto), Rule(Accept)) + Own(Rule("""{"return":null}"""))));
        Assert.Equal([Nobody], Warnings(Chain("drop", Rule(jump), Rule(Accept)) + Own(Rule(Drop))));
        Assert.Empty(Warnings(Chain("drop", Rule("""{"jump":{"target":"nowhere"}}"""))));
        Assert.Equal([Nobody], Warnings(Chain("drop", Rule(Match("==", """{"meta":{"key":"iifname"}}""", "\"eth0\""), @goto)) + Own(Rule(Match("==", Dport, "22"), Accept))));
    }

    [Fact]
    public void Chains_that_call_each_other_in_a_circle_claim_nothing()
    {
        Assert.Empty(Warnings(Chain("drop", Rule("""{"jump":{"target":"own"}}""")) + Own(Rule("""{"jump":{"target":"own"}}"""), Rule("""{"jump":{"target":"input"}}"""))));
    }

    [Theory]
    [InlineData("""{"set":[[22,{"accept":null}],[8080,{"accept":null}]]}""", true)]
    [InlineData("""{"set":[[22,{"accept":null}],[8081,{"accept":null}]]}""", false)]
    [InlineData("""{"set":[["*",{"accept":null}],[8080,{"drop":null}]]}""", false)]
    [InlineData("""{"set":[["*",{"accept":null}],[22,{"drop":null}]]}""", true)]
    [InlineData("""{"set":[[{"range":[8000,9000]},{"jump":{"target":"own"}}]]}""", true)]
    [InlineData("\"@verdicts\"", true)]
    [InlineData("\"@nowhere\"", true)]
    public void Verdict_maps_decide(string data, bool accepted)
    {
        Assert.Equal(accepted ? [] : [Nobody], Warnings(Chain("drop", Rule($$$"""{"vmap":{"key":{{{Dport}}},"data":{{{data}}} }}""")) + Own(Rule(Accept))));
    }

    [Fact]
    public void Every_chain_of_the_way_is_heard_by_its_priority()
    {
        var ruleset = Object("chain", """{"family":"inet","table":"late","name":"last","type":"filter","hook":"input","prio":10,"policy":"drop"}""")
            + Chain("drop")
            + Object("chain", """{"family":"ip","table":"raw","name":"early","type":"filter","hook":"prerouting","prio":-300,"policy":"drop"}""")
            + Object("chain", """{"family":"ip6","table":"six","name":"input","type":"filter","hook":"input","prio":0,"policy":"drop"}""")
            + Object("chain", """{"family":"inet","table":"filter","name":"forward","type":"filter","hook":"forward","prio":0,"policy":"drop"}""")
            + Object("chain", """{"family":"bridge","table":"filter","name":"input","type":"filter","hook":"input","prio":0,"policy":"drop"}""");

        var warnings = Warnings(ruleset, "192.0.2.1");

        Assert.Collection(warnings,
            first => Assert.EndsWith("chain early of table ip raw (hook prerouting, priority -300, policy drop); to let everybody in: nft insert rule ip raw early ip daddr 192.0.2.1 tcp dport 8080 accept", first, StringComparison.Ordinal),
            second => Assert.Contains("table inet filter (hook input, priority 0", second, StringComparison.Ordinal),
            third => Assert.Contains("table inet late (hook input, priority 10", third, StringComparison.Ordinal));
    }

    [Fact]
    public void A_table_that_sleeps_drops_nobody()
    {
        var ruleset = Chain("drop").Replace("\"name\":\"filter\",\"handle\":1", "\"name\":\"filter\",\"handle\":1,\"flags\":\"dormant\"", StringComparison.Ordinal);
        Assert.Contains("dormant", ruleset, StringComparison.Ordinal);
        Assert.Empty(Warnings(ruleset));
    }

    [Fact]
    public void Iptables_lets_answers_in_and_no_more()
    {
        var answers = Rule("""{"xt":{"type":"match","name":"conntrack"}}""", Counter, Accept);

        Assert.Equal([Nobody], Warnings(Chain("drop", answers)));
        Assert.Equal([Nobody], Warnings(Chain("drop", answers, Rule("""{"xt":{"type":"match","name":"comment"}}""", Match("==", Dport, "22"), Counter, Accept))));
        Assert.Empty(Warnings(Chain("drop", Rule(Match("==", Dport, "8080"), """{"xt":{"type":"match","name":"conntrack"}}""", Accept))));
        Assert.Empty(Warnings(Chain("drop", Rule(Match("==", """{"meta":{"key":"l4proto"}}""", "\"tcp\""), """{"xt":{"type":"match","name":"multiport"}}""", Accept))));
        Assert.Empty(Warnings(Chain("drop", Rule("""{"xt":null}""", Accept))));
        Assert.Single(Warnings(Chain("accept", Rule(Counter, """{"xt":{"type":"target","name":"REJECT"}}"""))));
    }

    [Fact]
    public void The_remedy_is_in_the_words_of_who_made_the_chain()
    {
        var ufw = Chain("drop", Rule("""{"jump":{"target":"ufw-before-input"}}""")) + Object("chain", """{"family":"inet","table":"filter","name":"ufw-before-input"}""");
        var firewalld = Chain("drop").Replace("\"filter\"", "\"firewalld\"", StringComparison.Ordinal).Replace("\"type\":\"firewalld\"", "\"type\":\"filter\"", StringComparison.Ordinal);

        Assert.EndsWith("; to let everybody in: ufw allow 8080/tcp", Assert.Single(Warnings(ufw)), StringComparison.Ordinal);
        Assert.EndsWith("; to let everybody in: firewall-cmd --add-port=8080/tcp", Assert.Single(Warnings(firewalld)), StringComparison.Ordinal);
        Assert.EndsWith("; to let everybody in: ufw allow 53/udp", Assert.Single(InputFilter.Warnings(Json(ufw), [(IPAddress.Any, 53, true, ":53/udp")])), StringComparison.Ordinal);
        Assert.EndsWith("; to let everybody in: firewall-cmd --add-port=53/udp", Assert.Single(InputFilter.Warnings(Json(firewalld), [(IPAddress.Any, 53, true, ":53/udp")])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_that_a_shell_would_misread_is_in_no_command()
    {
        var warning = Assert.Single(Warnings(Chain("drop").Replace("\"input\"", "\"in$(reboot)\\u001b\"", StringComparison.Ordinal)
            .Replace("\"hook\":\"in$(reboot)\\u001b\"", "\"hook\":\"input\"", StringComparison.Ordinal)));

        Assert.Equal("the packet filter lets nobody from outside connect to :8080: chain in$(reboot)\\u001b of table inet filter (hook input, priority 0, policy drop)", warning);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.2")]
    public void Loopback_is_not_warned_of(string address) => Assert.Empty(Warnings(Chain("drop"), address));

    [Fact]
    public void A_listen_of_both_families_is_one_warning() => Assert.Equal([Nobody], Warnings(Chain("drop"), "0.0.0.0", "::"));

    [Fact]
    public void An_address_is_compared_with_the_rule_s()
    {
        string Daddr(string value) => Chain("drop", Rule(Match("==", """{"payload":{"protocol":"ip","field":"daddr"}}""", value), Accept));

        Assert.Empty(Warnings(Daddr("\"192.0.2.1\""), "192.0.2.1"));
        Assert.Single(Warnings(Daddr("\"192.0.2.2\""), "192.0.2.1"));
        Assert.Empty(Warnings(Daddr("""{"prefix":{"addr":"192.0.2.128","len":24}}"""), "192.0.2.1"));
        Assert.Single(Warnings(Daddr("""{"prefix":{"addr":"192.0.3.0","len":24}}"""), "192.0.2.1"));
        Assert.Empty(Warnings(Daddr("""{"range":["192.0.2.0","192.0.2.9"]}"""), "192.0.2.1"));
        Assert.Single(Warnings(Daddr("""{"range":["192.0.2.2","192.0.2.9"]}"""), "192.0.2.1"));
        Assert.Empty(Warnings(Daddr("\"192.0.2.1\""), "::ffff:192.0.2.1"));
        Assert.Single(Warnings(Daddr("\"192.0.2.1\""), "2001:db8::1"));
    }

    [Fact]
    public void There_are_at_most_fifty_warnings_and_the_rest_is_counted()
    {
        var warnings = InputFilter.Warnings(Json(Chain("drop")), Enumerable.Range(1, 200).Select(port => (IPAddress.Any, port, false, $":{port}")));

        Assert.Equal(InputFilter.Limit + 1, warnings.Count);
        Assert.Equal("the packet filter drops 150 more listens", warnings[^1]);
    }

    [Fact]
    public void A_line_before_the_listing_is_left_out()
    {
        var json = Encoding.UTF8.GetBytes($"# Warning: table ip filter is managed by iptables-nft, do not touch!\n{Encoding.UTF8.GetString(Json(Chain("drop")).Span)}");
        Assert.Single(InputFilter.Warnings(json, [(IPAddress.Any, 8080, false, ":8080")]));
    }

    [Fact]
    public void A_listing_of_any_shape_is_safe_to_read()
    {
        var recorded = Json(Chain("drop",
            Rule(Match("in", State, """["established","related"]"""), Accept),
            Rule(Match("==", Dport, """{"set":[22,{"range":[6000,6010]},"@ports"]}"""), Accept),
            Rule($$$$"""{"vmap":{"key":{{{{Dport}}}},"data":{"set":[[22,{"accept":null}],["*",{"jump":{"target":"own"}}]]}}}"""),
            Rule(Match("==", """{"&":[{"payload":{"protocol":"tcp","field":"flags"}},["fin","syn"]]}""", "\"syn\""), Drop),
            Rule(Match("==", $$"""{"concat":[{{Saddr}},{{Dport}}]}""", """{"set":[{"concat":["10.0.0.1",8080]},{"concat":[{"prefix":{"addr":"10.0.0.0","len":8}},1]}]}"""), Accept),
            Rule(Match("==", """{"fib":{"result":"type","flags":["daddr"]}}""", "\"local\""), """{"jump":{"target":"own"}}"""))
            + Own(Rule("""{"reject":{"type":"icmpx","expr":"x"}}"""))).ToArray();
        var random = new Random(20261122);
        string[] pieces = ["null", "[]", "{}", "-1", "1e999", "99999999999999999999", "\"\"", "\"@ports\"", "\"\\ud800\"", "true", "[[[[]]]]", "{\"set\":\"@ports\"}", "{\"prefix\":{\"addr\":\"::\",\"len\":129}}", "\"own\""];

        for (var round = 0; round < 6_000; round++)
        {
            byte[] mutant;
            if (round % 2 == 0)
            {
                mutant = [.. recorded];
                for (var i = random.Next(1, 6); i > 0; i--)
                    mutant[random.Next(mutant.Length)] = (byte)random.Next(256);
                mutant = mutant[..random.Next(mutant.Length + 1)];
            }
            else
            {
                mutant = Encoding.UTF8.GetBytes(Swapped(JsonDocument.Parse(recorded).RootElement, random, pieces));
            }
            var warnings = InputFilter.Warnings(mutant, [(IPAddress.Any, 8080, false, ":8080"), (IPAddress.IPv6Any, 8080, false, ":8080"), (IPAddress.Parse("192.0.2.1"), 22, false, "192.0.2.1:22"), (IPAddress.Any, 53, true, ":53/udp")]);
            Assert.All(warnings, warning => Assert.DoesNotContain(warning, c => c < ' '));
        }
    }

    [Fact]
    public void Sets_that_hold_themselves_and_deep_chains_end()
    {
        Assert.NotNull(Warnings(Object("set", """{"family":"inet","table":"filter","name":"self","elem":["@self",{"set":["@self"]}]}""") + Chain("drop", Rule(Match("==", Dport, "\"@self\""), Accept))));
        var deep = string.Concat(Enumerable.Range(0, 5000).Select(i => Object("chain", $$"""{"family":"inet","table":"filter","name":"c{{i}}"}""")
            + Object("rule", $$$"""{"family":"inet","table":"filter","chain":"c{{{i}}}","expr":[{"jump":{"target":"c{{{i + 1}}}"}}]}""")));
        Assert.Empty(Warnings(deep + Chain("drop", Rule("""{"jump":{"target":"c0"}}"""))));
    }

    /// <summary>The same JSON with a value here and there swapped for another, or left out.</summary>
    private static string Swapped(JsonElement json, Random random, string[] pieces)
    {
        if (random.Next(60) == 0)
            return pieces[random.Next(pieces.Length)];
        return json.ValueKind switch
        {
            JsonValueKind.Object => "{" + string.Join(',', json.EnumerateObject().Where(_ => random.Next(60) > 0).Select(member => $"\"{member.Name}\":{Swapped(member.Value, random, pieces)}")) + "}",
            JsonValueKind.Array => "[" + string.Join(',', json.EnumerateArray().Where(_ => random.Next(60) > 0).Select(element => Swapped(element, random, pieces))) + "]",
            _ => json.GetRawText(),
        };
    }

    private static IReadOnlyList<string> Warnings(string objects, params string[] addresses)
    {
        return InputFilter.Warnings(Json(objects), (addresses.Length == 0 ? ["0.0.0.0"] : addresses).Select(address => (IPAddress.Parse(address), 8080, false, ":8080")));
    }

    private static ReadOnlyMemory<byte> Json(string objects)
    {
        return Encoding.UTF8.GetBytes($$"""{"nftables":[{"metainfo":{"version":"1.0.6","release_name":"Lester Gooch #5","json_schema_version":1} }{{objects}}]}""");
    }

    private static string Chain(string policy, params string[] rules)
    {
        return Object("table", """{"family":"inet","name":"filter","handle":1}""")
            + Object("set", """{"family":"inet","name":"ports","table":"filter","type":"inet_service","handle":3,"flags":["interval"],"elem":[22,{"range":[8000,8100]}]}""")
            + Object("set", """{"family":"inet","name":"empty","table":"filter","type":"inet_service","handle":4}""")
            + Object("set", """{"family":"inet","name":"learned","table":"filter","type":"inet_service","handle":5,"flags":["timeout","dynamic"]}""")
            + Object("set", """{"family":"inet","name":"friends","table":"filter","type":"ipv4_addr","handle":6,"elem":["10.0.0.1"]}""")
            + Object("map", """{"family":"inet","name":"verdicts","table":"filter","type":"inet_service","handle":7,"map":"verdict","elem":[[22,{"drop":null}],[8080,{"accept":null}]]}""")
            + Object("chain", $$"""{"family":"inet","table":"filter","name":"input","handle":2,"type":"filter","hook":"input","prio":0,"policy":"{{policy}}"}""")
            + string.Concat(rules.Select(rule => rule.Replace("CHAIN", "input", StringComparison.Ordinal)));
    }

    private static string Own(params string[] rules)
    {
        return Object("chain", """{"family":"inet","table":"filter","name":"own","handle":9}""") + string.Concat(rules.Select(rule => rule.Replace("CHAIN", "own", StringComparison.Ordinal)));
    }

    private static string Rule(params string[] expressions) => Object("rule", $$"""{"family":"inet","table":"filter","chain":"CHAIN","handle":9,"expr":[{{string.Join(',', expressions)}}]}""");

    private static string Match(string @operator, string left, string right) => $$$"""{"match":{"op":"{{{@operator}}}","left":{{{left}}},"right":{{{right}}} }}""";

    private static string Object(string kind, string value) => $$""",{"{{kind}}":{{value}}}""";
}
