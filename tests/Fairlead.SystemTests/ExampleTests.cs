using System.Text.RegularExpressions;

namespace Fairlead.SystemTests;

/// <summary>The files of <c>examples/</c>, started as they are, where nobody else has their ports: in a network namespace of their own.</summary>
public sealed partial class ExampleTests
{
    public static TheoryData<string> Files => [.. Directory.EnumerateFiles(Folder(), "*.yaml").Select(file => Path.GetFileName(file))];

    [Theory(Timeout = 60000), MemberData(nameof(Files))]
    public async Task An_example_starts_as_it_is_and_stops(string file)
    {
        Peers.RequireRoot();
        var ip = Peers.Require("ip", "iproute2");
        var unshare = Peers.Require("unshare", "util-linux");
        var folder = Directory.CreateTempSubdirectory("fairlead-example-").FullName;
        try
        {
            // Every address that an example listens on is this machine's. Its sockets and logs are in folders that a package makes; here they are the test's.
            foreach (var source in Directory.EnumerateFiles(Folder(), "*.yaml", SearchOption.AllDirectories))
            {
                var copy = Path.Combine(folder, Path.GetRelativePath(Folder(), source));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.WriteAllText(copy, Paths().Replace(File.ReadAllText(source), $"{folder}/"));
            }
            // What stands in /etc/fairlead there: a certificate that is its own authority.
            if (File.ReadAllText(Path.Combine(folder, file)).Contains(".pem", StringComparison.Ordinal))
            {
                using var made = new Folder();
                var certificate = await Certificates.WriteAsync(made, "db.internal");
                foreach (var (from, to) in ((string, string)[])[(certificate, "cert.pem"), ($"{certificate}.key", "key.pem"), (certificate, "ca.pem")])
                    File.Copy(from, Path.Combine(folder, to));
            }
            var example = Path.Combine(folder, file);
            var text = File.ReadAllText(example);
            // And keys of SSH, where somebody's own would be.
            if (text.Contains("_ed25519", StringComparison.Ordinal))
            {
                var keygen = Peers.Require("ssh-keygen", "openssh-client");
                foreach (var name in (string[])["id_ed25519", "host_ed25519"])
                    Assert.Equal(0, (await Peers.RunAsync(keygen, ["-q", "-t", "ed25519", "-N", "", "-f", Path.Combine(folder, name)])).Status);
                File.Copy(Path.Combine(folder, "id_ed25519.pub"), Path.Combine(folder, "authorized_keys"));
                text = text.Replace("~/.ssh/", $"{folder}/", StringComparison.Ordinal).Replace("/etc/fairlead/", $"{folder}/", StringComparison.Ordinal);
                File.WriteAllText(example, text);
            }
            if (!text.Contains("\nadmin:", StringComparison.Ordinal))
                File.AppendAllText(example, $"\nadmin: {{ listen: 'unix:{folder}/admin.sock' }}\n");
            var secrets = "export FAIRLEAD_TOKEN=it FAIRLEAD_ADMIN_TOKEN=it; ";
            await using var run = Running.StartBy($"{secrets} exec {unshare} --net /bin/sh -c '{ip} link set lo up; {ip} address add 2001:db8::1/128 dev lo; {ip} address add 192.0.2.1/32 dev lo; exec \"$0\" \"$@\"' \"$0\" \"$@\"", "run", example, "--log-format", "json");
            await run.WaitForAsync("admin");
            Assert.Contains(run.Entries, entry => entry.GetProperty("event").GetString() == "listening");
            Assert.DoesNotContain(run.Entries, entry => entry.GetProperty("level").GetString() == "error");
            run.Signal(Running.SIGTERM);
            Assert.Equal(0, await run.WhenOverAsync());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static string Folder()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "Fairlead.slnx")))
                return Path.Combine(folder, "examples");
        }
        throw new InvalidOperationException("There is no repository above the tests.");
    }

    [GeneratedRegex(@"(?<=unix:|file: ['""]?|certificate: |key: |ca: )/(?:run|var/log|tmp|etc/fairlead)/(?:[\w.-]+/)*")]
    private static partial Regex Paths();
}
