using Fairlead.Net;
using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>A server tells which keys it has, and proves it.</summary>
public sealed class HostKeysTests
{
    private static readonly SshPrivateKey rsa = TestKeys.Of("ssh-rsa"), ecdsa = TestKeys.Of("ecdsa-sha2-nistp384");

    [Fact(Timeout = 30000)]
    public async Task A_server_tells_its_keys_and_proves_them()
    {
        var told = new TaskCompletionSource<IReadOnlyList<SshPublicKey>>();
        using var pair = await SshPair.ConnectAsync(client => client with { OnHostKeys = (_, keys) => told.TrySetResult(keys) }, server => server with { HostKeys = [SshPair.HostKey, rsa, ecdsa] });
        var keys = await told.Task;

        Assert.Equal([SshPair.HostKey.PublicKey, rsa.PublicKey, ecdsa.PublicKey], keys);
        await pair.Client.Context.RunAsync(async () =>
        {
            Assert.True(await pair.Client.ProveHostKeysAsync(keys));
            Assert.True(await pair.Client.ProveHostKeysAsync([ecdsa.PublicKey]));
            // One that it has not: nothing is proved.
            Assert.False(await pair.Client.ProveHostKeysAsync([ecdsa.PublicKey, SshPair.UserKey.PublicKey]));
            Assert.False(await pair.Client.ProveHostKeysAsync([.. Enumerable.Repeat(ecdsa.PublicKey, 4)]));
            Assert.False(await pair.Client.ProveHostKeysAsync([]));
            Assert.True(await pair.Client.ProbeAsync());
        });
    }

    [Theory(Timeout = 30000)]
    [InlineData("of another session")]
    [InlineData("by another key")]
    [InlineData("too few")]
    [InlineData("too many")]
    [InlineData("noise")]
    public Task A_proof_that_is_none_proves_nothing(string what) => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.OpenAsync();
        var proving = rig.Connection.ProveHostKeysAsync([rsa.PublicKey, ecdsa.PublicKey]);
        await rig.Peer.ReadToAsync(Message.SSH_MSG_GLOBAL_REQUEST);
        byte[] Proof(SshPrivateKey key, SshPrivateKey signs, byte[] session) =>
            signs.Sign(signs.PublicKey.Algorithms[0], new SshWriter().WriteString("hostkeys-prove-00@openssh.com").WriteString(session).WriteString(key.PublicKey.Blob.Span).Written);
        var session = what == "of another session" ? new byte[32] : rig.Peer.SessionId;
        var answer = new SshWriter().Begin(Message.SSH_MSG_REQUEST_SUCCESS);
        if (what == "noise")
            answer.WriteBytes([1, 2, 3]);
        else
            answer.WriteString(Proof(rsa, rsa, session));
        if (what is not ("noise" or "too few"))
            answer.WriteString(Proof(ecdsa, what == "by another key" ? rsa : ecdsa, session));
        if (what == "too many")
            answer.WriteByte(0);
        await rig.Peer.SendAsync(answer);
        Assert.False(await proving);
        await rig.PingAsync();
    });

    [Fact(Timeout = 30000)]
    public Task What_a_server_says_again_or_beyond_measure_is_not_heard()
    {
        var told = new List<int>();
        return AttackRig.RunAsync(isServer: false, async rig =>
        {
            await rig.OpenAsync();
            foreach (var count in new[] { 2, 3 })
                await rig.Peer.SendAsync(Keys(count));
            await rig.PingAsync();
            await Traffic.UntilAsync(() => told.Count > 0);
            await AttackRig.SettleAsync();
            Assert.Equal([2], told);
        }, options => ((SshClientOptions)options) with { OnHostKeys = (_, keys) => told.Add(keys.Count) });
    }

    [Fact(Timeout = 30000)]
    public Task More_keys_than_any_server_has_are_none() => AttackRig.RunAsync(isServer: false, async rig =>
    {
        await rig.OpenAsync();
        await rig.Peer.SendAsync(Keys(33));
        await rig.PingAsync();
    }, options => ((SshClientOptions)options) with { OnHostKeys = (_, _) => Assert.Fail("it was told") });

    private static SshWriter Keys(int count)
    {
        var request = Messages.GlobalRequest("hostkeys-00@openssh.com", wantsAnswer: false).WriteString("of a kind that is not known");
        for (var i = 0; i < count; i++)
            request.WriteString(rsa.PublicKey.Blob.Span);
        return request;
    }
}
