namespace Fairlead.Tests.Ssh;

/// <summary>Whatever comes before the user is in, in whatever order: what may be goes on, and what may not be ends.</summary>
public sealed class LoginWalkTests
{
    private static readonly LoginAct[] forClient =
        [LoginAct.Service, LoginAct.Banner, LoginAct.Failure, LoginAct.Failure, LoginAct.PartialFailure, LoginAct.NoWay, LoginAct.ChangePassword, LoginAct.Success, LoginAct.Sign];

    private static readonly LoginAct[] forServer =
    [
        LoginAct.Service, LoginAct.AskNone, LoginAct.AskPassword, LoginAct.AskWhether, LoginAct.AskWhether, LoginAct.AskStranger, LoginAct.Sign, LoginAct.SignWrongly, LoginAct.AskOtherService,
        LoginAct.Success,
    ];

    private static readonly LoginAct[] forBoth = [LoginAct.Nothing, LoginAct.Nothing, LoginAct.Ping, LoginAct.Ping, LoginAct.Rekey, LoginAct.Extensions, LoginAct.Other];

    [Theory(Timeout = 300_000), Seeds(2, Share = 5)]
    public async Task Until_the_user_is_in_what_is_allowed_goes_on_and_what_is_not_ends_the_connection(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 40; i++)
        {
            var (isServer, isStrict) = (random.Next(2) == 0, random.Next(4) > 0);
            var noise = random.Next(isStrict ? 10 : 2) == 0 ? (random.Next(3), random.Next(3)) : default;
            LoginAct[] some = [.. isServer ? forServer : forClient, .. forBoth];
            var acts = new List<LoginAct>();
            if (random.Next(10) > 0)
                acts.Add(LoginAct.Service);
            for (var left = random.Next(20); left > 0; left--)
                acts.Add(some[random.Next(some.Length)]);
            if (await Record.ExceptionAsync(() => LoginWalk.RunAsync(isServer, isStrict, noise, acts)) is not { } error)
                continue;
            var shortest = await Fuzzing.ShrinkAsync(acts, async fewer => await Record.ExceptionAsync(() => LoginWalk.RunAsync(isServer, isStrict, noise, fewer)) is not null);
            var last = await Record.ExceptionAsync(() => LoginWalk.RunAsync(isServer, isStrict, noise, shortest));
            Assert.Fail($"LoginWalk.RunAsync({isServer}, {isStrict}, {noise}, {string.Join(", ", shortest)})\n{last ?? error}");
        }
    }
}
