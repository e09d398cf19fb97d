namespace Fairlead.Tests.Tunnels;

public sealed class TunnelAnswersTests
{
    [Fact]
    public async Task Connections_that_need_the_same_secret_have_it_asked_for_once_and_again_where_it_is_wrong()
    {
        var cancel = TestContext.Current.CancellationToken;
        var (asked, answer) = (0, new TaskCompletionSource<string?>());
        var answers = new TunnelAnswers((_, _, _) =>
        {
            asked++;
            return answer.Task;
        });

        var (first, second) = (answers.SecretAsync("password: ", wrong: null, cancel), answers.SecretAsync("password: ", wrong: null, cancel));
        answer.SetResult("misspelt");
        var wrong = await first;
        Assert.Same(wrong, await second);
        Assert.Equal(1, asked);

        answer = new TaskCompletionSource<string?>();
        (first, second) = (answers.SecretAsync("password: ", wrong, cancel), answers.SecretAsync("password: ", wrong, cancel));
        answer.SetResult("right");
        Assert.True((await first)!.Matches("right"));
        Assert.Same(await first, await second);
        Assert.Equal(2, asked);
    }
}
