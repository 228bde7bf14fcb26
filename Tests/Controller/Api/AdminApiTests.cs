using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text;
using Mesh.Actors.Tokens;
using Mesh.Controller.Admin;
using Mesh.Protocol;
using Mesh.Protocol.Admin;
using Mesh.Protocol.Enrollment;

namespace Mesh.Tests.Controller.Api;

/// <summary>Asks the admin API with a plain HTTP client: what strangers, and tokens of every scope, get to hear.</summary>
public sealed class AdminApiTests : IAsyncLifetime
{
    RunningController _controller = null!;
    HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _controller = await RunningController.StartAsync();
        _http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = { EnabledSslProtocols = SslProtocols.Tls13, RemoteCertificateValidationCallback = (_, presented, _, _) => presented is not null },
        })
        {
            BaseAddress = new Uri($"https://{_controller.Endpoint}"),
        };
    }

    public async Task DisposeAsync()
    {
        _http.Dispose();
        await _controller.DisposeAsync();
    }

    [Fact]
    public async Task Every_request_wants_a_token_that_may_make_it_and_is_served_to_whoever_has_one()
    {
        var tokens = new Dictionary<string, (string Own, string Others)>();
        foreach (var (method, path, scope) in AdminRoutes.All.Select(route => (route.Method, "/admin/v1/" + route.Path.Replace('*', 'x'), route.Scope)))
        {
            if (!tokens.TryGetValue(scope, out var token))
            {
                var name = scope.Replace(':', '-');
                var others = TokenScopes.All.Where(one => !TokenScopes.Allow([one], scope)).ToArray();
                tokens[scope] = token = (await CreateTokenAsync(name, scope), await CreateTokenAsync("not-" + name, others));
            }
            await AssertRefusedAsync(401, TokenCodes.Needed, await AskAsync(method, path, null));
            await AssertRefusedAsync(403, TokenCodes.Scope, await AskAsync(method, path, token.Others));
            using var served = await AskAsync(method, path, token.Own);
            // There is nothing to do for it here, but whatever is listed is known.
            Assert.Contains((int)served.StatusCode, (int[])[200, 400, 404]);
            if (!served.IsSuccessStatusCode)
                Assert.DoesNotContain("does not know this request", (await Machine.ProblemOfAsync(served))!.Title);
        }
    }

    [Fact]
    public async Task What_is_not_listed_is_not_served_on_the_socket_neither()
    {
        var token = await CreateTokenAsync("all", "admin");
        foreach (var path in (string[])["/admin/v1/nowhere", "/admin/v1/nodes/x/y", "/admin/nodes", "/admin/", "/admin/v1/users/x", "/admin/v2/nodes"])
            await AssertRefusedAsync(404, RefusalCodes.Malformed, await AskAsync("GET", path, token));
        await AssertRefusedAsync(404, RefusalCodes.Malformed, await AskAsync("DELETE", "/admin/v1/nodes", token));
        using var socket = new SocketLink(_controller.Socket);
        foreach (var (path, status) in new[] { ("/v1/users/x", HttpStatusCode.NotFound), ("/v1/users", HttpStatusCode.OK) })
        {
            using var answer = await socket.SendAsync(
                () => new HttpRequestMessage(HttpMethod.Get, path), HttpCompletionOption.ResponseContentRead, CancellationToken.None);
            Assert.Equal(status, answer.StatusCode);
        }
    }

    [Fact]
    public async Task What_is_no_token_of_this_network_gets_401_and_nothing_else()
    {
        var token = await CreateTokenAsync("ci", "admin");
        Assert.True(TokenString.TryParse(token, out var read));
        var wrongSecret = TokenString.Create(read.Id, new byte[32], read.RootHash).Export();
        foreach (var wrong in (string[])["", "x", token[..^1], token + "A", "mk1_AAAA", wrongSecret])
            await AssertRefusedAsync(401, TokenCodes.Unknown, await AskAsync("GET", "/admin/v1/nodes", wrong));
        using var basic = Request("GET", "/admin/v1/nodes");
        basic.Headers.Authorization = new AuthenticationHeaderValue("Basic", token);
        await AssertRefusedAsync(401, TokenCodes.Needed, await _http.SendAsync(basic));
        // The right one goes on to count.
        using var served = await AskAsync("GET", "/admin/v1/nodes", token);
        Assert.Equal(HttpStatusCode.OK, served.StatusCode);
    }

    [Fact]
    public async Task A_token_that_was_revoked_or_is_over_is_refused_from_the_next_request_on()
    {
        var (revoked, child) = (await CreateTokenAsync("parent", "admin"), "");
        using (var created = await AskAsync("POST", "/admin/v1/tokens", revoked, """{"name":"child","scopes":["nodes:read"]}"""))
        {
            Assert.True(ProtocolJson.TryDecode(await created.Content.ReadAsByteArrayAsync(), AdminJson.Default.CreatedToken, out var reply));
            child = reply.Key;
        }
        var timed = await CreateTokenAsync("timed", ["nodes:read"], "10m");
        foreach (var token in (string[])[revoked, child, timed])
        {
            using var served = await AskAsync("GET", "/admin/v1/nodes", token);
            Assert.Equal(HttpStatusCode.OK, served.StatusCode);
        }
        Assert.Equal(0, (await _controller.RunAsync(["token", "revoke", "parent"])).Exit);
        await AssertRefusedAsync(401, TokenCodes.Revoked, await AskAsync("GET", "/admin/v1/nodes", revoked));
        await AssertRefusedAsync(401, TokenCodes.Revoked, await AskAsync("GET", "/admin/v1/nodes", child));
        _controller.Clock.Offset = TimeSpan.FromMinutes(11);
        await AssertRefusedAsync(401, TokenCodes.Expired, await AskAsync("GET", "/admin/v1/nodes", timed));
    }

    [Fact]
    public async Task A_token_gives_no_more_away_than_it_has()
    {
        var token = await CreateTokenAsync("little", "tokens:write", "nodes:read");
        foreach (var more in (string[])["admin", "nodes:write", "policy:read"])
            await AssertRefusedAsync(
                403, "scope", await AskAsync("POST", "/admin/v1/tokens", token, $$"""{"name":"more","scopes":["nodes:read","{{more}}"]}"""));
        using var less = await AskAsync("POST", "/admin/v1/tokens", token, """{"name":"less","scopes":["nodes:read"]}""");
        Assert.Equal(HttpStatusCode.OK, less.StatusCode);
        await AssertRefusedAsync(409, "exists", await AskAsync("POST", "/admin/v1/tokens", token, """{"name":"less","scopes":["nodes:read"]}"""));
        Assert.Contains("token:little", (await _controller.RunAsync(["audit", "list", "--type", "token.created"])).Out);
    }

    [Fact]
    public async Task Whoever_guesses_is_slowed_down_and_machines_still_join()
    {
        var token = await CreateTokenAsync("ci", "nodes:read");
        Assert.True(TokenString.TryParse(token, out var read));
        var guess = TokenString.Create(read.Id, new byte[32], read.RootHash).Export();
        var refused = 0;
        for (; refused < 100; refused++)
        {
            using var answer = await AskAsync("GET", "/admin/v1/nodes", guess);
            if (answer.StatusCode == HttpStatusCode.TooManyRequests)
            {
                Assert.NotNull(answer.Headers.RetryAfter);
                break;
            }
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
        Assert.InRange(refused, 5, 30);
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync());
        await machine.EnrollAsync();
    }

    [Fact]
    public async Task A_body_is_read_for_those_with_a_token_only_and_only_so_much_of_it()
    {
        var large = $$"""{"text":"{{new string('x', AdminVerbs.MaximumRequest)}}"}""";
        await AssertRefusedAsync(
            413, RefusalCodes.Malformed, await AskAsync("POST", "/admin/v1/policy/check", await CreateTokenAsync("ci", "policy:read"), large));
        // Longer than what strangers may send to the rest of the API.
        using var policy = await AskAsync(
            "POST", "/admin/v1/policy/check", await CreateTokenAsync("ci2", "policy:read"),
            $$"""{"text":"version: 1\n# {{new string('x', 100_000)}}\n"}""");
        Assert.Equal(HttpStatusCode.OK, policy.StatusCode);
    }

    async Task<string> CreateTokenAsync(string name, params string[] scopes) => await CreateTokenAsync(name, scopes, "1h");

    async Task<string> CreateTokenAsync(string name, string[] scopes, string ttl)
    {
        var (exit, output, error) = await _controller.RunAsync(["token", "create", "--name", name, "--ttl", ttl, "--scope", .. scopes]);
        Assert.True(exit == 0, error);
        Assert.True(TokenString.TryParse(output, out var token), output);
        Assert.Equal(token.Export() + "\n", output);
        Assert.DoesNotContain(token.Export(), error);
        return token.Export();
    }

    async Task<HttpResponseMessage> AskAsync(string method, string path, string? token, string? body = null)
    {
        using var request = Request(method, path);
        if (token is not null)
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        if (body is not null)
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        return await _http.SendAsync(request);
    }

    static HttpRequestMessage Request(string method, string path) => new(new HttpMethod(method), path)
    {
        Version = HttpVersion.Version20,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    static async Task AssertRefusedAsync(int status, string code, HttpResponseMessage response)
    {
        using (response)
        {
            var problem = await Machine.ProblemOfAsync(response);
            Assert.Equal((status, status, code), ((int)response.StatusCode, problem!.Status, problem.Code));
            Assert.Equal("application/problem+json", response.Content.Headers.ContentType!.MediaType);
            Assert.Equal(status == 401, response.Headers.WwwAuthenticate.Any(one => one.Scheme == "Bearer"));
        }
    }
}
