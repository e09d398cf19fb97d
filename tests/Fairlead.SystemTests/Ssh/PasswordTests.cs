namespace Fairlead.SystemTests;

/// <summary>A password, to a server of OpenSSH that asks for it in one way or another.</summary>
public sealed class PasswordTests
{
    private const string Password = "correct horse";

    // PAM asks questions; without it the server looks at the file of passwords itself.
    private const string Plain = "PasswordAuthentication yes", Questions = "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no";

    [Theory(Timeout = 60000)]
    [InlineData(Plain, "password")]
    [InlineData(Questions, "keyboard-interactive/pam")]
    public async Task The_password_logs_in_and_another_one_does_not(string server, string method)
    {
        using var rig = await SshServerRig.StartAsync(server, Password);
        using var folder = new Folder();
        await using (var fairlead = await RunAsync(folder, rig, Password))
            await fairlead.WaitForAsync("tunnel_up");
        await Until.TrueAsync(() => rig.Log.Contains($"Accepted {method} for {SshServerRig.PasswordUser} ", StringComparison.Ordinal));
        await using (var fairlead = await RunAsync(folder, rig, "wrong horse"))
        {
            var down = await fairlead.WaitForAsync("tunnel_down");
            Assert.Equal("Authentication", down.GetProperty("cause").GetString());
            Assert.DoesNotContain("horse", down.GetRawText(), StringComparison.Ordinal);
        }
    }

    [Theory(Timeout = 60000)]
    [InlineData(Plain)]
    [InlineData(Questions)]
    public async Task Without_a_password_nothing_is_answered(string server)
    {
        using var rig = await SshServerRig.StartAsync(server, Password);
        using var folder = new Folder();
        await using var fairlead = await RunAsync(folder, rig, null);
        Assert.Equal("Authentication", (await fairlead.WaitForAsync("tunnel_down")).GetProperty("cause").GetString());
        Assert.DoesNotContain("Failed password", rig.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("keyboard-interactive/pam", rig.Log, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60000)]
    public async Task A_key_and_then_the_password_are_shown_to_a_server_that_wants_both()
    {
        using var rig = await SshServerRig.StartAsync($"{Plain}\nAuthenticationMethods publickey,password", Password);
        using var folder = new Folder();
        await using var fairlead = await RunAsync(folder, rig, Password, $", identity: {rig.UserKey}");
        await fairlead.WaitForAsync("tunnel_up");
        Assert.Contains("Partial publickey for", rig.Log, StringComparison.Ordinal);
    }

    // The user's own keys are shown too, where there are any: of those the server knows nothing.
    private static Task<Running> RunAsync(Folder folder, SshServerRig rig, string? password, string more = "")
    {
        var secret = folder.Write("password", password ?? "");
        File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var given = password is null ? "" : $", password: \"file:{secret}\"";
        return Running.RunAsync(folder, $$"""
            tunnels: { office: { ssh: "{{SshServerRig.PasswordUser}}@127.0.0.1:{{rig.Port}}", known_hosts: {{rig.KnownHosts}}, agent: off{{given}}{{more}} } }
            forwards: [ { name: local, listen: "127.0.0.1:0", to: "127.0.0.1:1", via: office } ]
            """);
    }
}
