using System.Net;

namespace Fairlead.SystemTests;

/// <summary>Programs of others at both ends of a tunnel to a server of OpenSSH: what people use such tunnels for.</summary>
public sealed class TunnelPeerTests
{
    [Fact(Timeout = 60000)]
    public async Task Curl_reads_mail_from_dovecot_through_it()
    {
        var curl = Peers.Require("curl", "curl");
        using var dovecot = await Dovecot.StartAsync();
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards:
              - { name: imap, listen: "127.0.0.1:0", to: "localhost:{{dovecot.ImapPort}}", via: office }
              - { name: pop3, listen: "127.0.0.1:0", to: "localhost:{{dovecot.Pop3Port}}", via: office }
            """);
        foreach (var (name, path) in new[] { ("imap", "INBOX;MAILINDEX=1"), ("pop3", "1") })
        {
            var (status, output) = await Peers.RunAsync(curl, "-sS", "--noproxy", "*", "--max-time", "30", "-u", Dovecot.Login, $"{name}://{await fairlead.AddressAsync(name)}/{path}");
            Assert.True(status == 0, $"{output}\n{fairlead.Errors}");
            Assert.Equal(Dovecot.Mail, output);
        }
    }

    [Fact(Timeout = 60000)]
    public async Task Vncsnapshot_photographs_Xtigervnc_through_a_remote_forward()
    {
        var camera = Peers.Require("vncsnapshot", "vncsnapshot");
        var screen = FreePorts.One();
        // It closes the descriptor that it is to write the display's number to.
        using var xtigervnc = await Peers.StartAsync(screen, Peers.Require("Xtigervnc", "tigervnc-standalone-server"), "-displayfd", "1", "-rfbport", $"{screen}", "-localhost", "-SecurityTypes", "None", "-geometry", "640x480", "-retro", "-nolisten", "tcp");
        using var server = await SshServerRig.StartAsync();
        using var folder = new Folder();
        await using var fairlead = await Running.RunAsync(folder, $$"""
            tunnels: { office: {{server.Tunnel}} }
            forwards: [ { name: screen, listen: "127.0.0.1:0", at: office, to: "127.0.0.1:{{screen}}" } ]
            """);
        var (direct, through) = (Path.Combine(folder.Path, "direct.jpg"), Path.Combine(folder.Path, "through.jpg"));
        foreach (var (photo, port) in new[] { (direct, screen), (through, (await fairlead.ListenAtAsync()).Port) })
        {
            // It counts displays from port 5900, and does not get along with the server's tight encoding.
            var (status, output) = await Peers.RunAsync("timeout", "30", camera, "-quiet", "-encodings", "raw", $"127.0.0.1:{port - 5900}", photo);
            Assert.True(status == 0, $"{photo}: {output}");
        }
        Assert.True(new FileInfo(direct).Length > 10_000);
        Assert.Equal(File.ReadAllBytes(direct), File.ReadAllBytes(through));
        // Every pixel went this way.
        var session = await fairlead.SessionAsync($"\"upstream\":\"127.0.0.1:{screen}\"");
        Assert.True(session.GetProperty("bytes_from_upstream").GetInt64() > 640 * 480 * 4);
        await xtigervnc.EndAsync();
    }

    /// <summary>A server of IMAP and POP3 with one mail in it.</summary>
    private sealed class Dovecot : IDisposable
    {
        public const string Login = "joe:secret", Mail = "From: alice@example.com\r\nTo: joe@example.com\r\nSubject: through the tunnel\r\n\r\nHello Joe.\r\n";

        private readonly Folder folder = new();
        private Peer? server;

        public int ImapPort { get; } = FreePorts.One();

        public int Pop3Port { get; } = FreePorts.One();

        public static async Task<Dovecot> StartAsync()
        {
            Peers.RequireRoot();
            var program = Peers.Require("dovecot", "dovecot-imapd");
            foreach (var protocol in (string[])["imap", "pop3"])
                Assert.SkipUnless(File.Exists($"/usr/lib/dovecot/{protocol}"), $"dovecot has no {protocol} (Debian package dovecot-{protocol}d).");
            var dovecot = new Dovecot();
            try
            {
                dovecot.Fill();
                dovecot.server = await Peers.StartAsync(new IPEndPoint(IPAddress.Loopback, dovecot.ImapPort), program, "-F", "-c", dovecot.Configure());
                return dovecot;
            }
            catch
            {
                dovecot.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            server?.Dispose();
            folder.Dispose();
        }

        // Whom the server becomes has to get there.
        private void Fill()
        {
            var open = (UnixFileMode)0b111_111_111;
            File.SetUnixFileMode(folder.Path, (UnixFileMode)0b111_101_101);
            foreach (var part in (string[])["run", "mail", "mail/new", "mail/cur", "mail/tmp"])
                File.SetUnixFileMode(Directory.CreateDirectory(Path.Combine(folder.Path, part)).FullName, part == "run" ? (UnixFileMode)0b111_101_101 : open);
            File.SetUnixFileMode(folder.Write("mail/new/1.a.b", Mail), (UnixFileMode)0b110_110_110);
        }

        private string Configure() => folder.Write("dovecot.conf", $$"""
            base_dir = {{folder.Path}}/run
            state_dir = {{folder.Path}}/run
            log_path = {{folder.Path}}/log
            protocols = imap pop3
            listen = 127.0.0.1
            ssl = no
            disable_plaintext_auth = no
            default_internal_user = nobody
            default_internal_group = nogroup
            default_login_user = nobody
            mail_location = maildir:{{folder.Path}}/mail
            passdb {
              driver = static
              args = password=secret
            }
            userdb {
              driver = static
              args = uid=nobody gid=nogroup home={{folder.Path}}/mail
            }
            service imap-login {
              chroot =
              inet_listener imap {
                port = {{ImapPort}}
              }
              inet_listener imaps {
                port = 0
              }
            }
            service pop3-login {
              chroot =
              inet_listener pop3 {
                port = {{Pop3Port}}
              }
              inet_listener pop3s {
                port = 0
              }
            }
            service anvil {
              chroot =
            }

            """);
    }
}
