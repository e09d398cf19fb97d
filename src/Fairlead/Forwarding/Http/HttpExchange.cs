using System.Buffers;

namespace Fairlead;

/// <summary>How an exchange ended.</summary>
internal enum HttpExchangeEnd
{
    /// <summary>The whole response has been passed on.</summary>
    Complete,

    /// <summary>Nothing of a response has been passed on; <see cref="HttpExchange.Fault"/> says why, and the client is owed an answer.</summary>
    Unanswered,

    /// <summary>The client's request came to no end, or was none.</summary>
    RequestBroke,

    /// <summary>The response was cut short by its server.</summary>
    ResponseBroke,

    /// <summary>The client takes no more of the response.</summary>
    ClientBroke,
}

/// <summary>
/// One request and its response. Both bodies pass at the same time: a server may answer before it has read everything, and a client waits for <c>100 Continue</c> before it
/// goes on.
/// </summary>
/// <param name="client">The client, whose request's head has been taken.</param>
/// <param name="upstream">The request's target.</param>
/// <param name="request">The head.</param>
/// <param name="patience">Made shorter when the client has completed its writes.</param>
/// <param name="options">Of the conversation.</param>
internal sealed class HttpExchange(HttpPeer client, HttpPeer upstream, HttpRequestHead request, Patience patience, HttpConversationOptions options)
{
    // Of a body that is there already, so much goes with the head; what is larger is not copied.
    private const int MostBytesWithHead = 16 << 10;

    private readonly HttpBody requestBody = new(request.Framing);

    // Waits for what the client does meanwhile.
    private Task watching = Task.CompletedTask;

    // Whether the client's bytes came to no end, or were wrong; whether there is nothing to break any more.
    private volatile bool isRequestBroken, isOver;

    private enum Pumped
    {
        Complete,
        SourceBroke,
        SinkBroke,
    }

    /// <summary>Sends the request; ends by itself once the upstream is aborted and the client says something or ends.</summary>
    public Task Sending { get; private set; } = Task.CompletedTask;

    /// <summary>Whether something of a final response was passed on.</summary>
    public bool IsTold { get; private set; }

    /// <summary>Whether the client is being told something at this moment: one that does not take it is waited for.</summary>
    public bool IsTelling { get; private set; }

    /// <summary>Whether anything at all came from the upstream.</summary>
    public bool HasHeard { get; private set; }

    /// <summary>What is wrong with the response, or with the request if that broke; null: the network.</summary>
    public string? Fault { get; private set; }

    /// <summary>Whether the client may send another request.</summary>
    public bool KeepsClient { get; private set; }

    /// <summary>Whether the upstream may be sent another request.</summary>
    public bool KeepsUpstream { get; private set; }

    /// <summary>Passes request and response on, until the response is complete or cannot be. <see cref="Sending"/> may still be under way then.</summary>
    public async ValueTask<HttpExchangeEnd> RunAsync()
    {
        Sending = SendAsync();
        var end = await ReceiveAsync();
        isOver = true;
        return isRequestBroken && end != HttpExchangeEnd.Complete ? HttpExchangeEnd.RequestBroke : end;
    }

    /// <summary>Completes when nothing of it is under way any more: with the next bytes of the client's, or its end.</summary>
    public async Task WhenDoneAsync()
    {
        await Sending;
        await watching;
    }

    /// <summary>Whether the client has sent all of its request.</summary>
    public bool HasWholeRequest => requestBody.IsComplete;

    private async Task SendAsync()
    {
        var writer = new ArrayBufferWriter<byte>(1 << 10);
        HttpHop.WriteRequest(request, closes: !request.KeepsOpen, writer);
        Append(client, requestBody, writer);
        if (requestBody.Fault is not null)
        {
            BreakRequest(requestBody.Fault);
            return;
        }
        if (!await upstream.WriteAsync(writer.WrittenMemory))
            return;
        options.Passed(Side.Client, writer.WrittenCount);
        var pumped = await PumpAsync(client, upstream, requestBody, Side.Client, payloadOnly: false);
        if (pumped == Pumped.SourceBroke)
            BreakRequest(requestBody.Fault);
        // Where the upstream takes no more, whoever receives finds out whether it says why.
        else if (pumped == Pumped.Complete && client.IsEmpty)
            watching = WatchAsync();
    }

    // A request that is cut short must not look complete, so the upstream is reset; which also ends the waiting for its response.
    private void BreakRequest(string? fault)
    {
        Fault = fault;
        isRequestBroken = true;
        upstream.Connection.Abort();
    }

    // A client may complete its writes and wait for the response, but not for ever: it could be gone.
    private async Task WatchAsync()
    {
        switch (await client.ReadAhead())
        {
            case HttpFill.End when !isOver:
                patience.Shorten(options.HalfClosed);
                break;
            case HttpFill.Broken when !isOver:
                BreakRequest(null);
                break;
        }
    }

    private async ValueTask<HttpExchangeEnd> ReceiveAsync()
    {
        while (true)
        {
            Parsed<HttpResponseHead> parsed;
            while (upstream.IsEmpty || (parsed = HttpResponseHead.Read(upstream.Buffered.Span)).NeedsMore)
            {
                if (await upstream.FillAsync() != HttpFill.Bytes)
                    return HttpExchangeEnd.Unanswered;
                HasHeard = true;
            }
            if (parsed.Value is not { } head)
                return Unanswered(parsed.Fault);
            upstream.Take(parsed.Length);
            var framing = HttpFraming.OfResponse(request.Method, head.Status, head.Fields, head.IsHttp10, out var fault);
            if (fault is not null)
                return Unanswered(fault);
            // Neither has an Upgrade been passed on, nor a password of this proxy's: to let another ask for one would give it away.
            if (head.Status is 101 or 407)
                return Unanswered($"{head.Status} is an answer that nobody asked for");
            if (head.Status >= 200)
                return await AnswerAsync(head, framing);
            if (!request.IsHttp10 && !await TellAsync(head, framing, closes: false, body: null))
                return HttpExchangeEnd.ClientBroke;
        }
    }

    private async ValueTask<HttpExchangeEnd> AnswerAsync(HttpResponseHead head, HttpFraming framing)
    {
        // RFC 9112 section 6.1: no chunks for a client of HTTP/1.0, which then sees the end by the connection's.
        var payloadOnly = framing.End == HttpBodyEnd.Chunks && request.IsHttp10;
        KeepsClient = request.KeepsOpen && requestBody.IsComplete && framing.End != HttpBodyEnd.Close;
        var body = new HttpBody(framing);
        if (!await TellAsync(head, framing, closes: !KeepsClient, payloadOnly ? null : body))
            return body.Fault is null ? HttpExchangeEnd.ClientBroke : Unanswered(body.Fault);
        switch (await PumpAsync(upstream, client, body, Side.Upstream, payloadOnly))
        {
            case Pumped.SourceBroke:
                Fault = body.Fault;
                return HttpExchangeEnd.ResponseBroke;
            case Pumped.SinkBroke:
                return HttpExchangeEnd.ClientBroke;
        }
        // Bytes behind the end belong to nothing: whoever sends them may not be asked again.
        KeepsUpstream = request.KeepsOpen && head.KeepsOpen && framing.End != HttpBodyEnd.Close && requestBody.IsComplete && upstream.IsEmpty;
        return HttpExchangeEnd.Complete;
    }

    private HttpExchangeEnd Unanswered(string? fault)
    {
        Fault = fault;
        return HttpExchangeEnd.Unanswered;
    }

    // False also where a body is wrong from its first bytes on, when nothing has been written yet.
    private async ValueTask<bool> TellAsync(HttpResponseHead head, HttpFraming framing, bool closes, HttpBody? body)
    {
        var writer = new ArrayBufferWriter<byte>(1 << 10);
        HttpHop.WriteResponse(head, request, framing, closes, writer);
        if (body is not null)
            Append(upstream, body, writer);
        if (body?.Fault is not null)
            return false;
        IsTold |= head.Status >= 200;
        IsTelling = true;
        if (!await client.WriteAsync(writer.WrittenMemory))
            return false;
        IsTelling = false;
        options.Passed(Side.Upstream, writer.WrittenCount);
        return true;
    }

    private static void Append(HttpPeer from, HttpBody body, ArrayBufferWriter<byte> writer)
    {
        if (from.IsEmpty || body.IsComplete)
            return;
        var there = from.Buffered.Span;
        var taken = body.Take(there[..Math.Min(there.Length, MostBytesWithHead)]);
        writer.Write(there[..taken]);
        from.Take(taken);
    }

    // Passes the rest of a body on.
    private async ValueTask<Pumped> PumpAsync(HttpPeer source, HttpPeer sink, HttpBody body, Side from, bool payloadOnly)
    {
        while (!body.IsComplete)
        {
            if (source.IsEmpty && await source.FillAsync() is var fill and not HttpFill.Bytes)
                return fill == HttpFill.End && body.MayEndHere ? Pumped.Complete : Pumped.SourceBroke;
            var isPayload = true;
            var count = payloadOnly ? body.Next(source.Buffered.Span, out isPayload) : body.Take(source.Buffered.Span);
            if (body.Fault is not null)
                return Pumped.SourceBroke;
            if (isPayload || !payloadOnly)
            {
                if (!await sink.WriteAsync(source.Buffered[..count]))
                    return Pumped.SinkBroke;
                options.Passed(from, count);
            }
            source.Take(count);
        }
        return Pumped.Complete;
    }
}
