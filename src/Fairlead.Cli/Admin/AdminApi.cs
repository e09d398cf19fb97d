using System.Buffers;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;

namespace Fairlead.Cli;

/// <summary>
/// The HTTP API to a running instance, as <c>docs/openapi.json</c> describes it: JSON in <c>snake_case</c>, errors as
/// <c>{ "error": "…" }</c>.
/// </summary>
/// <param name="instance">Whom it shows and tells.</param>
/// <param name="token">What who asks must present; null on a Unix socket, whose peers are checked before they get here.</param>
/// <param name="isTcp">Whether anything on this machine may ask, a browser included.</param>
/// <param name="log">Told of faults.</param>
/// <param name="time">The clock of the answers.</param>
internal sealed class AdminApi(IInstance instance, Secret? token, bool isTcp, Action<LogEntry> log, TimeProvider time) : IHttpApplication<IFeatureCollection>
{
    private static readonly Route[] routes =
    [
        new("GET", "/v1/status", [], (api, _) => api.Status()),
        new("GET", "/v1/forwards", [], (api, _) => api.Forwards()),
        new("GET", "/v1/connections", ["forward"], (api, request) => api.Connections(request)),
        new("DELETE", "/v1/connections", ["forward"], (api, request) => api.CloseAll(request)),
        new("DELETE", "/v1/connections/{id}", [], (api, request) => api.Close(request)),
        new("POST", "/v1/reload", [], null) { AnswerAsync = (api, _) => api.ReloadAsync() },
        new("POST", "/v1/drain", ["forward"], (api, request) => api.Drain(request)),
        new("POST", "/v1/stop", ["at_once"], (api, request) => api.Stop(request)),
        new("GET", "/v1/openapi.json", [], (_, _) => new Answer(200, OpenApi.Bytes)),
    ];

    /// <summary>What there is: method, path with its variables in braces, and the query's parameters.</summary>
    public static IEnumerable<(string Method, string Path, IReadOnlyList<string> Parameters)> Paths => routes.Select(route => (route.Method, route.Path, (IReadOnlyList<string>)route.Parameters));

    private readonly TokenGuesses guesses = new(time);

    public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

    public void DisposeContext(IFeatureCollection context, Exception? exception)
    {
        // The features are the server's.
    }

    public async Task ProcessRequestAsync(IFeatureCollection context)
    {
        var request = context.GetRequiredFeature<IHttpRequestFeature>();
        Answer answer;
        try
        {
            answer = Refusal(context, request) ?? await FindAsync(request).ConfigureAwait(false);
            if (answer.Status == StatusCodes.Status401Unauthorized)
                await guesses.WaitAsync().ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Whatever it is, who asked gets an answer and the log the reason; the process goes on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            log(new ProgramEntry(LogLevel.Error, "fault", $"a bug of Fairlead, in the admin API: {Printable.Escape(fault.ToString(), 4000)}", new KeyValuePair<string, object?>("where", "in the admin API")));
            answer = Answer.Error(500, "a bug of Fairlead; its log says more");
        }
        await SendAsync(context, answer).ConfigureAwait(false);
    }

    private static async Task SendAsync(IFeatureCollection context, Answer answer)
    {
        var response = context.GetRequiredFeature<IHttpResponseFeature>();
        response.StatusCode = answer.Status;
        if (answer.Body.Length > 0)
            response.Headers.ContentType = "application/json";
        if (answer.Status != StatusCodes.Status204NoContent)
            response.Headers.ContentLength = answer.Body.Length;
        response.Headers.CacheControl = "no-store";
        response.Headers.XContentTypeOptions = "nosniff";
        if (answer.Allow is not null)
            response.Headers.Allow = answer.Allow;
        if (answer.Status == StatusCodes.Status401Unauthorized)
            response.Headers.WWWAuthenticate = "Bearer";
        if (answer.IsLast)
            response.Headers.Connection = "close";
        if (answer.Body.Length > 0)
            await context.GetRequiredFeature<IHttpResponseBodyFeature>().Stream.WriteAsync(answer.Body).ConfigureAwait(false);
    }

    /// <summary>Why a request is not even looked at; null where it is.</summary>
    private Answer? Refusal(IFeatureCollection context, IHttpRequestFeature request)
    {
        // A page that somebody has open in a browser must not get through: not by a name that it makes point here, and not by its scripts.
        if (isTcp && !IsLoopback(request.Headers.Host.ToString()))
            return Answer.Refused(403, "the Host of the request is not this machine's loopback; ask for 127.0.0.1, [::1] or localhost");
        if (request.Headers.Origin.Count > 0)
            return Answer.Refused(403, "requests of web pages are not answered");
        if (token is not null && !guesses.AreTaken)
            return Answer.Refused(429, "too many wrong tokens at once; ask again in a second");
        if (token is not null && !IsKnown(request.Headers.Authorization.ToString()))
            return Answer.Refused(StatusCodes.Status401Unauthorized, "the token is missing or wrong; send it as Authorization: Bearer TOKEN");
        if (request.Headers.ContentLength > 0 || (request.Headers.ContentLength is null && context.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true }))
            return Answer.Refused(413, "no request has a body here; parameters stand in the query");
        return null;
    }

    private bool IsKnown(string authorization)
    {
        const string Scheme = "Bearer ";
        return authorization.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && token!.Matches(authorization[Scheme.Length..].Trim());
    }

    private static bool IsLoopback(string host)
    {
        var name = new HostString(host).Host;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }

    private async Task<Answer> FindAsync(IHttpRequestFeature request)
    {
        var there = routes.Where(route => route.Matches(request.Path, out _)).ToList();
        if (there.Count == 0)
            return Answer.Error(404, $"nothing is at {Printable.Escape(request.Path)}; GET /v1/openapi.json tells what there is");
        var method = request.Method == "HEAD" ? "GET" : request.Method;
        if (there.Find(route => route.Method == method) is not { } found)
        {
            var allowed = string.Join(", ", there.SelectMany(route => route.Method == "GET" ? ["GET", "HEAD"] : new[] { route.Method }));
            return Answer.Error(405, $"{Printable.Escape(request.Method, 20)} cannot be done with {Printable.Escape(request.Path)}, but {allowed} can") with { Allow = allowed };
        }
        var query = QueryHelpers.ParseQuery(request.QueryString);
        foreach (var (name, values) in query)
        {
            if (!found.Parameters.Contains(name))
                return Answer.Error(400, $"the parameter '{Printable.Escape(name)}' is unknown{(found.Parameters.Length == 0 ? "" : $"; there is {string.Join(", ", found.Parameters)}")}");
            if (values.Count != 1)
                return Answer.Error(400, $"the parameter '{name}' is there twice");
        }
        found.Matches(request.Path, out var variable);
        var asked = new Request(variable, found.Parameters.Length > 0 && query.TryGetValue(found.Parameters[0], out var value) ? value.ToString() : null);
        return found.AnswerAsync is { } answerAsync ? await answerAsync(this, asked).ConfigureAwait(false) : found.Answer!(this, asked);
    }

    private Answer Status()
    {
        var (status, now) = (instance.Status(), time.GetUtcNow());
        return Answer.Json(200, json => AdminJson.Status(json, status, now));
    }

    private Answer Forwards()
    {
        var forwards = instance.Status().Forwards;
        return Answer.Json(200, json => AdminJson.Forwards(json, forwards));
    }

    private Answer Connections(Request request)
    {
        var connections = instance.Connections(request.Parameter);
        return connections.Count == 0 && request.Parameter is { } name && !HasForward(name) ? UnknownForward(name) : Answer.Json(200, json => AdminJson.Connections(json, connections));
    }

    private Answer CloseAll(Request request)
    {
        if (request.Parameter is not { } name)
            return Answer.Error(400, "the parameter 'forward' is missing: whose connections shall be closed?");
        if (!HasForward(name))
            return UnknownForward(name);
        var count = instance.CloseAll(name);
        return Answer.Json(200, json => AdminJson.Closed(json, count));
    }

    private Answer Close(Request request)
    {
        if (!long.TryParse(request.Variable, NumberStyles.None, CultureInfo.InvariantCulture, out var id))
            return Answer.Error(400, $"'{Printable.Escape(request.Variable)}' is not the number of a connection; GET /v1/connections tells them");
        return instance.Close(id) ? new Answer(204) : Answer.Error(404, $"there is no connection {request.Variable}; it may have ended");
    }

    private async Task<Answer> ReloadAsync()
    {
        var outcome = await instance.ReloadAsync().ConfigureAwait(false);
        return outcome.IsDone
            ? Answer.Json(200, json => AdminJson.Reloaded(json, outcome))
            : Answer.Json(409, json => AdminJson.Refused(json, "the configuration was refused; nothing has changed", outcome));
    }

    private Answer Drain(Request request) =>
        instance.Drain(request.Parameter) is { } count ? Answer.Json(200, json => AdminJson.Drained(json, count)) : UnknownForward(request.Parameter ?? "");

    private Answer Stop(Request request)
    {
        if (request.Parameter is not (null or "true" or "false"))
            return Answer.Error(400, $"at_once is '{Printable.Escape(request.Parameter)}'; write true or false");
        instance.Stop(request.Parameter == "true");
        return new Answer(202) { IsLast = true };
    }

    private bool HasForward(string name) => instance.Status().Forwards.Any(forward => forward.Name == name);

    private static Answer UnknownForward(string name) => Answer.Error(404, $"there is no forward '{Printable.Escape(name)}'; GET /v1/forwards tells those there are");

    /// <param name="Variable">What stands where the path has its braces.</param>
    /// <param name="Parameter">The value of the one parameter that the path has; null where it is not given.</param>
    private readonly record struct Request(string Variable, string? Parameter);

    private sealed record Route(string Method, string Path, string[] Parameters, Func<AdminApi, Request, Answer>? Answer)
    {
        public Func<AdminApi, Request, Task<Answer>>? AnswerAsync { get; init; }

        public bool Matches(string path, out string variable)
        {
            var brace = Path.IndexOf('{', StringComparison.Ordinal);
            var isVariable = brace >= 0 && path.StartsWith(Path[..brace], StringComparison.Ordinal) && path.Length > brace && !path.AsSpan(brace).Contains('/');
            variable = isVariable ? path[brace..] : "";
            return isVariable || path == Path;
        }
    }

    /// <summary>What who asked gets.</summary>
    private sealed record Answer(int Status, ReadOnlyMemory<byte> Body = default)
    {
        /// <summary>The methods that there are, where another was asked for.</summary>
        public string? Allow { get; init; }

        /// <summary>Whether the connection is closed behind it.</summary>
        public bool IsLast { get; init; }

        public static Answer Json(int status, Action<Utf8JsonWriter> write)
        {
            var body = new ArrayBufferWriter<byte>(1024);
            using (var json = new Utf8JsonWriter(body, AdminJson.Options))
                write(json);
            body.Write("\n"u8);
            return new Answer(status, body.WrittenMemory);
        }

        public static Answer Error(int status, string error) => Json(status, json => AdminJson.Error(json, error));

        /// <summary>To one who shall not try again on the same connection.</summary>
        public static Answer Refused(int status, string error) => Error(status, error) with { IsLast = true };
    }
}
