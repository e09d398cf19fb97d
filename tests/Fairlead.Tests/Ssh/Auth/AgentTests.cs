using System.Net.Sockets;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Agents that are none, or do not mean it. The real one is in the system tests.</summary>
public sealed class AgentTests
{
    private const byte Failure = 5, Identities = 12, Signature = 14;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact(Timeout = 30000)]
    public async Task What_it_has_is_shown_and_signs()
    {
        using var key = SshPrivateKey.Generate();
        var certificate = TestCertificates.Make(key.PublicKey);
        using var fake = new FakeAgent(question => question[0] switch
        {
            11 => new SshWriter().Begin(Identities).WriteUInt32(3).WriteString("of a kind that is not known").WriteString("x").WriteString(key.PublicKey.Blob.Span).WriteString("c").WriteString(certificate).WriteString("").ToArray(),
            13 => new SshWriter().Begin(Signature).WriteString(key.Sign("ssh-ed25519", DataIn(question))).ToArray(),
            _ => [Failure],
        });
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);
        await agent.BindAsync(new SshBinding(SshPresentedKey.Of(key.PublicKey), "session"u8.ToArray(), "signature"u8.ToArray()), Cancel);
        var identities = await agent.ListAsync(Cancel);

        Assert.Equal([false, true], identities.Select(identity => identity.Key.Certificate is not null));
        Assert.All(identities, identity => Assert.True(identity.IsAskedFirst));
        foreach (var identity in identities)
        {
            var signature = await identity.Sign("ssh-ed25519", "data"u8.ToArray());
            Assert.True(key.PublicKey.Verify("ssh-ed25519", "data"u8, signature));
        }
        var bound = new SshReader(fake.Questions[0].AsSpan(1));
        Assert.Equal("session-bind@openssh.com", bound.ReadText());
        Assert.Equal(key.PublicKey.Blob.ToArray(), bound.ReadString().ToArray());
        Assert.Equal(("session", "signature", false), (bound.ReadText(), bound.ReadText(), bound.ReadBoolean()));
        Assert.True(bound.IsAtEnd);
    }

    [Fact(Timeout = 30000)]
    public async Task RSA_is_asked_for_by_its_hash_and_nothing_else_is_taken()
    {
        var key = TestKeys.Of("ssh-ed25519");
        using var fake = new FakeAgent(_ => new SshWriter().Begin(Signature).WriteString(key.Sign("ssh-ed25519", "data"u8)).ToArray());
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);
        foreach (var (algorithm, flags) in new[] { ("rsa-sha2-256", 2u), ("rsa-sha2-512", 4u) })
        {
            await Assert.ThrowsAsync<SshKeyException>(() => agent.SignAsync(SshPresentedKey.Of(key.PublicKey), algorithm, "data"u8.ToArray(), Cancel));
            var question = fake.Questions[^1];
            Assert.Equal(flags, new SshReader(question.AsSpan(^4..)).ReadUInt32());
        }
    }

    [Theory(Timeout = 30000)]
    [InlineData("")]
    [InlineData("05")]
    [InlineData("0C")]
    [InlineData("0C00000001")]
    [InlineData("0CFFFFFFFF0000")]
    [InlineData("0C00000001FFFFFFFF")]
    public async Task An_answer_that_is_none_is_told(string answer)
    {
        using var fake = new FakeAgent(_ => Convert.FromHexString(answer));
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);

        Assert.StartsWith($"the agent at {fake.Path} does", (await Assert.ThrowsAsync<SshKeyException>(() => agent.ListAsync(Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public async Task Of_an_endless_answer_nothing_is_read()
    {
        using var fake = new FakeAgent(_ => [], claimedLength: (256 << 10) + 1);
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);

        Assert.Contains("an answer of 262145 bytes", (await Assert.ThrowsAsync<SshKeyException>(() => agent.ListAsync(Cancel))).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30000)]
    public async Task Of_many_keys_64_are_looked_at()
    {
        var answer = new SshWriter().Begin(Identities).WriteUInt32(100);
        for (var i = 0; i < 100; i++)
            answer.WriteString(TestKeys.Of("ssh-ed25519").PublicKey.Blob.Span).WriteString("");
        using var fake = new FakeAgent(_ => answer.ToArray());
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);

        Assert.Equal(64, (await agent.ListAsync(Cancel)).Count);
    }

    [Fact(Timeout = 30000)]
    public async Task One_that_is_given_up_is_not_waited_for()
    {
        using var source = new CancellationTokenSource();
        using var fake = new FakeAgent(_ =>
        {
            source.Cancel();
            return null;
        });
        using var agent = await SshAgent.ConnectAsync(fake.Path, Cancel);

        await Assert.ThrowsAsync<SshKeyException>(() => agent.ListAsync(source.Token));
    }

    [Fact(Timeout = 30000)]
    public async Task Where_there_is_none_it_is_said_with_the_remedy()
    {
        using var folder = new TestFolder();
        var error = await Assert.ThrowsAsync<SshKeyException>(() => SshAgent.ConnectAsync(folder.PathOf("gone"), Cancel));
        Assert.StartsWith($"the agent at {folder.PathOf("gone")} cannot be reached (", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("); start one and add the key (ssh-add FILE), or leave it out (agent: off)", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<SshKeyException>(() => SshAgent.ConnectAsync(new string('a', 500), Cancel));
    }

    private static byte[] DataIn(byte[] question)
    {
        var fields = new SshReader(question.AsSpan(1));
        fields.ReadString();
        return fields.ReadString().ToArray();
    }

    /// <summary>Answers one connection as a test says.</summary>
    private sealed class FakeAgent : IDisposable
    {
        private readonly TestFolder folder = new();
        private readonly Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        private readonly Func<byte[], byte[]?> answer;
        private readonly int? claimedLength;

        public FakeAgent(Func<byte[], byte[]?> answer, int? claimedLength = null)
        {
            (this.answer, this.claimedLength) = (answer, claimedLength);
            socket.Bind(new UnixDomainSocketEndPoint(Path));
            socket.Listen();
            _ = AnswerAsync();
        }

        public string Path => folder.PathOf("agent");

        public List<byte[]> Questions { get; } = [];

        public void Dispose()
        {
            socket.Dispose();
            folder.Dispose();
        }

        private async Task AnswerAsync()
        {
            try
            {
                using var client = await socket.AcceptAsync();
                await using var stream = new NetworkStream(client);
                while (true)
                {
                    var head = new byte[4];
                    await stream.ReadExactlyAsync(head);
                    var question = new byte[new SshReader(head).ReadUInt32()];
                    await stream.ReadExactlyAsync(question);
                    Questions.Add(question);
                    if (answer(question) is { } said)
                        await stream.WriteAsync(new SshWriter().WriteUInt32((uint)(claimedLength ?? said.Length)).WriteBytes(said).ToArray());
                }
            }
            catch (Exception error) when (error is IOException or SocketException or ObjectDisposedException)
            {
            }
        }
    }
}
