using Fairlead.Ssh;

namespace Fairlead.Tests.Ssh;

/// <summary>Questions about the whole connection: each has one answer, in its turn.</summary>
internal sealed partial class ChannelWalk
{
    // The peer's questions that have no answer yet.
    private readonly Queue<Asked> replies = [];

    // The attacked end's.
    private readonly Queue<Question> questions = [];
    private readonly HashSet<SshBind> listens = [];
    private readonly List<Asking> asking = [];

    // The peer's question that its user thinks about.
    private TaskCompletionSource<int?>? waitingListen;

    private sealed class Asked(bool wantsAnswer, int length)
    {
        public bool WantsAnswer => wantsAnswer;

        public int Length => length;

        public bool IsYes { get; set; }

        // Somebody thinks about it.
        public bool IsLate { get; set; }

        // It is signed elsewhere.
        public bool IsProof { get; init; }
    }

    // What the attacked end wants to know of the peer.
    private sealed record Question(string Kind, SshBind? Bind);

    // And who waits for that.
    private sealed class Asking(string kind, Task<int?> answer)
    {
        public string Kind => kind;

        public Task<int?> Answer => answer;

        public bool HasAnswer { get; set; }

        public int? Expected { get; set; }
    }

    // What the user says to a listen is in its port.
    private enum Say
    {
        Yes,
        No,
        Later,
        Throw,
    }

    private static Say SayTo(SshBind bind) => (Say)((bind is SshBind.Tcp tcp ? tcp.Port : ((SshBind.Streamlocal)bind).Path.Length) % 4);

    private async ValueTask<int?> OnListen(SshBind bind)
    {
        switch (SayTo(bind))
        {
            case Say.Yes:
                return 4242;
            case Say.No:
                return null;
            case Say.Throw:
                throw new InvalidOperationException("the user does not know");
            default:
                Assert.Null(waitingListen);
                waitingListen = new TaskCompletionSource<int?>();
                return await waitingListen.Task;
        }
    }

    private void AnswerListen(bool isYes)
    {
        if (waitingListen is not { } waiting)
            return;
        waitingListen = null;
        var head = replies.First(reply => reply.IsLate);
        (head.IsLate, head.IsYes) = (false, isYes);
        waiting.SetResult(isYes ? 4242 : null);
    }

    // The peer asks something.
    private void Ask(Step step)
    {
        var wantsAnswer = step.B % 4 > 0;
        var (type, mayBe) = ("", true);
        var message = new SshWriter().Begin(Message.SSH_MSG_GLOBAL_REQUEST);
        SshBind? bind = null;
        switch (step.A % 8)
        {
            case 0 or 1 or 2:
                type = step.A % 8 == 2 ? "cancel-tcpip-forward" : "tcpip-forward";
                bind = new SshBind.Tcp(step.IsWild && step.B % 3 == 0 ? new string('h', 2000) : "localhost", step.IsWild && step.B % 3 == 1 ? 65536 : step.B % 9);
                mayBe = bind is SshBind.Tcp { Host.Length: < 1025, Port: < 65536 };
                break;
            case 3:
                type = step.B % 2 == 0 ? "streamlocal-forward@openssh.com" : "cancel-streamlocal-forward@openssh.com";
                bind = new SshBind.Streamlocal("/run/socket"[..(1 + (step.B % 9))]);
                break;
            case 4:
                type = "hostkeys-prove-00@openssh.com";
                break;
            case 5:
                type = "no-more-sessions@openssh.com";
                break;
            default:
                type = step.A % 8 == 6 ? "keepalive@openssh.com" : new string('\u202e', step.B % 1000);
                break;
        }
        message.WriteString(type).WriteBoolean(wantsAnswer);
        if (bind is SshBind.Tcp tcp)
            message.WriteString(tcp.Host).WriteUInt32((uint)tcp.Port);
        else if (bind is SshBind.Streamlocal local)
            message.WriteString(local.Path);
        var isProof = rig.IsServer && step.A % 8 == 4 && step.B % 3 > 0;
        if (step.A % 8 == 4)
            message.WriteString(step.B % 3 > 0 ? SshPair.HostKey.PublicKey.Blob.Span : SshPair.UserKey.PublicKey.Blob.Span);
        // No end of it is missing.
        if (step is { IsWild: true, A: > 900 } && bind is not null)
            mayBe = false;
        Send(mayBe || step.A <= 900 || bind is null ? message.ToArray() : message.ToArray()[..^1], mayBe);
        if (!mayBe || (bind is null && !wantsAnswer))
            return;
        var isHeard = rig.IsServer && bind is not null;
        var hasPort = bind is SshBind.Tcp { Port: 0 } && step.A % 8 < 2;
        replies.Enqueue(new Asked(wantsAnswer, hasPort ? 5 : 1) { IsYes = isProof || (isHeard && SayTo(bind!) == Say.Yes), IsLate = isHeard && SayTo(bind!) == Say.Later, IsProof = isProof });
    }

    private void HearReply(byte[] message)
    {
        SkipSilent();
        Assert.True(replies.TryDequeue(out var asked) && !asked.IsLate, "an answer came to what was not asked, or to what nobody knows yet");
        Assert.True(asked.IsYes == (message[0] == Message.SSH_MSG_REQUEST_SUCCESS), $"an answer is {message[0]}, and has to be {(asked.IsYes ? "a yes" : "a no")}");
        if (asked is { IsYes: true, IsProof: false })
            Assert.Equal(asked.Length, message.Length);
    }

    // What was heard and wanted no answer.
    private void SkipSilent()
    {
        while (replies.TryPeek(out var asked) && asked is { WantsAnswer: false, IsLate: false })
            replies.Dequeue();
    }

    private async Task<bool> IsProvingAsync()
    {
        SkipSilent();
        if (!replies.TryPeek(out var next) || !next.IsProof)
            return false;
        await Task.Yield();
        return true;
    }

    private void CheckQuestions()
    {
        SkipSilent();
        Assert.True(replies.Count == 0 || replies.Peek().IsLate, "a question has no answer");
        Assert.Equal(replies.Count > 0, waitingListen is not null);
        CheckAsking();
    }

    // The user asks something.
    private void UserAsk(Step step)
    {
        var connection = rig.Connection;
        SshBind bind = (step.B % 4) switch
        {
            0 => new SshBind.Tcp("", 0),
            1 => new SshBind.Streamlocal("/run/socket"),
            _ => new SshBind.Tcp("localhost", 8000 + (step.B % 5)),
        };
        if (step.Act == Act.UserCancel && listens.Count > 0 && step.A % 4 > 0)
            bind = listens.ElementAt(step.A % listens.Count);
        asking.Add(step.Act switch
        {
            Act.UserListen => new Asking("listen", ListenAsync()),
            Act.UserCancel => new Asking("cancel", SaysYesAsync(connection.CancelAsync(bind))),
            Act.UserProbe => new Asking("probe", SaysYesAsync(connection.ProbeAsync())),
            _ => new Asking("prove", SaysYesAsync(connection.ProveHostKeysAsync([SshPair.HostKey.PublicKey]))),
        });

        async Task<int?> ListenAsync() => (await connection.ListenAsync(bind, OnOpen)).Port;

        static async Task<int?> SaysYesAsync(Task<bool> answer) => await answer ? 1 : null;
    }

    // The attacked end asks something.
    private void HearQuestion(byte[] message)
    {
        var fields = new SshReader(message.AsSpan(1));
        var type = fields.ReadText();
        if (!fields.ReadBoolean())
            return;
        questions.Enqueue(type switch
        {
            "tcpip-forward" or "cancel-tcpip-forward" => new Question(type[0] == 'c' ? "cancel" : "listen", new SshBind.Tcp(fields.ReadText(), (int)fields.ReadUInt32())),
            "streamlocal-forward@openssh.com" or "cancel-streamlocal-forward@openssh.com" => new Question(type[0] == 'c' ? "cancel" : "listen", new SshBind.Streamlocal(fields.ReadText())),
            "hostkeys-prove-00@openssh.com" => new Question("prove", null),
            _ => new Question("probe", null),
        });
    }

    // The peer answers the first of those, or what nobody has asked.
    private void Reply(Step step)
    {
        var isYes = step.B % 4 > 0;
        var ports = new[] { 5000 + (step.B % 3), step.IsWild ? 65536 : 0, 65535 };
        var port = ports[step.A % 3];
        byte[] message = isYes ? [Message.SSH_MSG_REQUEST_SUCCESS] : [Message.SSH_MSG_REQUEST_FAILURE];
        if (!questions.TryPeek(out var question))
        {
            // What is on its way may make it ask.
            if (step.IsWild && held.Count == 0)
                Send(message, mayBe: false);
            return;
        }
        var choosesPort = question is { Kind: "listen", Bind: SshBind.Tcp { Port: 0 } };
        if (isYes && choosesPort)
            message = new SshWriter().Begin(message[0]).WriteUInt32((uint)port).ToArray();
        if (isYes && step is { IsWild: true, A: > 900 })
            message = message[..1];
        var mayBe = !isYes || !choosesPort || (message.Length == 5 && port <= 65535);
        Send(message, mayBe);
        if (!mayBe)
            return;
        questions.Dequeue();
        if (isYes && question.Kind == "listen")
            listens.Add(choosesPort ? new SshBind.Tcp(((SshBind.Tcp)question.Bind!).Host, port) : question.Bind!);
        // Who comes is not wanted any more, whatever the peer says.
        else if (question.Kind == "cancel")
            listens.Remove(question.Bind!);
        if (question.Kind != "probe")
        {
            var asked = asking.First(asked => asked.Kind == question.Kind && !asked.HasAnswer);
            (asked.HasAnswer, asked.Expected) = (true, !isYes || question.Kind == "prove" ? null : question.Kind == "cancel" ? 1 : choosesPort ? port : (question.Bind as SshBind.Tcp)?.Port ?? 0);
        }
    }

    // What the user has asked has its answer, once that has come.
    private void CheckAsking()
    {
        foreach (var asked in asking.Where(asked => asked.HasAnswer && asked.Kind != "prove"))
        {
            Assert.True(asked.Answer.IsCompletedSuccessfully, $"{asked.Kind}: the answer has come, and whoever asks waits");
            Assert.Equal(asked.Expected, asked.Answer.Result);
        }
        asking.RemoveAll(asked => asked.Answer.IsCompleted);
        Assert.True(questions.Count > 0 || asking.All(asked => asked.Kind == "prove"), "all was answered, and somebody waits");
    }
}
