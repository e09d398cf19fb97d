using System.Runtime.Versioning;

namespace Fairlead.Tests.Config;

public sealed class TunnelConfigTests
{
    private const string Office = "tunnels: { office: { ssh: gw } }";

    [Fact]
    public void A_tunnel_is_what_its_keys_say_with_paths_from_home_and_beside_the_file()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var tunnel = Assert.Single(Yaml.Read("""
            forwards: [{ listen: ":80", to: "a:80", via: office }]
            tunnels:
              office:
                ssh: alice@gw:2222
                identity: [~/.ssh/work, keys/other, /k]
                password: secret
                known_hosts: ~/.ssh/known
                accept_new: true
                jump: [door, "bob@[::1]:23"]
                keepalive: off
            """).Configuration.Tunnels);

        Assert.Equal(new TunnelConfig
        {
            Name = "office",
            Ssh = new SshTarget("alice", "gw", 2222),
            Identity = [$"{home}/.ssh/work", "keys/other", "/k"],
            Password = new Secret("secret"),
            KnownHosts = [$"{home}/.ssh/known"],
            AcceptNew = true,
            Jump = [new SshTarget(null, "door"), new SshTarget("bob", "::1", 23)],
            Keepalive = Timeout.InfiniteTimeSpan,
        }, tunnel);
    }

    [Fact]
    public void What_is_not_written_a_file_of_ssh_may_say()
    {
        using var folder = new Ssh.TestFolder();
        var file = folder.Write("config", """
            Host gw
              HostName 10.0.0.1
              Port 2201
              User bob
              IdentityFile /k/file
              UserKnownHostsFile /known/file
              ProxyJump door
              ServerAliveInterval 7
              HostKeyAlias office
              LocalForward 8080 web:80
              Compression yes
            Host door
              User carol
              ProxyCommand nc %h %p
            """);
        var loaded = Yaml.Read($"forwards: [{{ listen: \":80\", to: \"a:80\", via: office }}]\ntunnels: {{ office: {{ ssh: alice@gw, ssh_config: {file}, identity: /k/own, keepalive: 9s }} }}");
        var tunnel = Assert.Single(loaded.Configuration.Tunnels);

        Assert.Equal(["carol@door", "alice@10.0.0.1:2201"], tunnel.Servers.Select(server => server.Ssh.ToString()));
        Assert.Equal([["/k/own"], ["/k/own", "/k/file"]], tunnel.Servers.Select(server => server.IdentityFiles));
        Assert.Equal(["/known/file"], tunnel.KnownHostsFiles);
        Assert.Equal(("nc door 22", "office", TimeSpan.FromSeconds(9)), (tunnel.Servers[0].Options.ProxyCommand, tunnel.Options.HostKeyAlias, tunnel.Keepalive));
        Assert.Single(loaded.Configuration.Forwards);
        Assert.Contains(file, loaded.Sources.Files);
        Assert.Equal([$"{file}:11:15: warning: Compression is not in this version"], loaded.Warnings);
    }

    [Fact]
    public void An_error_of_such_a_file_stands_at_its_key_with_its_own_place()
    {
        using var folder = new Ssh.TestFolder();
        var file = folder.Write("config", "Port x\nKnownHostsCommand y\n");
        var errors = Yaml.Errors($"forwards: [{{ listen: \":80\", to: \"a:80\", via: office }}]\ntunnels: {{ office: {{ ssh: gw, ssh_config: {file} }} }}");

        Assert.Equal([$"f.yaml:2:43: error: ssh_config {file}:1:6: error: Port 'x' is not a number from 1 to 65535",
            $"f.yaml:2:43: error: ssh_config {file}:2:19: error: KnownHostsCommand asks a command for host keys, which is not in this version; leave it out, or write KnownHostsCommand none"], errors);
        Assert.StartsWith($"f.yaml:2:43: error: ssh_config {folder.PathOf("missing")}:1:1: error: ", Assert.Single(Yaml.Errors($"forwards: [{{ listen: \":80\", to: \"a:80\", via: office }}]\ntunnels: {{ office: {{ ssh: gw, ssh_config: {folder.PathOf("missing")} }} }}")), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_keys_of_its_own_it_has_the_files_of_the_user()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var tunnel = Assert.Single(Yaml.Read($"forwards: [{{ listen: \":80\", to: \"a:80\", via: office }}]\n{Office}").Configuration.Tunnels);

        Assert.Equal([$"{home}/.ssh/id_ed25519", $"{home}/.ssh/id_ecdsa", $"{home}/.ssh/id_rsa"], tunnel.IdentityFiles);
        Assert.Equal([$"{home}/.ssh/known_hosts"], tunnel.KnownHostsFiles);
        Assert.Equal((TimeSpan.FromSeconds(15), 3), (tunnel.Keepalive, tunnel.Options.KeepaliveCount));
        Assert.Equal(["/k"], (tunnel with { Identity = ["/k"] }).IdentityFiles);
    }

    [Theory]
    [InlineData("via: office", "office", "")]
    [InlineData("via: [office, \"socks5://p\", \"http://q:3128\"]", "office", "socks5://p:1080, http://q:3128")]
    [InlineData("via: \"socks5://p\"", null, "socks5://p:1080")]
    [InlineData("via: []", null, "")]
    [InlineData("via: \"ssh://gw:22/\"", "ssh://gw", "")]
    [InlineData("via: [\"SSH://alice@gw:23\", \"socks5://p\"]", "ssh://alice@gw:23", "socks5://p:1080")]
    public void A_way_is_a_tunnel_and_the_proxies_behind_it(string via, string? tunnel, string proxies)
    {
        var forward = Yaml.Read($"forwards: [{{ listen: \":80\", to: \"a:80\", {via} }}]\n{Office}").Configuration.Forwards[0];

        Assert.Equal((tunnel, proxies), (forward.Tunnel, forward.Via.ToString()));
        Assert.Equal((forward.Tunnel, forward.Via), forward.WayOf(null));
    }

    [Fact]
    public void A_route_goes_the_way_of_its_forward_or_its_own()
    {
        var forward = Yaml.Read($$"""
            forwards:
              - listen: ":80"
                to: "a:80"
                via: [office, "socks5://p"]
                routes:
                  - { from: 10.0.0.0/8, to: "b:80" }
                  - { from: 10.1.0.0/16, to: "c:80", via: [] }
                  - { from: 10.2.0.0/16, to: "d:80", via: "ssh://gw2" }
                  - { from: 10.3.0.0/16, to: "e:80", via: "socks5://q" }
            {{Office}}
            """).Configuration.Forwards[0];

        Assert.Equal([("office", "socks5://p:1080"), (null, ""), ("ssh://gw2", ""), (null, "socks5://q:1080")], forward.Routes.Select(route => (forward.WayOf(route).Tunnel, forward.WayOf(route).Via.ToString())));
        // As the library may have it.
        Assert.Equal(("x", ""), (forward with { Via = [] }).WayOf(forward.Routes[0] with { Tunnel = "x" }) is var (tunnel, via) ? (tunnel, via.ToString()) : default);
        Assert.Equal(["office", "ssh://gw2"], forward.Tunnels);
    }

    [Fact]
    public void A_tunnel_that_stands_in_a_forward_as_an_URL_is_there_once_however_it_is_written()
    {
        var tunnels = Yaml.Read($$"""
            forwards:
              - { listen: ":80", to: "a:80", via: "ssh://bob@gw" }
              - { listen: ":81", to: "a:80", via: "SSH://bob@gw:22/" }
              - { listen: ":82", to: "a:80", routes: [{ from: 10.0.0.0/8, to: "b:80", via: office }] }
              - { listen: "localhost:83", at: "ssh://bob@gw:23", to: "a:80" }
            {{Office}}
            """).Configuration.Tunnels;

        Assert.Equal(["office", "ssh://bob@gw", "ssh://bob@gw:23"], tunnels.Select(tunnel => tunnel.Name));
        Assert.Equal([false, true, true], tunnels.Select(tunnel => tunnel.IsAnonymous));
        Assert.Equal(new TunnelConfig { Name = "ssh://bob@gw", Ssh = new SshTarget("bob", "gw") }, tunnels[1]);
    }

    [Theory]
    [InlineData(":5900", "")]
    [InlineData("*:5900", "")]
    [InlineData("localhost:5900", "localhost")]
    [InlineData("0.0.0.0:5900", "0.0.0.0")]
    [InlineData("[::]:5900", "::")]
    [InlineData("gw.example.com:5900", "gw.example.com")]
    public void What_the_far_end_is_to_listen_on_is_kept_as_it_is_written(string listen, string host)
    {
        var forward = Yaml.Read($"forwards: [{{ at: office, listen: [\"{listen}\", \"localhost:0\", \"localhost:0\", \"unix:/run/a\"], to: \"localhost:5900\" }}]\n{Office}").Configuration.Forwards[0];

        Assert.Equal(new PortEndpoint(host, new PortRange(5900), PortProtocols.Tcp), forward.Listen[0]);
        Assert.Empty(forward.LocalListens);
        Assert.Equal($"{forward.Listen[0]} at office", forward.Title);
    }

    [Fact]
    public void What_concerns_listening_here_does_not_concern_the_far_end()
    {
        // The same listen here, at one far end and at another; a target that is the listen's own address here; a target that the far end dials.
        Yaml.Read("""
            forwards:
              - { listen: "localhost:5900", to: "b:5900" }
              - { at: office, listen: "localhost:5900", to: "localhost:5900" }
              - { at: home, listen: "localhost:5900", to: "localhost:5900" }
              - { listen: "127.0.0.1:80", to: "127.0.0.1:80", via: office }
              - { listen: "127.0.0.1:81", to: "unix:/run/a", via: office }
              - { at: home, listen: ":1080", to: dynamic, allow_to: ["a:80"] }
              - { at: home, listen: "localhost:1081", to: dynamic }
            tunnels: { office: { ssh: gw }, home: { ssh: home } }
            """);
    }

    [Fact]
    public void Two_forwards_that_only_differ_in_where_they_listen_are_two_after_a_reload()
    {
        var here = new ForwardConfig { Listen = [Endpoint.Parse("localhost:80")], To = [new UpstreamConfig(Endpoint.Parse("a:80"))] };
        var there = here with { At = "office" };

        Assert.Equal(["localhost:80", "localhost:80 at office"], ConfigChange.ByIdentity([here, there]).Keys);
        Assert.Equal((1, 1), ConfigChange.Between([here], [there]) is var change ? (change.Added.Count, change.Removed.Count) : default);
    }

    [Theory]
    [InlineData("forwards: []\ntunnels: { office: { ssh: gw } }", "f.yaml:2:22: warning: no forward uses the tunnel 'office'; name it in via or at of one, or leave it out")]
    [InlineData("forwards: [{ listen: \":80\", to: \"a:80\", via: \"ssh://gw\" }]", null)]
    public void A_tunnel_that_nobody_uses_is_warned_of(string yaml, string? warning) => Assert.Equal(warning is null ? [] : [warning], Yaml.Read(yaml).Warnings);

    [Fact]
    public void A_hub_needs_no_forwards()
    {
        var hub = Yaml.Read("hub: { authorized_keys: keys, host_keys: [/a, ~/b], listen: [\":22\", \"unix:/a\"], gateway_ports: true, max_connections_per_key: 3, login_grace: 1m }").Configuration.Hub!;

        Assert.Equal(new HubConfig
        {
            AuthorizedKeys = "keys",
            HostKeys = ["/a", HomePath.Expand("~/b")],
            Listen = [Endpoint.Parse(":22/tcp"), Endpoint.Parse("unix:/a")],
            GatewayPorts = true,
            MaxConnectionsPerKey = 3,
            LoginGrace = TimeSpan.FromMinutes(1),
        }, hub);
        Assert.Null(Yaml.Read("forwards: []\nhub: off").Configuration.Hub);
    }

    [Fact]
    public void What_is_not_read_from_a_file_is_held_to_the_same_rules()
    {
        var forward = new ForwardConfig { Listen = [Endpoint.Parse("localhost:80")], To = [new UpstreamConfig(Endpoint.Parse("a:80"))], Tunnel = "ofice", At = "Gw" };
        var tunnel = new TunnelConfig { Name = "office", Ssh = new SshTarget("", "", 0), Identity = [""], Jump = [new SshTarget(null, "a b"), new SshTarget(null, "b", 70_000)] };
        var configuration = new Configuration { Forwards = [forward], Tunnels = [tunnel, tunnel with { Ssh = new SshTarget(null, "gw") }, tunnel with { Name = "" }], Hub = new HubConfig { AuthorizedKeys = "", Listen = [], MaxChannels = 0 } };

        var errors = ConfigurationRules.Check(configuration);

        Assert.Contains("ssh user is missing; write it before the '@', or leave the '@' out", errors);
        Assert.Contains("jump host 'a b' has a space; a name has letters, digits, '-', '_' and dots", errors);
        Assert.Contains("jump port 70000 is not a port; write a number from 1 to 65535", errors);
        Assert.Contains("identity is an empty path; write the path of a file", errors);
        Assert.Contains("another tunnel is called 'office'; give each its own name", errors);
        Assert.Contains("tunnel '' is not the name of a tunnel, which has to be 1 to 63 of the characters a-z, 0-9 and '-', like web-1; nor is it ssh://[USER@]HOST[:PORT]", errors);
        Assert.Contains("the hub listens nowhere; write where clients connect, like :2022", errors);
        Assert.Contains("max_channels is 0; write 1 or more", errors);
        Assert.Contains("forward localhost:80 at Gw to a:80: at 'Gw' names a tunnel that is not there; write where it goes, as tunnels: { Gw: { ssh: alice@gw.example.com } } in the file itself", errors);
        Assert.Contains("forward localhost:80 at Gw to a:80: via 'ofice' names a tunnel that is not there; did you mean 'office'?", errors);
        Assert.Equal(["via 'ssh://gw:22' is not the shortest form of the URL; write 'ssh://gw'"], ForwardRules.Faults(forward with { At = null, Tunnel = "ssh://gw:22" }).Select(fault => fault.Message));
        Assert.Empty(ConfigurationRules.Check(new Configuration { Forwards = [forward with { At = null, Tunnel = "office" }], Tunnels = [tunnel with { Ssh = new SshTarget(null, "gw"), Identity = [], Jump = [] }] }));
    }

    [Fact]
    public void Files_that_are_missing_or_not_trusted_are_told()
    {
        using var folder = new Folder();
        var (key, hosts, other) = (folder.File("key"), folder.File("hosts"), folder.File("other"));
        var configuration = new Configuration
        {
            Tunnels =
            [
                new TunnelConfig { Name = "a", Ssh = new SshTarget(null, "gw"), Identity = [key, $"{key}.gone"], KnownHosts = [hosts, $"{hosts}.gone"] },
                new TunnelConfig { Name = "b", Ssh = new SshTarget(null, "gw"), Identity = [folder.Path], KnownHosts = [$"{hosts}.new"], AcceptNew = true },
                new TunnelConfig { Name = "c", Ssh = new SshTarget(null, "gw"), Identity = [other], KnownHosts = ["/dev/null"] },
            ],
            Hub = new HubConfig { AuthorizedKeys = $"{key}.gone", HostKeys = [other] },
        };

        Assert.Equal(
        [
            $"tunnel a: identity {key}.gone does not exist; write the path of a file that is there",
            $"tunnel a: known_hosts {hosts}.gone does not exist; write the path of a file that is there",
            $"tunnel b: identity {folder.Path} is a folder; write the path of a file",
            $"tunnel c: identity {other} is everybody's",
            $"hub: host_keys {other} is everybody's",
            $"hub: authorized_keys {key}.gone does not exist; write the path of a file that is there",
        ], SshFiles.Find(configuration, path => path == other ? $"{path} is everybody's" : null));
    }

    [Fact, SupportedOSPlatform("linux")]
    public void A_key_of_a_tunnel_that_others_can_write_is_refused_for_root()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "needs root");
        using var folder = new Folder();
        var key = folder.File("key");
        File.SetUnixFileMode(key, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
        var configuration = new Configuration { Tunnels = [new TunnelConfig { Name = "a", Ssh = new SshTarget(null, "gw"), Identity = [key], KnownHosts = ["/dev/null"] }], Hub = new HubConfig { AuthorizedKeys = key } };

        Assert.Equal(
        [
            $"tunnel a: identity {key} can be written by others than root, who could have root do anything; run: chmod go-w {key}",
            $"hub: authorized_keys {key} can be written by others than root, who could have root do anything; run: chmod go-w {key}",
        ], SshFiles.Faults(configuration));
        File.SetUnixFileMode(key, UnixFileMode.UserRead);
        Assert.Empty(SshFiles.Faults(configuration));
    }

    private sealed class Folder : IDisposable
    {
        private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("fairlead-tunnels-");

        public string Path => folder.FullName;

        public string File(string name)
        {
            var path = System.IO.Path.Combine(Path, name);
            System.IO.File.WriteAllText(path, "");
            return path;
        }

        public void Dispose() => folder.Delete(recursive: true);
    }
}
