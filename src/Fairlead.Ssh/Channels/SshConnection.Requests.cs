using Fairlead.Net;

namespace Fairlead.Ssh;

/// <summary>Requests about the whole connection (RFC 4254 section 4): to listen at the far end, and whether it is there.</summary>
public sealed partial class SshConnection
{
    // A peer that asks for more before it has heard one answer is not one that forwards.
    private const int MostRequests = 1024;

    private readonly Queue<Question> asked = [];
    private readonly Dictionary<SshBind, Action<SshIncoming>> listens = [];
    private readonly Queue<GlobalRequest> requests = [];
    private ITimer? keepalive, keyWatch;
    private Task<bool>? probing;
    private int unanswered;
    private long heard;
    private bool isAnswering;

    // What is done with the answer is done before the next message is read.
    private sealed record Question(Action<byte[]?> Then, TaskCompletionSource<byte[]?> Answer)
    {
        public void End(byte[]? reply)
        {
            Then(reply);
            Answer.SetResult(reply);
        }
    }

    // What is not known is kept without its words, which may be long.
    private sealed record GlobalRequest(bool WantsAnswer, SshBind? Bind, bool IsCancel, IReadOnlyList<SshPrivateKey>? Proofs = null);

    /// <summary>Asks the far end to listen. Answers come in the order of the questions, however many there are at once.</summary>
    /// <param name="bind">Where.</param>
    /// <param name="arrive">Told, where the connection lives, of everybody who comes; it must not throw.</param>
    public async Task<SshListenResult> ListenAsync(SshBind bind, Action<SshIncoming> arrive)
    {
        if (end is not null)
            return new SshListenResult(null, true);
        var port = (bind as SshBind.Tcp)?.Port ?? 0;
        var answer = AskAsync(WriteBind(bind, "tcpip-forward", "streamlocal-forward@openssh.com"), reply =>
        {
            if (reply is null)
                return;
            // Section 7.1: the port is told where it was left open. Who comes may be right behind the answer.
            if (bind is SshBind.Tcp { Port: 0 })
                port = ReadPort(reply);
            listens[bind is SshBind.Tcp tcp ? tcp with { Port = port } : bind] = arrive;
        });
        return await answer is null ? new SshListenResult(null, end is not null) : new SshListenResult(port, false);
    }

    /// <summary>Asks the far end to listen there no longer.</summary>
    /// <param name="bind">As it was asked for, with the port that is listened on.</param>
    /// <returns>False: it did not listen there, or the connection has ended.</returns>
    public async Task<bool> CancelAsync(SshBind bind)
    {
        if (end is not null)
            return false;
        return await AskAsync(WriteBind(bind, "cancel-tcpip-forward", "cancel-streamlocal-forward@openssh.com"), _ => listens.Remove(bind)) is not null;
    }

    /// <summary>Asks whether the peer is there, and waits for any answer.</summary>
    /// <returns>False: the connection has ended.</returns>
    public async Task<bool> ProbeAsync()
    {
        if (end is not null)
            return false;
        await AskAsync(new SshWriter().Begin(Message.SSH_MSG_GLOBAL_REQUEST).WriteString("keepalive@openssh.com").WriteBoolean(true), static _ => { });
        return end is null;
    }

    /// <summary>Asks whether the peer is there, and gives the connection up where nothing comes. Whoever asks while the question is under way shares it.</summary>
    /// <param name="patience">For how long: any byte within that time is an answer.</param>
    /// <returns>False: the connection has ended.</returns>
    internal Task<bool> ProbeAsync(TimeSpan patience)
    {
        if (end is not null)
            return Task.FromResult(false);
        return probing ??= ProbeWithinAsync(patience);
    }

    private async Task<bool> ProbeWithinAsync(TimeSpan patience)
    {
        var (before, answer, late) = (Transport.LastReceived, ProbeAsync(), new TaskCompletionSource());
        using (Options.Time.CreateTimer(_ => Context.Run(() => late.TrySetResult()), null, patience, Timeout.InfiniteTimeSpan))
            await Task.WhenAny(answer, late.Task);
        probing = null;
        if (!answer.IsCompleted && Transport.LastReceived == before)
            await EndAsync(new SshEnd(SshEndCause.NoAnswer, null, $"the peer has not answered within {patience.TotalSeconds:0} s whether it is there"), tells: false);
        return end is null;
    }

    private static SshWriter WriteBind(SshBind bind, string tcp, string streamlocal)
    {
        var writer = new SshWriter().Begin(Message.SSH_MSG_GLOBAL_REQUEST);
        return bind switch
        {
            SshBind.Tcp port => writer.WriteString(tcp).WriteBoolean(true).WriteString(port.Host).WriteUInt32((uint)port.Port),
            SshBind.Streamlocal path => writer.WriteString(streamlocal).WriteBoolean(true).WriteString(path.Path),
            _ => throw new ArgumentException("such a bind is not known", nameof(bind)),
        };
    }

    private static int ReadPort(byte[] reply)
    {
        var fields = new SshReader(reply);
        return SshOpen.ReadPort(ref fields);
    }

    private Task<byte[]?> AskAsync(SshWriter request, Action<byte[]?> then)
    {
        if (asked.Count >= MostRequests)
        {
            _ = EndAsync(new SshEnd(SshEndCause.NoAnswer, null, $"the peer has answered none of {MostRequests} questions"), tells: false);
            return Task.FromResult<byte[]?>(null);
        }
        var question = new Question(then, new TaskCompletionSource<byte[]?>());
        asked.Enqueue(question);
        Transport.Send(request);
        return question.Answer.Task;
    }

    private void OnReply(ReadOnlySpan<byte> message)
    {
        if (!asked.TryPeek(out var question))
            throw SshProtocolException.Of("an answer came to what nobody asked");
        var reply = message[0] == Message.SSH_MSG_REQUEST_SUCCESS ? message[1..].ToArray() : null;
        // An answer that is none ends the connection, and then this question too.
        question.Then(reply);
        asked.Dequeue();
        question.Answer.SetResult(reply);
    }

    private Action<SshIncoming>? ArrivalOf(SshOpen open) => open switch
    {
        SshOpen.ForwardedTcp tcp => listens.GetValueOrDefault(new SshBind.Tcp(tcp.Host, tcp.Port)),
        SshOpen.ForwardedStreamlocal local => listens.GetValueOrDefault(new SshBind.Streamlocal(local.Path)),
        _ => null,
    };

    private void OnGlobalRequest(ref SshReader fields)
    {
        var (type, wantsAnswer) = (fields.ReadText(), fields.ReadBoolean());
        SshBind? bind = type switch
        {
            "tcpip-forward" or "cancel-tcpip-forward" => new SshBind.Tcp(SshOpen.ReadPlace(ref fields), SshOpen.ReadPort(ref fields)),
            "streamlocal-forward@openssh.com" or "cancel-streamlocal-forward@openssh.com" => new SshBind.Streamlocal(SshOpen.ReadPlace(ref fields)),
            _ => null,
        };
        if (type == HostKeysRequest)
            OnHostKeys(fields.Rest);
        // What needs neither an answer nor an act is heard and forgotten, like no-more-sessions@openssh.com.
        if (bind is null && !wantsAnswer)
            return;
        if (requests.Count >= MostRequests)
            throw SshProtocolException.Of($"more than {MostRequests} requests came before one was answered");
        requests.Enqueue(new GlobalRequest(wantsAnswer, bind, type.StartsWith("cancel-", StringComparison.Ordinal), type == ProveRequest ? ReadProofs(fields.Rest) : null));
        if (!isAnswering)
            _ = AnswerAsync();
    }

    // Section 4: answers are sent in the order of the questions, though each may take its time. Never throws.
    private async Task AnswerAsync()
    {
        isAnswering = true;
        try
        {
            while (end is null && requests.TryDequeue(out var request))
            {
                var answer = await TryAnswerAsync(request);
                if (end is null && request.WantsAnswer)
                    Transport.Send(answer ?? new SshWriter(8).Begin(Message.SSH_MSG_REQUEST_FAILURE));
            }
        }
        finally
        {
            isAnswering = false;
        }
    }

    // Whatever goes wrong with one, the others have their answers in their places.
    private async ValueTask<SshWriter?> TryAnswerAsync(GlobalRequest request)
    {
        try
        {
            return await AnswerAsync(request);
        }
        catch (Exception e) when (e is not SshProtocolException)
        {
            return null;
        }
    }

    // Null: refused, or not known; a question whether this end is there is answered so by everybody.
    private async ValueTask<SshWriter?> AnswerAsync(GlobalRequest request)
    {
        if (request.Proofs is { } keys)
            return await ProveAsync(keys);
        if (Options is not SshServerOptions server || request.Bind is not { } bind)
            return null;
        var writer = new SshWriter(16).Begin(Message.SSH_MSG_REQUEST_SUCCESS);
        if (request.IsCancel)
            return server.OnCancel is { } cancel && await cancel(bind) ? writer : null;
        if (server.OnListen is not { } listen || await listen(bind) is not { } port)
            return null;
        return bind is SshBind.Tcp { Port: 0 } ? writer.WriteUInt32((uint)port) : writer;
    }

    // Keys get old also where nobody is asked whether they are there.
    private void StartTimers()
    {
        if (end is not null)
            return;
        keyWatch = Options.Time.CreateTimer(_ => Context.Run(LookAtKeys), null, mostForExchange / 4, mostForExchange / 4);
        if (Options.Keepalive != Timeout.InfiniteTimeSpan)
            keepalive = Options.Time.CreateTimer(_ => Context.Run(OnKeepalive), null, Options.Keepalive, Options.Keepalive);
    }

    private void LookAtKeys()
    {
        if (end is not null)
            return;
        Transport.RekeyIfDue();
        if (Transport.ExchangeTime >= mostForExchange)
            _ = EndAsync(new SshEnd(SshEndCause.NoAnswer, null, $"the peer has not exchanged keys within {mostForExchange.TotalSeconds:0} s"), tells: false);
    }

    private void OnKeepalive()
    {
        if (end is not null)
            return;
        // Any byte since the last question is an answer, however soon it came.
        if (heard != Transport.LastReceived)
            unanswered = 0;
        heard = Transport.LastReceived;
        if (Options.Time.GetElapsedTime(heard) < Options.Keepalive)
            return;
        if (unanswered++ >= Options.KeepaliveProbes)
            _ = EndAsync(new SshEnd(SshEndCause.NoAnswer, null, $"the peer has not answered {Options.KeepaliveProbes} questions whether it is there, {Options.Keepalive.TotalSeconds:0} s apart"), tells: false);
        else
            _ = ProbeAsync();
    }

    private void EndRequests()
    {
        requests.Clear();
        listens.Clear();
        while (asked.TryDequeue(out var question))
            question.End(null);
    }
}
