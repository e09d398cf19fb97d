namespace Fairlead.Tests;

public sealed class HubKeysTests
{
    [Fact(Timeout = 30000)]
    public async Task Lines_that_do_not_count_are_told_at_the_start_and_at_each_reload()
    {
        await using var rig = new TunnelRig(EngineKind.Portable);
        var configuration = new Configuration { Hub = rig.Hub };
        rig.Authorize("not-known");

        rig.Far.Engine.ApplyConfiguration(configuration);
        Assert.Equal(
        [
            $"{rig.Hub.AuthorizedKeys}:1: warning: the option 'not-known' is not known, so that the key is not accepted; remove the option if the key may be used without it",
            $"{rig.Hub.AuthorizedKeys}: warning: no key in it is accepted, so that nobody can come in; add a line for each who may, which is the one in id_ed25519.pub on his machine",
        ], Warnings());

        rig.Authorize("command=\"date\"");
        rig.Far.Engine.ApplyConfiguration(configuration);
        Assert.StartsWith($"{rig.Hub.AuthorizedKeys}:1: warning: command= does nothing", Warnings()[2]);

        string[] Warnings() => [.. rig.Far.Log.Where(entry => entry.Event == "configuration_warning").Select(entry => entry.Message)];
    }

    [Fact(Timeout = 30000)]
    public async Task Without_a_list_of_keys_that_can_be_read_nothing_is_started()
    {
        await using var rig = new TunnelRig(EngineKind.Portable);

        var refusal = Assert.Throws<ForwardException>(() => rig.Far.Engine.ApplyConfiguration(new Configuration { Hub = rig.Hub with { AuthorizedKeys = "/dev/null" } }));

        Assert.Equal("hub: authorized_keys /dev/null is not a file; write the path of one", refusal.Message);
        Assert.Empty(rig.Far.Engine.Status());
    }
}
