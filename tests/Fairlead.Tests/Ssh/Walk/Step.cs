namespace Fairlead.Tests.Ssh;

/// <summary>What may happen to an open connection. What begins with User is done by whoever uses the attacked end, all else by its peer.</summary>
internal enum Act
{
    Open,
    OpenForwarded,
    Confirm,
    Fail,
    Data,
    Extended,
    Window,
    Eof,
    Close,
    ChannelRequest,
    ChannelReply,
    GlobalRequest,
    Reply,
    Ping,
    Nothing,
    OtherMessage,
    Rekey,
    Goodbye,
    Cut,
    UserOpen,
    UserOpenDatagrams,
    UserGiveUp,
    UserListen,
    UserCancel,
    UserProbe,
    UserProve,
    UserRead,
    UserWrite,
    UserComplete,
    UserAbort,
    UserDispose,
    UserAnswerOpen,
    UserAnswerListen,
    UserWait,
    UserDisconnect,
}

/// <summary>One step of a walk. It means something after whatever other steps, so that each may be left out.</summary>
/// <param name="Act">What happens.</param>
/// <param name="A">Chooses whom it happens to.</param>
/// <param name="B">Chooses how.</param>
/// <param name="IsWild">Whether the peer does it whether it may or not.</param>
/// <param name="IsHeld">Whether it leaves together with the next one.</param>
internal readonly record struct Step(Act Act, int A = 0, int B = 0, bool IsWild = false, bool IsHeld = false)
{
    // How often each comes, of what a connection is mostly used for.
    private static readonly (Act Act, int Weight)[] weights =
    [
        (Act.Open, 8), (Act.OpenForwarded, 3), (Act.Confirm, 8), (Act.Fail, 2), (Act.Data, 20), (Act.Extended, 3), (Act.Window, 8), (Act.Eof, 4), (Act.Close, 4), (Act.ChannelRequest, 3),
        (Act.ChannelReply, 1), (Act.GlobalRequest, 6), (Act.Reply, 10), (Act.Ping, 2), (Act.Nothing, 2), (Act.OtherMessage, 2), (Act.Rekey, 3), (Act.UserOpen, 8), (Act.UserOpenDatagrams, 3),
        (Act.UserGiveUp, 1), (Act.UserListen, 3), (Act.UserCancel, 2), (Act.UserProbe, 2), (Act.UserProve, 1), (Act.UserRead, 20), (Act.UserWrite, 16), (Act.UserComplete, 4), (Act.UserAbort, 1),
        (Act.UserDispose, 3), (Act.UserAnswerOpen, 3), (Act.UserAnswerListen, 3), (Act.UserWait, 1),
    ];

    private static readonly Act[] acts = [.. weights.SelectMany(weight => Enumerable.Repeat(weight.Act, weight.Weight))];

    /// <summary>A walk, most of the time one that the peer may take; its last step may be one that ends it.</summary>
    public static List<Step> Walk(Random random)
    {
        var isBold = random.Next(2) == 0;
        var steps = new List<Step>();
        for (var left = random.Next(1, 120); left > 0; left--)
            steps.Add(new Step(acts[random.Next(acts.Length)], random.Next(1000), random.Next(1 << 20), isBold && random.Next(25) == 0, random.Next(4) == 0));
        if (random.Next(3) == 0)
            steps.Add(new Step(random.Next(3) switch { 0 => Act.Goodbye, 1 => Act.Cut, _ => Act.UserDisconnect }, random.Next(1000), random.Next(1 << 20)));
        return steps;
    }

    /// <summary>As it is written in a test.</summary>
    public override string ToString() => $"new(Act.{Act}, {A}, {B}{(IsWild ? ", IsWild: true" : "")}{(IsHeld ? ", IsHeld: true" : "")})";
}
