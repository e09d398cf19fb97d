using Fairlead.Net;

namespace Fairlead;

/// <summary>
/// A client's requests to an HTTP proxy, one after the other, each passed on to its own target (RFC 9110, RFC 9112). It ends with the client, or with a CONNECT, which is
/// handed back.
/// </summary>
/// <remarks>
/// The connection to a target is kept for the next request to exactly that target, if both sides have said everything that belonged to the last one; another target has
/// another connection. So what one host is sent, and answers, never reaches another, whatever the client or a host puts behind its messages.
/// </remarks>
internal sealed class HttpConversation
{
    // How long a client that is told no gets to read it, while what it still sends is thrown away: a connection that is closed over unread bytes is reset, and the answer with it.
    private static readonly TimeSpan linger = TimeSpan.FromSeconds(5);

    // A browser asks once without a password and once with one that it remembers; who guesses needs a connection for every few guesses.
    private const int MostRefusals = 3;

    private readonly HttpConversationOptions options;
    private readonly Patience patience;
    private readonly HttpPeer client;
    private readonly Throttle? fromClient, fromUpstream;
    private volatile HttpPeer? upstream;
    private HttpAuthority? upstreamOf;
    private volatile bool isStopped;
    private HttpAnswer? lastAnswer;
    private Task late = Task.CompletedTask, watching = Task.CompletedTask, parking = Task.CompletedTask;
    private long requests;
    private int refusals;

    /// <summary>A conversation that <see cref="RunAsync"/> has.</summary>
    /// <param name="client">The client, with nothing read of its first request, or all of that one's head and nothing more. Its owner disposes it.</param>
    /// <param name="options">What it may do.</param>
    public HttpConversation(Connection client, HttpConversationOptions options)
    {
        this.options = options;
        patience = new Patience(options.Time);
        fromClient = options.Rates?.Begin(Side.Client);
        fromUpstream = options.Rates?.Begin(Side.Upstream);
        this.client = new HttpPeer(client, fromClient, patience, options.Time);
    }

    /// <summary>Has the conversation. Network trouble is a value. Called once.</summary>
    /// <param name="first">The head of the first request, if it has been read already.</param>
    public async ValueTask<HttpConversationResult> RunAsync(HttpRequestHead? first = null)
    {
        try
        {
            var result = await ServeAsync(first);
            // One that is not used at this moment has nothing to be cut short.
            Leave(abort: upstream is { IsReadingAhead: false });
            await Task.WhenAll(late, watching, parking);
            client.Drop();
            return result;
        }
        catch (Exception)
        {
            client.Connection.Abort();
            throw;
        }
        finally
        {
            Leave(abort: true);
            fromClient?.Drop();
            fromUpstream?.Drop();
            patience.Dispose();
        }
    }

    /// <summary>Ends it at once, with resets; to be called where the connections belong. A dial that is under way is the caller's to give up.</summary>
    public void Stop()
    {
        isStopped = true;
        client.Connection.Abort();
        upstream?.Connection.Abort();
    }

    private async ValueTask<HttpConversationResult> ServeAsync(HttpRequestHead? first)
    {
        while (true)
        {
            var request = first;
            first = null;
            if (request is null)
            {
                var (head, end) = await ReadAsync();
                if (end is not null)
                    return end;
                request = head!;
            }
            requests++;
            var answer = await options.Answer(request) ?? OwnAnswer(request);
            if (isStopped)
                return Ended(RelayEnd.Stopped, Side.Fairlead);
            if (answer is null && request.Form == HttpTargetForm.Authority)
            {
                client.GiveBack();
                return Ended(RelayEnd.Closed, Side.Client, request);
            }
            if (answer?.Status != 407)
                (refusals, lastAnswer) = (0, null);
            if ((answer is null ? await ExchangeAsync(request) : await TellAsync(request, answer)) is { } over)
                return over;
        }
    }

    private static HttpAnswer? OwnAnswer(HttpRequestHead request)
    {
        if (request.Form == HttpTargetForm.Origin)
            return new HttpAnswer(404, "this is a proxy, and nothing is here");
        // RFC 9110 section 9.3.8: it would show what was added on the way, passwords included.
        if (request.Method == "TRACE")
            return new HttpAnswer(501, "TRACE is not passed on");
        // RFC 9110 section 7.6.2.
        return request.Method == "OPTIONS" && request.Fields.First("Max-Forwards") == "0" ? new HttpAnswer(200, "this proxy is the last that the request may reach") : null;
    }

    private async ValueTask<(HttpRequestHead? Head, HttpConversationResult? End)> ReadAsync()
    {
        if (client.IsEmpty)
        {
            // Without a word: between two requests nobody waits for an answer.
            patience.Begin(requests == 0 ? options.Head : options.BetweenRequests, client.Connection.Dispose);
            if (await client.FillAsync() is var fill and not HttpFill.Bytes)
                return (null, patience.End() ? Ended(RelayEnd.Idle, Side.Fairlead) : Gone(fill));
        }
        patience.Begin(options.Head, () => late = TellLateAsync());
        Parsed<HttpRequestHead> parsed;
        while ((parsed = HttpRequestHead.Read(client.Buffered.Span)).NeedsMore)
        {
            if (await client.FillAsync() is var fill and not HttpFill.Bytes)
                return (null, patience.End() ? Ended(RelayEnd.Idle, Side.Fairlead) : Gone(fill));
        }
        if (patience.End())
            return (null, Ended(RelayEnd.Idle, Side.Fairlead));
        if (parsed.Value is not { } head)
            return (null, await TellAsync(null, new HttpAnswer(parsed.Code, parsed.Fault!)));
        client.Take(parsed.Length);
        return (head, null);
    }

    // The end of the connection ends the read that is under way. What the client does not take at once it does not get.
    private async Task TellLateAsync()
    {
        lastAnswer = new HttpAnswer(408, "the request did not come to an end in time");
        var write = client.WriteAsync(lastAnswer.ToBytes());
        if (!write.IsCompleted)
            client.Connection.Dispose();
        await write;
        client.Connection.Dispose();
    }

    private async ValueTask<HttpConversationResult?> ExchangeAsync(HttpRequestHead request)
    {
        var target = request.Target!;
        var isKept = TakeKept(target);
        while (true)
        {
            if (!isKept)
            {
                var dial = await options.Dial(target.EndPoint);
                if (dial.Connection is { } connection)
                    (upstream, upstreamOf) = (new HttpPeer(connection, fromUpstream, patience, options.Time), target);
                if (isStopped)
                    return Ended(RelayEnd.Stopped, Side.Fairlead);
                if (dial.Connection is null)
                    return await TellAsync(request, HttpAnswer.Of(dial, target.ToString()));
            }
            var peer = upstream!;
            var exchange = new HttpExchange(client, peer, request, patience, options);
            patience.BeginSilence(options.Idle, () => GiveUp(exchange, peer));
            var end = await exchange.RunAsync();
            var isIdle = patience.End();
            watching = watching.IsCompleted ? exchange.WhenDoneAsync() : Task.WhenAll(watching, exchange.WhenDoneAsync());
            if (isStopped)
                return await CutAsync(exchange, RelayEnd.Stopped, Side.Fairlead);
            switch (end)
            {
                case HttpExchangeEnd.Complete:
                    return await CompleteAsync(request, exchange);

                // It was closed while it was not used, at the same moment as it was used again.
                case HttpExchangeEnd.Unanswered when isKept && !isIdle && !exchange.HasHeard && request.IsRepeatable:
                    Leave(abort: true);
                    await exchange.Sending;
                    isKept = false;
                    continue;

                case HttpExchangeEnd.Unanswered:
                    return await TellAsync(request, Unanswered(exchange, isIdle, target), exchange.Sending);
                case HttpExchangeEnd.RequestBroke when exchange is { Fault: { } fault, IsTold: false }:
                    return await TellAsync(request, new HttpAnswer(400, $"the body of the request is wrong: {fault}"), exchange.Sending);
                case HttpExchangeEnd.ResponseBroke:
                    return await CutAsync(exchange, isIdle ? RelayEnd.Idle : RelayEnd.Reset, isIdle ? Side.Fairlead : Side.Upstream);
                default:
                    return await CutAsync(exchange, isIdle ? RelayEnd.Idle : RelayEnd.Reset, isIdle ? Side.Fairlead : Side.Client);
            }
        }
    }

    private static HttpAnswer Unanswered(HttpExchange exchange, bool isIdle, HttpAuthority target)
    {
        return isIdle && !exchange.HasWholeRequest ? new HttpAnswer(408, "the body of the request did not go on in time")
            : isIdle ? new HttpAnswer(504, $"{target} did not answer in time")
            : exchange.Fault is { } fault ? new HttpAnswer(502, $"what {target} answers cannot be passed on: {fault}")
            : new HttpAnswer(502, $"{target} closed the connection without an answer");
    }

    // Whoever is silent: as long as nothing was told, the client is owed an answer.
    private void GiveUp(HttpExchange exchange, HttpPeer peer)
    {
        peer.Connection.Abort();
        if (exchange.IsTold || exchange.IsTelling)
            client.Connection.Abort();
    }

    private async ValueTask<HttpConversationResult?> CompleteAsync(HttpRequestHead request, HttpExchange exchange)
    {
        if (exchange.HasWholeRequest)
        {
            // All of it was read; only the upstream may not have taken it yet.
            patience.Begin(linger, upstream!.Connection.Abort);
            await exchange.Sending;
            if (patience.End() || !exchange.KeepsUpstream)
                Leave(abort: false);
            else
                parking = upstream!.ParkAsync();
            if (exchange.KeepsClient)
                return null;
            await LingerAsync(Task.CompletedTask);
        }
        else
        {
            upstream!.Connection.Abort();
            await LingerAsync(exchange.Sending);
        }
        return Ended(RelayEnd.Closed, request.KeepsOpen ? Side.Upstream : Side.Client);
    }

    // A body that is cut short must not look complete.
    private async ValueTask<HttpConversationResult> CutAsync(HttpExchange exchange, RelayEnd how, Side by)
    {
        client.Connection.Abort();
        upstream!.Connection.Abort();
        await exchange.Sending;
        return Ended(how, by);
    }

    private ValueTask<HttpConversationResult?> TellAsync(HttpRequestHead? request, HttpAnswer answer) => TellAsync(request, answer, Task.CompletedTask);

    // Null: the client may go on.
    private async ValueTask<HttpConversationResult?> TellAsync(HttpRequestHead? request, HttpAnswer answer, Task sending)
    {
        var keepsOpen = answer.Status == 407 && request is { KeepsOpen: true, Framing.End: HttpBodyEnd.None } && ++refusals < MostRefusals;
        lastAnswer = answer;
        if (!sending.IsCompleted)
            upstream!.Connection.Abort();
        patience.Begin(linger, client.Connection.Dispose);
        var isWritten = await client.WriteAsync(answer.ToBytes(request?.Method == "HEAD", keepsOpen));
        if (patience.End() || !isWritten)
        {
            client.Connection.Abort();
            await sending;
            return Ended(RelayEnd.Reset, Side.Client);
        }
        if (keepsOpen)
            return null;
        await LingerAsync(sending);
        return Ended(RelayEnd.Closed, Side.Fairlead);
    }

    // Nothing more is said; what the client still says is thrown away until it ends.
    private async ValueTask LingerAsync(Task sending)
    {
        patience.Begin(linger, client.Connection.Dispose);
        await client.CompleteAsync();
        await sending;
        do
            client.Drop();
        while (await client.FillAsync() == HttpFill.Bytes);
        patience.End();
    }

    private bool TakeKept(HttpAuthority target)
    {
        if (upstream is not { } kept)
            return false;
        if (upstreamOf!.IsSameAs(target) && kept.TryTake())
            return true;
        Leave(abort: false);
        return false;
    }

    private void Leave(bool abort)
    {
        if (upstream is not { } peer)
            return;
        upstream = null;
        if (abort)
            peer.Connection.Abort();
        peer.Connection.Dispose();
        peer.Drop();
    }

    private HttpConversationResult Gone(HttpFill fill)
    {
        return fill == HttpFill.End ? Ended(RelayEnd.Closed, Side.Client)
            : Ended(client.Error == ConnectionError.Reset ? RelayEnd.Reset : RelayEnd.Lost, Side.Client);
    }

    private HttpConversationResult Ended(RelayEnd how, Side by, HttpRequestHead? connect = null)
    {
        return isStopped ? new(RelayEnd.Stopped, Side.Fairlead, null, lastAnswer, requests) : new(how, by, connect, lastAnswer, requests);
    }
}
