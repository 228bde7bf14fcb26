using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Mesh.Controller.Api;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Api;

public sealed class EnrollmentTests : IAsyncLifetime
{
    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public async Task A_machine_joins_and_can_verify_everything_it_is_given()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential, "Web Server");
        Assert.Null(await machine.EnrollAsync());
        var reply = machine.Reply!;
        Assert.Equal("web-server", reply.Name);
        Assert.Equal(credential.RootHash, Sha256.Hash(reply.RootKey.Value.Span));
        var trust = new MapTrust { Network = reply.Network, Node = reply.Node, Root = reply.RootKey };
        Assert.Equal(TrustRefusal.None, trust.TryAccept(reply.Map, _controller.Clock.Now, out var accepted));
        Assert.Equal("web-server", accepted.Body!.Self.Name);
        Assert.Equal(machine.Pinned!.Delegation.Controller, Assert.Single(accepted.Body.Controllers).Id);
    }

    [Fact]
    public async Task The_same_machine_gets_the_same_answer_again_and_another_is_told_that_it_is_used()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential);
        Assert.Null(await machine.EnrollAsync());
        var first = machine.Reply!.Node;
        Assert.Null(await machine.EnrollAsync());
        Assert.Equal(first, machine.Reply.Node);
        using var other = new Machine(_controller, credential);
        var problem = await other.EnrollAsync();
        Assert.Equal((403, RefusalCodes.Used), (problem!.Status, problem.Code));
    }

    [Fact]
    public async Task One_credential_and_fifty_machines_at_once_let_exactly_one_in()
    {
        for (var round = 0; round < 3; round++)
        {
            var credential = await _controller.CreateCredentialAsync();
            var machines = Enumerable.Range(0, 50).Select(i => new Machine(_controller, credential, $"m{i}")).ToList();
            var answers = await Task.WhenAll(machines.Select(machine => machine.EnrollAsync()));
            Assert.Single(answers, answer => answer is null);
            Assert.All(answers.Where(answer => answer is not null), answer => Assert.Equal(RefusalCodes.Used, answer!.Code));
            machines.ForEach(machine => machine.Dispose());
        }
    }

    [Fact]
    public async Task Used_expired_revoked_and_unknown_each_have_their_line_and_an_unknown_id_reads_like_a_wrong_secret()
    {
        var revoked = await _controller.CreateCredentialAsync();
        Assert.Equal(0, (await _controller.RunAsync(["credential", "revoke", revoked.Id.ToString()])).Exit);
        using (var machine = new Machine(_controller, revoked))
            Assert.Equal(RefusalCodes.Revoked, (await machine.EnrollAsync())!.Code);

        var open = await _controller.CreateCredentialAsync("--tag", "server", "--ttl", "1h");
        using var wrong = new Machine(_controller, open);
        var wrongSecret = await wrong.EnrollAsync(new byte[32]);
        var foreign = CredentialString.Create(
            TypedId.Create<CredentialId>(Mesh.Controller.Keys.SystemEntropy.Instance), open.Secret, open.RootHash, open.Controllers);
        using var unknown = new Machine(_controller, foreign);
        var unknownId = await unknown.EnrollAsync();
        Assert.Equal((403, RefusalCodes.Unknown), (wrongSecret!.Status, wrongSecret.Code));
        Assert.Equal(wrongSecret, unknownId);

        _controller.Clock.Offset = TimeSpan.FromHours(1) + TimeSpan.FromSeconds(1);
        using var late = new Machine(_controller, open);
        Assert.Equal(RefusalCodes.Expired, (await late.EnrollAsync())!.Code);
    }

    [Fact]
    public async Task Guessing_is_limited_where_it_happens_and_a_correct_secret_still_works_elsewhere()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var guesser = new Machine(_controller, credential);
        Problem? last = null;
        var guesses = 0;
        while (last?.Code != RefusalCodes.Limited && guesses++ < 30)
            last = await guesser.EnrollAsync(new byte[32]);
        Assert.Equal(12, guesses);
        Assert.Equal(429, last!.Status);
        Assert.InRange(last.RetryAfterSeconds!.Value, 1, 30);
        // Here even the correct secret has to wait; there it does not.
        Assert.Equal(RefusalCodes.Limited, (await guesser.EnrollAsync())!.Code);
        using var owner = new Machine(_controller, credential, from: "127.0.0.2");
        Assert.Null(await owner.EnrollAsync());
    }

    [Fact]
    public async Task Correct_secrets_are_never_counted()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var first = new Machine(_controller, credential);
        Assert.Null(await first.EnrollAsync());
        using var other = new Machine(_controller, credential);
        for (var i = 0; i < 40; i++)
            Assert.Equal(RefusalCodes.Used, (await other.EnrollAsync())!.Code);
    }

    [Theory]
    [InlineData(100, "100 seconds ahead of")]
    [InlineData(-3600, "3600 seconds behind")]
    public async Task A_clock_that_is_too_far_off_is_told_by_how_much_and_which_way(int seconds, string expected)
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential) { Skew = TimeSpan.FromSeconds(seconds) };
        var problem = await machine.EnrollAsync();
        Assert.Equal(RefusalCodes.ClockSkew, problem!.Code);
        Assert.Contains(expected, problem.Title);
        using var exact = new Machine(_controller, credential);
        Assert.Null(await exact.EnrollAsync());
    }

    [Fact]
    public async Task A_proof_of_another_key_is_refused()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential);
        using var other = new Machine(_controller, credential);
        var stolen = machine.Request() with { SigningKey = other.Request().SigningKey };
        using var response = await machine.PostAsync(
            "/v1/enroll", Mesh.Protocol.ProtocolJson.Encode(stolen, Mesh.Protocol.ProtocolJson.Default.EnrollRequest));
        Assert.Equal(RefusalCodes.Malformed, (await Machine.ProblemOfAsync(response))!.Code);
    }

    [Fact]
    public async Task What_cannot_be_read_is_refused_and_what_is_too_long_is_not_read()
    {
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync());
        foreach (var body in (string[])["", "{}", "null", "[1,2", "{\"credential\":1}"])
        {
            using var response = await machine.PostAsync("/v1/enroll", Encoding.UTF8.GetBytes(body));
            Assert.Equal((400, RefusalCodes.Malformed), ((int)response.StatusCode, (await Machine.ProblemOfAsync(response))!.Code));
        }
        using var tooLong = await machine.PostAsync("/v1/enroll", new byte[EnrollEndpoint.MaximumRequest + 1]);
        Assert.Equal(413, (int)tooLong.StatusCode);
        using var nothing = await machine.PostAsync("/v1/other", []);
        Assert.Equal(404, (int)nothing.StatusCode);
        using var get = await machine.SendAsync(HttpMethod.Get, "/v1/enroll", null);
        Assert.Equal(405, (int)get.StatusCode);
        Assert.Null(await machine.EnrollAsync());
    }

    [Fact]
    public async Task A_used_credential_survives_a_restart_as_used()
    {
        var credential = await _controller.CreateCredentialAsync();
        using var machine = new Machine(_controller, credential);
        Assert.Null(await machine.EnrollAsync());
        await _controller.RestartAsync();
        using var again = new Machine(_controller, credential);
        Assert.Equal(RefusalCodes.Used, (await again.EnrollAsync())!.Code);
        Assert.Null(await machine.EnrollAsync());
    }

    [Fact]
    public async Task Only_TLS_1_3_is_spoken()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(_controller.Endpoint);
        await using var tls = new SslStream(new NetworkStream(socket), false, (_, presented, _, _) => presented is not null);
        await Assert.ThrowsAnyAsync<Exception>(() => tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = CertificatePin.ControllerName,
            EnabledSslProtocols = SslProtocols.Tls12,
        }));
    }

    [Fact]
    public async Task Strangers_can_hold_only_so_many_connections_from_one_address_and_nobody_else_notices()
    {
        var credential = await _controller.CreateCredentialAsync();
        var sockets = new List<Socket>();
        try
        {
            for (var i = 0; i < 200; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                sockets.Add(socket);
                socket.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.3"), 0));
                try
                {
                    await socket.ConnectAsync(_controller.Endpoint);
                }
                catch (SocketException)
                {
                    // Closed before the call returned: that is one of the surplus.
                }
            }
            using var machine = new Machine(_controller, credential);
            Assert.Null(await machine.EnrollAsync());
            // The surplus was closed: reading gives the end or a reset at once, the others wait for their handshake.
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            var closed = await Task.WhenAll(sockets.Skip(128).Select(async socket =>
            {
                try
                {
                    return await socket.ReceiveAsync(new byte[1], patience.Token) == 0;
                }
                catch (SocketException)
                {
                    return true;
                }
            }));
            Assert.All(closed, Assert.True);
        }
        finally
        {
            sockets.ForEach(socket => socket.Dispose());
        }
    }
}
