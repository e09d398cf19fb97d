using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Fairlead.Cli;

/// <summary>A running instance cannot be reached, or will not do what it was asked for; the message is for people.</summary>
/// <param name="message">One sentence, with the remedy.</param>
/// <param name="errors">What the instance says besides, a line each.</param>
/// <param name="details">The same in parts.</param>
internal sealed class AdminException(string message, IReadOnlyList<string>? errors = null, IReadOnlyList<ReloadError>? details = null) : Exception(message)
{
    public IReadOnlyList<string> Errors => errors ?? [];

    public IReadOnlyList<ReloadError> Details => details is { Count: > 0 } ? details : [.. Errors.Select(error => new ReloadError(error))];
}

/// <summary>Talks to the admin API of a running instance.</summary>
internal sealed class AdminClient : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromSeconds(10);

    /// <summary>A hundred thousand connections take a quarter of it.</summary>
    private const int LargestAnswer = 128 * 1024 * 1024;

    private readonly HttpClient http;
    private readonly EndPoint place;
    private Socket? first;

    private AdminClient(EndPoint place, Socket first, string? token)
    {
        this.place = place;
        this.first = first;
        http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, MaxConnectionsPerServer = 1, ConnectCallback = ConnectAsync })
        {
            Timeout = patience,
            MaxResponseContentBufferSize = LargestAnswer,
            BaseAddress = new Uri("http://localhost/"),
        };
        if (token is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    /// <summary>Connects to the first place where somebody answers.</summary>
    /// <exception cref="AdminException">Nobody does; the message says where was looked.</exception>
    public static async Task<AdminClient> ConnectAsync(AdminTarget target)
    {
        SocketException? fault = null;
        foreach (var place in target.Places)
        {
            try
            {
                return new AdminClient(place, await DialAsync(place, CancellationToken.None).ConfigureAwait(false), target.Token);
            }
            catch (SocketException e)
            {
                // That it may not be talked to says more than that elsewhere nobody is.
                fault = fault is { SocketErrorCode: SocketError.AccessDenied } ? fault : e;
            }
        }
        throw Unreachable(target, fault!);
    }

    /// <summary>Asks for something.</summary>
    /// <exception cref="AdminException">It is not to be had.</exception>
    public async Task<JsonElement> GetAsync(string path)
    {
        return Read(await SendAsync(HttpMethod.Get, path).ConfigureAwait(false));
    }

    /// <summary>Gives an order.</summary>
    /// <returns>The answer; undefined where it has none.</returns>
    /// <exception cref="AdminException">It was refused.</exception>
    public async Task<JsonElement> OrderAsync(HttpMethod method, string path)
    {
        var body = await SendAsync(method, path).ConfigureAwait(false);
        return body.Length == 0 ? default : Read(body);
    }

    public void Dispose()
    {
        http.Dispose();
        first?.Dispose();
    }

    private async Task<byte[]> SendAsync(HttpMethod method, string path)
    {
        try
        {
            using var request = new HttpRequestMessage(method, path);
            using var response = await http.SendAsync(request).ConfigureAwait(false);
            var body = await response.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
            return response.IsSuccessStatusCode ? body : throw Refused(response.StatusCode, body);
        }
        catch (OperationCanceledException)
        {
            throw new AdminException(string.Create(CultureInfo.InvariantCulture, $"the instance at {Shown(place)} did not answer within {patience.TotalSeconds:F0} s"));
        }
        catch (HttpRequestException e) when (e.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.ResponseEnded)
        {
            throw new AdminException($"the instance at {Shown(place)} ended the connection; it has stopped, or does not answer this user: try again, as its user or as root");
        }
        catch (HttpRequestException)
        {
            throw NotFairlead();
        }
    }

    private AdminException Refused(HttpStatusCode status, byte[] body)
    {
        try
        {
            var answer = Parse(body);
            var error = Printable.Escape(answer.GetProperty("error").GetString()!, 4000);
            IReadOnlyList<string> errors = answer.TryGetProperty("errors", out var all) ? [.. all.EnumerateArray().Select(one => Printable.Escape(one.GetString()!, 4000))] : [];
            return new AdminException(status == HttpStatusCode.Unauthorized ? "the token is missing or wrong; give the one of the configuration (--token env:NAME or file:PATH)" : error, errors, AdminAnswers.Details(answer));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or ArgumentNullException)
        {
            return NotFairlead();
        }
    }

    private AdminException NotFairlead() => new($"whoever answers at {Shown(place)} does not speak as Fairlead does; is it another program?");

    private JsonElement Read(byte[] body)
    {
        try
        {
            var answer = Parse(body);
            return answer.ValueKind == JsonValueKind.Object ? answer : throw NotFairlead();
        }
        catch (JsonException)
        {
            throw NotFairlead();
        }
    }

    private static JsonElement Parse(byte[] body)
    {
        using var document = JsonDocument.Parse(body);
        return document.RootElement.Clone();
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancel)
    {
        var socket = Interlocked.Exchange(ref first, null) ?? await DialAsync(place, cancel).ConfigureAwait(false);
        return new NetworkStream(socket, ownsSocket: true);
    }

    private static async Task<Socket> DialAsync(EndPoint place, CancellationToken cancel)
    {
        var isUnix = place.AddressFamily == AddressFamily.Unix;
        var socket = new Socket(place.AddressFamily, SocketType.Stream, isUnix ? ProtocolType.Unspecified : ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(place, cancel).ConfigureAwait(false);
            // In a folder of everybody's, anybody could have put a socket at the name.
            if (isUnix && PeerUser.Of(socket) is { } user && PeerUser.Own != 0 && !PeerUser.IsTrusted(user, PeerUser.Own))
                throw new SocketException((int)SocketError.AccessDenied);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static AdminException Unreachable(AdminTarget target, SocketException fault)
    {
        var places = string.Join(" and ", target.Places.Select(Shown));
        if (fault.SocketErrorCode == SocketError.AccessDenied)
            return new AdminException($"the instance at {places} is another user's; ask as that user, or as root (sudo)");
        return target.Name is { } name
            ? new AdminException($"no instance named {name} runs: nobody answers at {places}; start it (fairlead run), or say which one is meant (--name NAME, --admin unix:PATH)")
            : new AdminException($"nobody answers at {places} ({Reason(fault)}); is the instance running, and is this the 'admin: listen' of its configuration?");
    }

    private static string Reason(SocketException fault) => fault.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.AddressNotAvailable => "nothing is there",
        _ => Printable.Escape(fault.Message.TrimEnd('.')),
    };

    private static string Shown(EndPoint place) => Printable.Escape(place is UnixDomainSocketEndPoint ? $"unix:{place}" : place.ToString()!);
}
