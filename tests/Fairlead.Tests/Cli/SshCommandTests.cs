using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public sealed class SshCommandTests
{
    [Fact]
    public async Task Examples_of_the_help_are_command_lines_that_can_be_read()
    {
        using var output = new StringWriter { NewLine = "\n" };
        await CommandLine.RunAsync(["ssh", "--help"], output, TextWriter.Null);
        var help = output.ToString();

        var examples = help[help.IndexOf("Examples:", StringComparison.Ordinal)..].Split('\n').Where(line => line.StartsWith("  fairlead ", StringComparison.Ordinal)).ToList();
        Assert.Equal(9, examples.Count);
        // A comment stands at least two spaces behind the command. One has its forwards from a file.
        Assert.All(examples.Where(example => !example.Contains(" office ", StringComparison.Ordinal)), example => Assert.NotEmpty(Read(example.Trim().Split("  ")[0].Split(' ')[2..]).Configuration.Forwards));
        Assert.All(SshKeywords.Names, name => Assert.Contains($" {name}", help));
    }

    [Fact]
    public void Options_of_its_own_stand_anywhere_between_those_of_ssh()
    {
        Environment.SetEnvironmentVariable("FAIRLEAD_TOKEN", "of the example");
        var line = Read("--drain", "1s", "-L", "8080:h:80", "--allow", "10.0.0.0/8", "alice@gw", "--password=env:FAIRLEAD_TOKEN", "-R", "/run/a:localhost:22", "--deny", "10.0.0.1", "--log-level", "error", "-v");

        Assert.Equal(["10.0.0.0/8"], line.Configuration.Forwards[0].Allow!.Select(network => network.ToString()));
        Assert.Equal(["10.0.0.1/32"], line.Configuration.Forwards[0].Deny.Select(network => network.ToString()));
        Assert.All(line.Configuration.Forwards, forward => Assert.Equal(TimeSpan.FromSeconds(1), forward.Timeouts.Drain));
        Assert.True(line.Configuration.Tunnels[0].Password!.Matches("of the example"));
        // Who connects to a Unix socket over there has no address.
        Assert.Null(line.Configuration.Forwards[1].Allow);
    }

    [Theory]
    [InlineData("ssh -L 1:h:1 gw", "ssh|+-L|+1:h:1|+gw")]
    [InlineData("ssh --drain 1s -NL 1:h:1 gw", "ssh|--drain|1s|+-NL|+1:h:1|+gw")]
    [InlineData("ssh -o --x=y --drain=1s -p1 gw", "ssh|+-o|+--x=y|--drain=1s|+-p1|+gw")]
    [InlineData("ssh gw -- --drain -x", "ssh|+gw|+--|+--drain|+-x")]
    [InlineData("ssh gw --help", "ssh|gw|--help")]
    [InlineData("forward -L 1:h:1", "forward|-L|1:h:1")]
    [InlineData("ssh -L", "ssh|+-L")]
    public void The_words_of_ssh_are_no_options_of_the_program(string line, string expected) => Assert.Equal(expected, string.Join('|', SshCommand.ShieldFlags(line.Split(' '))).Replace('\u0001', '+'));

    [Fact]
    public void A_hub_is_what_its_options_say()
    {
        var hub = HubCommand.Read(CommandLine.Build().Parse(["hub", "--authorized-keys", "/k", "--host-key", "/a", "--host-key", "/b", "--listen", "127.0.0.1:2022"])).Hub;

        Assert.Equal(new HubConfig { AuthorizedKeys = "/k", HostKeys = ["/a", "/b"], Listen = [Endpoint.Parse("127.0.0.1:2022/tcp")] }, hub);
        Assert.Equal(new HubConfig { AuthorizedKeys = "/k" }, HubCommand.Read(CommandLine.Build().Parse(["hub", "--authorized-keys", "/k"])).Hub);
    }

    [Fact]
    public void A_forward_that_names_a_server_has_its_tunnel()
    {
        var configuration = Host.ConfigurationOf(ForwardCommand.Forwards(CommandLine.Build().Parse(["forward", "--via", "ssh://alice@gw", "127.0.0.1:80:h:80", "127.0.0.1:81:h:81"])));

        Assert.Equal(new TunnelConfig { Name = "ssh://alice@gw", Ssh = new SshTarget("alice", "gw") }, Assert.Single(configuration.Tunnels));
        Assert.All(configuration.Forwards, forward => Assert.Equal("ssh://alice@gw", forward.Tunnel));
    }

    private static SshCommandLine Read(params string[] words) =>
        SshCommand.Read(CommandLine.Build().Parse(SshCommand.ShieldFlags(["ssh", "-F", "none", .. words]), new System.CommandLine.ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false }));
}
