using System.Text.Json;
using Fairlead.Cli;

namespace Fairlead.Tests.Cli;

public class AdminApiTests
{
    [Fact]
    public async Task Status_is_the_instance_and_its_sums()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, body, response) = await rig.AskAsync("GET", "/v1/status");

        Assert.Equal(200, status);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(
            """{"name":"main","version":"0.1.0","process_id":4711,"time":"2026-11-22T19:04:05.000Z","started":"2026-11-20T15:04:05.000Z","config_file":"/etc/fairlead/fairlead.yaml","stopping":false"""
            + ""","last_reload":{"time":"2026-11-22T19:01:05.000Z","done":true,"errors":[],"changes":["forward web: to"]},"connections":15,"most_connections":9900"""
            + ""","accepted":120458,"denied":17,"limited":3,"failed":2,"bytes_from_clients":1286567,"bytes_from_upstreams":98765432980"""
            + ""","tunnels":[]}""" + "\n", body);
    }

    [Fact]
    public async Task Forwards_and_connections_are_lists()
    {
        await using var rig = await AdminRig.StartAsync();

        var (_, forwards, _) = await rig.AskAsync("GET", "/v1/forwards");
        var (_, connections, _) = await rig.AskAsync("GET", "/v1/connections");

        Assert.Contains("""{"name":"ssh","listen":["0.0.0.0:2222"],"to":"10.0.0.7:22","engine":"native","draining":false,"connections":3,"most_connections":null,"accepted":41,"denied":0,"limited":0,"failed":0,"bytes_from_clients":52000,"bytes_from_upstreams":880,"dropped":{},"upstreams":[{"address":"10.0.0.7:22","up":true,"connections":3,"shared_connections":3,"dialled":41,"failed":0}]}""", forwards);
        Assert.Contains("""{"id":18,"forward":"web","protocol":"tcp","client":"[2001:db8::77]:40100","listen":"[::]:8080","upstream":null,"since":"2026-11-22T19:04:04.000Z","connected":false,"bytes_from_client":0,"bytes_from_upstream":0,"datagrams_from_client":0,"datagrams_from_upstream":0}""", connections);
        Assert.Equal(3, Count(connections));
    }

    [Fact]
    public async Task Connections_can_be_those_of_one_forward()
    {
        await using var rig = await AdminRig.StartAsync();

        Assert.Equal(2, Count((await rig.AskAsync("GET", "/v1/connections?forward=web")).Body));
        Assert.Equal(0, Count((await rig.AskAsync("GET", "/v1/connections?forward=unix:/run/app.sock")).Body));
    }

    [Theory]
    [InlineData("DELETE", "/v1/connections/17", 204, "", "close 17")]
    [InlineData("DELETE", "/v1/connections?forward=web", 200, "{\"closed\":2}\n", "close all of web")]
    [InlineData("POST", "/v1/reload", 200, "{\"time\":\"2026-11-22T19:04:05.000Z\",\"done\":true,\"errors\":[],\"changes\":[\"forward ssh: allow\",\"forward new: added\"],\"added\":[\"new\"],\"removed\":[],\"changed\":[\"ssh\"],\"unchanged\":[\"web\"]}\n", "reload")]
    [InlineData("POST", "/v1/drain", 200, "{\"drained\":2}\n", "drain all")]
    [InlineData("POST", "/v1/drain?forward=web", 200, "{\"drained\":1}\n", "drain web")]
    [InlineData("POST", "/v1/drain?forward=unix:/run/app.sock", 200, "{\"drained\":0}\n", "drain unix:/run/app.sock")]
    [InlineData("POST", "/v1/stop", 202, "", "stop")]
    [InlineData("POST", "/v1/stop?at_once=false", 202, "", "stop")]
    [InlineData("POST", "/v1/stop?at_once=true", 202, "", "stop at once")]
    public async Task An_order_reaches_the_instance(string method, string path, int expected, string answer, string told)
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, body, _) = await rig.AskAsync(method, path);

        Assert.Equal((expected, answer), (status, body));
        Assert.Equal([told], rig.Instance.Told);
    }

    [Theory]
    [InlineData("GET", "/", 404, "nothing is at /; GET /v1/openapi.json tells what there is")]
    [InlineData("GET", "/v2/status", 404, "nothing is at /v2/status; GET /v1/openapi.json tells what there is")]
    [InlineData("GET", "/v1/x%1b%E2%80%AEy", 404, "nothing is at /v1/x\\u001b\\u202ey; GET /v1/openapi.json tells what there is")]
    [InlineData("DELETE", "/v1/connections/17/x", 404, "nothing is at /v1/connections/17/x; GET /v1/openapi.json tells what there is")]
    [InlineData("DELETE", "/v1/connections/99", 404, "there is no connection 99; it may have ended")]
    [InlineData("DELETE", "/v1/connections/x", 400, "'x' is not the number of a connection; GET /v1/connections tells them")]
    [InlineData("DELETE", "/v1/connections/-1", 400, "'-1' is not the number of a connection; GET /v1/connections tells them")]
    [InlineData("DELETE", "/v1/connections/99999999999999999999", 400, "'99999999999999999999' is not the number of a connection; GET /v1/connections tells them")]
    [InlineData("DELETE", "/v1/connections", 400, "the parameter 'forward' is missing: whose connections shall be closed?")]
    [InlineData("DELETE", "/v1/connections?forward=x", 404, "there is no forward 'x'; GET /v1/forwards tells those there are")]
    [InlineData("GET", "/v1/connections?forward=x", 404, "there is no forward 'x'; GET /v1/forwards tells those there are")]
    [InlineData("GET", "/v1/connections?forwrd=x", 400, "the parameter 'forwrd' is unknown; there is forward")]
    [InlineData("GET", "/v1/connections?forward=web&forward=ssh", 400, "the parameter 'forward' is there twice")]
    [InlineData("GET", "/v1/status?x=1", 400, "the parameter 'x' is unknown")]
    [InlineData("POST", "/v1/drain?forward=x", 404, "there is no forward 'x'; GET /v1/forwards tells those there are")]
    [InlineData("POST", "/v1/stop?at_once=1", 400, "at_once is '1'; write true or false")]
    [InlineData("POST", "/v1/status", 405, "POST cannot be done with /v1/status, but GET, HEAD can")]
    [InlineData("GET", "/v1/reload", 405, "GET cannot be done with /v1/reload, but POST can")]
    [InlineData("PUT", "/v1/connections", 405, "PUT cannot be done with /v1/connections, but GET, HEAD, DELETE can")]
    public async Task A_wrong_request_gets_its_status_and_one_sentence(string method, string path, int expected, string error)
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, body, response) = await rig.AskAsync(method, path);

        using var document = JsonDocument.Parse(body);
        Assert.Equal((expected, error), (status, document.RootElement.GetProperty("error").GetString()));
        Assert.Equal(expected == 405, response.Content.Headers.Allow.Count > 0);
        Assert.Empty(rig.Instance.Told);
    }

    [Fact]
    public async Task A_refused_reload_is_a_conflict_with_every_error()
    {
        await using var rig = await AdminRig.StartAsync();
        rig.Instance.ReloadErrors = ["/etc/fairlead/fairlead.yaml:3:5: error: unknown key 'lisen'", "/etc/fairlead/fairlead.yaml:9:1: error: x\u001b[2J"];

        var (status, body, _) = await rig.AskAsync("POST", "/v1/reload");

        Assert.Equal(409, status);
        Assert.Equal("""{"error":"the configuration was refused; nothing has changed","errors":["/etc/fairlead/fairlead.yaml:3:5: error: unknown key 'lisen'","/etc/fairlead/fairlead.yaml:9:1: error: x\\u001b[2J"],"details":[{"file":"/etc/fairlead/fairlead.yaml","line":3,"column":5,"message":"unknown key 'lisen'"},{"file":"/etc/fairlead/fairlead.yaml","line":9,"column":1,"message":"x\\u001b[2J"}]}""" + "\n", body);
    }

    [Fact]
    public async Task A_head_request_has_no_body()
    {
        await using var rig = await AdminRig.StartAsync();

        var (status, body, _) = await rig.AskAsync("HEAD", "/v1/status");

        Assert.Equal((200, ""), (status, body));
    }

    [Fact]
    public async Task A_request_with_a_body_is_refused()
    {
        await using var rig = await AdminRig.StartAsync();
        using var content = new StringContent("{}");

        Assert.Equal(413, (await rig.AskAsync("POST", "/v1/stop", content: content)).Status);
        Assert.Empty(rig.Instance.Told);
    }

    [Fact]
    public async Task A_request_of_a_web_page_is_refused()
    {
        await using var rig = await AdminRig.StartAsync();

        Assert.Equal(403, (await rig.AskAsync("POST", "/v1/stop", headers => headers.Add("Origin", "http://evil.example"))).Status);
        Assert.Empty(rig.Instance.Told);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData("Basic c2VzYW1l")]
    [InlineData("sesame")]
    public async Task Over_tcp_nobody_is_answered_without_the_token(string? authorization)
    {
        await using var rig = await AdminRig.StartTcpAsync("sesame");

        var (status, _, response) = await rig.AskAsync("POST", "/v1/stop", headers => headers.TryAddWithoutValidation("Authorization", authorization));

        Assert.Equal(401, status);
        Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        Assert.True(response.Headers.ConnectionClose);
        Assert.Empty(rig.Instance.Told);
    }

    [Fact]
    public async Task Over_tcp_the_token_opens()
    {
        await using var rig = await AdminRig.StartTcpAsync("sesame");

        Assert.Equal(200, (await rig.AskAsync("GET", "/v1/status", headers => headers.TryAddWithoutValidation("Authorization", "Bearer sesame"))).Status);
    }

    [Theory]
    [InlineData("localhost", 200)]
    [InlineData("127.0.0.1:9000", 200)]
    [InlineData("[::1]:9000", 200)]
    [InlineData("rebound.example", 403)]
    [InlineData("localhost.evil.example", 403)]
    [InlineData("10.0.0.1", 403)]
    public async Task Over_tcp_only_the_loopback_is_a_host(string host, int expected)
    {
        await using var rig = await AdminRig.StartTcpAsync("sesame");

        var (status, _, _) = await rig.AskAsync("GET", "/v1/status", headers =>
        {
            headers.Host = host;
            headers.TryAddWithoutValidation("Authorization", "Bearer sesame");
        });

        Assert.Equal(expected, status);
    }

    [Fact]
    public async Task The_document_is_served_as_it_is_published()
    {
        await using var rig = await AdminRig.StartAsync();

        var (_, body, _) = await rig.AskAsync("GET", "/v1/openapi.json");

        Assert.Equal("3.1.0", JsonDocument.Parse(body).RootElement.GetProperty("openapi").GetString());
        Assert.Equal(OpenApi.Bytes.ToArray(), System.Text.Encoding.UTF8.GetBytes(body));
    }

    private static int Count(string connections) => JsonDocument.Parse(connections).RootElement.GetProperty("connections").GetArrayLength();
}
