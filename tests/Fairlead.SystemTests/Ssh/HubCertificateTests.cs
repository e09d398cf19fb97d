namespace Fairlead.SystemTests;

/// <summary>Certificates and the keys of our own server, with OpenSSH's client.</summary>
public sealed class HubCertificateTests
{
    [Theory(Timeout = 60000)]
    [InlineData("cert-authority", "-n alice", true)]
    [InlineData("cert-authority", "-n bob", false)]
    [InlineData("cert-authority", "", false)]
    [InlineData("cert-authority,principals=\"ops,web\"", "-n ops", true)]
    [InlineData("cert-authority,principals=\"ops\"", "-n alice", false)]
    [InlineData("cert-authority", "-n alice -V -2h:-1h", false)]
    [InlineData("cert-authority", "-n alice -O source-address=127.0.0.0/8", true)]
    [InlineData("cert-authority", "-n alice -O source-address=192.0.2.0/24", false)]
    [InlineData("cert-authority", "-n alice -O force-command=/bin/date", true)]
    [InlineData("cert-authority", "-n alice -O critical:x@example.com=y", false)]
    [InlineData("", "-n alice", false)]
    public async Task A_certificate_lets_in_whom_its_authority_may(string options, string signing, bool comesIn)
    {
        await using var hub = await HubRig.StartAsync();
        using var ca = await CertificateAuthority.MakeAsync();
        await ca.SignAsync(hub.UserKey, signing.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        hub.AdmitLine($"{options} {SshKeys.Public(ca.Key)} the authority");
        using var echo = new Echo();
        Assert.Equal(comesIn ? "hello" : "", await AskAsync(hub, echo.Port));
        if (options.Length == 0)
            return;
        var told = await hub.Running.WaitForAsync(comesIn ? "hub_login" : "hub_certificate_refused");
        Assert.Equal(("test", 7UL, await SshKeys.FingerprintAsync(ca.Key)), (told.GetProperty("certificate").GetString(), told.GetProperty("serial").GetUInt64(), told.GetProperty("authority").GetString()));
    }

    [Fact(Timeout = 60000)]
    public async Task What_a_certificate_and_its_authority_may_not_nobody_may()
    {
        await using var hub = await HubRig.StartAsync();
        using var ca = await CertificateAuthority.MakeAsync("rsa", "2048");
        using var echo = new Echo();
        foreach (var (options, signing, mayConnect) in new[] { ("", "", true), ("", "clear", false), ("", "no-port-forwarding", false), (",restrict", "", false), (",permitopen=\"127.0.0.1:1\"", "", false), ($",permitopen=\"127.0.0.1:{echo.Port}\"", "", true) })
        {
            await ca.SignAsync(hub.UserKey, ["-n", "alice", .. signing.Length > 0 ? ["-O", signing] : Array.Empty<string>()]);
            hub.AdmitLine($"cert-authority{options} {SshKeys.Public(ca.Key)}");
            Assert.Equal(mayConnect ? "hello" : "", await AskAsync(hub, echo.Port));
        }
        // The key alone, without its certificate, is nobody's.
        File.Delete($"{hub.UserKey}-cert.pub");
        Assert.Equal(255, (await hub.RunAsync("-N", "127.0.0.1")).Status);
    }

    [Fact(Timeout = 60000)]
    public async Task A_tunnel_of_ours_logs_in_by_a_certificate()
    {
        await using var hub = await HubRig.StartAsync();
        using var ca = await CertificateAuthority.MakeAsync("ecdsa", "256");
        await ca.SignAsync(hub.UserKey, "-n", "alice");
        hub.AdmitLine($"cert-authority {SshKeys.Public(ca.Key)}");
        using var echo = new Echo();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{hub.Tunnel}} }
            forwards: [ { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:{{echo.Port}}", via: office } ]
            """);
        using var client = await Echo.ConnectAsync(await fairlead.AddressAsync("local"));
        await Echo.ExchangeAsync(client, 5);
    }

    [Fact(Timeout = 60000)]
    public async Task OpenSSH_learns_the_keys_that_the_hub_proves()
    {
        using var keys = new Folder();
        var (first, second) = (await SshKeys.MakeAsync(Path.Combine(keys.Path, "first")), await SshKeys.MakeAsync(Path.Combine(keys.Path, "second"), "rsa", "2048"));
        await using var hub = await HubRig.StartAsync(hostKeys: [first, second]);
        var known = $"{hub.UserKey}.known";
        var name = $"[127.0.0.1]:{hub.Port}";
        File.WriteAllText(known, $"{name} {SshKeys.Public(first)}\n");
        using var ssh = await hub.ConnectAsync("-o", "UpdateHostKeys=yes");
        await Until.TrueAsync(() => File.ReadAllText(known).Contains(SshKeys.Public(second), StringComparison.Ordinal));
        Assert.Contains(SshKeys.Public(first), File.ReadAllText(known), StringComparison.Ordinal);
    }

    // What a client says there by ssh -W, and hears back.
    private static async Task<string> AskAsync(HubRig hub, int port)
    {
        using var folder = new Folder();
        var to = Path.Combine(folder.Path, "got");
        await OpenSshClient.CopyAsync(folder.Write("sent", "hello"), to, hub.UserKey, "alice", hub.Port, "-W", $"127.0.0.1:{port}", "127.0.0.1");
        return File.ReadAllText(to);
    }
}
