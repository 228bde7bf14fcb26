using Mesh.Controller.Api;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Controller.Api;

public sealed class NodeApiTests : IAsyncLifetime
{
    RunningController _controller = null!;

    public async Task InitializeAsync() => _controller = await RunningController.StartAsync();

    public async Task DisposeAsync() => await _controller.DisposeAsync();

    [Fact]
    public async Task Everything_but_enrollment_needs_a_certificate()
    {
        using var machine = new Machine(_controller, await _controller.CreateCredentialAsync());
        foreach (var path in (string[])["/v1/stream", "/v1/certificate", "/v1/rotate-key", "/v1/logout"])
        {
            using var response = path == "/v1/certificate" ? await RequestAsync(machine, null) : await machine.PostAsync(path, []);
            Assert.Equal((401, "certificate-needed"), ((int)response.StatusCode, (await Machine.ProblemOfAsync(response))!.Code));
        }
    }

    [Fact]
    public async Task A_certificate_of_another_authority_proves_nobody()
    {
        using var machine = await JoinAsync("a");
        using var foreign = CertificateAuthority.Create(
            TypedId.Create<ControllerId>(Mesh.Controller.Keys.SystemEntropy.Instance), _controller.Clock.Now);
        Assert.True(CertificateAuthority.TryReadRequest(machine.CertificateRequest, out var key));
        machine.Present(foreign.IssueNode(key, machine.Reply!.Node, _controller.Clock.Now));
        foreach (var path in (string[])["/v1/stream", "/v1/logout"])
        {
            using var response = await machine.PostAsync(path, []);
            Assert.Equal((401, "certificate-unknown"), ((int)response.StatusCode, (await Machine.ProblemOfAsync(response))!.Code));
        }
        using var without = await RequestAsync(machine, null);
        Assert.Equal("certificate-unknown", (await Machine.ProblemOfAsync(without))!.Code);
        Assert.Contains("offline", (await _controller.RunAsync(["node", "show", "a"])).Out);
    }

    [Fact]
    public async Task A_node_rotates_its_own_key_and_no_others()
    {
        using var machine = await JoinAsync("a");
        using var other = await JoinAsync("b");
        var (former, next) = (X25519.ComputePublicKey(machine.TunnelKey), new TunnelPublicKey([.. Enumerable.Repeat((byte)7, 32)]));
        Assert.Equal((409, "key-changed"), await RotateAsync(other, former, next));
        Assert.Equal((204, null), await RotateAsync(machine, former, next));
        Assert.Equal((204, null), await RotateAsync(machine, former, next));
        Assert.Equal((403, "key-in-use"), await RotateAsync(other, X25519.ComputePublicKey(other.TunnelKey), next));
        Assert.Equal((400, "malformed"), await RotateAsync(machine, next, new TunnelPublicKey(new byte[32])));
        using (var unreadable = await machine.PostAsync("/v1/rotate-key", "{}"u8.ToArray()))
            Assert.Equal((400, "malformed"), ((int)unreadable.StatusCode, (await Machine.ProblemOfAsync(unreadable))!.Code));
        Assert.Equal(0, (await _controller.RunAsync(["node", "revoke", "a"])).Exit);
        Assert.Equal((403, "node-revoked"), await RotateAsync(machine, next, former));
        Assert.Contains("node.rotated", (await _controller.RunAsync(["audit", "list"])).Out);

        static async Task<(int, string?)> RotateAsync(Machine from, TunnelPublicKey former, TunnelPublicKey next)
        {
            using var response = await from.PostAsync("/v1/rotate-key", ProtocolJson.Encode(new KeyRotationRequest(former, next), ProtocolJson.Default.KeyRotationRequest));
            return ((int)response.StatusCode, response.IsSuccessStatusCode ? null : (await Machine.ProblemOfAsync(response))!.Code);
        }
    }

    [Fact]
    public async Task A_node_whose_certificate_counts_no_longer_gets_the_next_by_its_own_key()
    {
        using var machine = await JoinAsync("a");
        machine.PresentNothing();
        var now = _controller.Clock.Now;
        Assert.Null(await CodeOfAsync(now, machine.SigningKey));
        Assert.Equal("clock-skew", await CodeOfAsync(now + TimeSpan.FromMinutes(11), machine.SigningKey));
        Assert.Equal("clock-skew", await CodeOfAsync(now - TimeSpan.FromMinutes(11), machine.SigningKey));
        using var other = new SigningPrivateKey(Mesh.Controller.Keys.SystemEntropy.Instance);
        Assert.Equal("node-unknown", await CodeOfAsync(now, other));
        // A proof is for one request, one node and one network.
        var proof = Prove(machine, now, machine.SigningKey, machine.CertificateRequest);
        Assert.Equal("node-unknown", await CodeWithAsync(proof));
        Assert.Equal("node-unknown", await CodeWithAsync(proof with { Node = TypedId.Create<NodeId>(Mesh.Controller.Keys.SystemEntropy.Instance) }));
        Assert.Equal(0, (await _controller.RunAsync(["node", "revoke", "a"])).Exit);
        Assert.Equal("node-revoked", await CodeOfAsync(now, machine.SigningKey));
        Assert.Equal("node-unknown", await CodeOfAsync(now, other));

        async Task<string?> CodeOfAsync(WallTime time, SigningPrivateKey key)
        {
            var request = machine.CertificateRequest;
            using var response = await machine.PostAsync("/v1/certificate", ProtocolJson.Encode(
                new CertificateRequestMessage(request, Prove(machine, time, key, request)), ProtocolJson.Default.CertificateRequestMessage));
            return (await Machine.ProblemOfAsync(response))?.Code;
        }

        async Task<string?> CodeWithAsync(CertificateProof given)
        {
            using var response = await RequestAsync(machine, given);
            return (await Machine.ProblemOfAsync(response))?.Code;
        }
    }

    [Fact]
    public async Task A_stream_brings_the_map_then_changes_as_deltas_and_each_can_be_verified()
    {
        await _controller.AllowAllAsync();
        using var first = await JoinAsync("first");
        using var stream = await NodeStream.OpenAsync(first);
        await stream.AttachAsync();
        var trust = Trust(first);
        trust = Accept(trust, await stream.ReadAsync(frame => frame.Map is not null));
        Assert.Empty(trust.Body!.Peers);
        await AckAsync(stream, trust);

        using var second = await JoinAsync("second");
        var change = await stream.ReadAsync(frame => frame.Map is not null && ReadLeaf(frame).Delta is not null);
        trust = Accept(trust, change);
        Assert.Equal("second", Assert.Single(trust.Body!.Peers).Name);
    }

    [Fact]
    public async Task Revocation_waits_for_the_peers_and_closes_the_stream_of_the_node_and_refuses_its_certificate()
    {
        await _controller.AllowAllAsync();
        using var staying = await JoinAsync("staying");
        using var leaving = await JoinAsync("leaving");
        using var stayingStream = await NodeStream.OpenAsync(staying);
        using var leavingStream = await NodeStream.OpenAsync(leaving);
        await stayingStream.AttachAsync();
        await leavingStream.AttachAsync();
        var trust = Accept(Trust(staying), await stayingStream.ReadAsync(frame => frame.Map is not null));
        await AckAsync(stayingStream, trust);
        await leavingStream.ReadAsync(frame => frame.Map is not null);

        var following = FollowAsync();
        var (exit, output, error) = await _controller.RunAsync(["node", "revoke", "leaving"]);
        Assert.True(exit == 0, error);
        Assert.Matches(@"^revoked leaving: 1 of 1 peers acknowledged in \d+\.\d s\n$", output);
        Assert.Equal("revoked", await leavingStream.ReadCloseAsync());
        using var response = await leaving.PostAsync("/v1/certificate", []);
        Assert.Equal((403, RefusalCodes.NodeRevoked), ((int)response.StatusCode, (await Machine.ProblemOfAsync(response))!.Code));
        await following;

        async Task FollowAsync()
        {
            while (trust.Body!.Peers.Count > 0)
            {
                trust = Accept(trust, await stayingStream.ReadAsync(frame => frame.Map is not null));
                await AckAsync(stayingStream, trust);
            }
        }
    }

    [Fact]
    public async Task A_revocation_names_the_peer_that_is_away_and_until_when_it_may_go_on()
    {
        await _controller.AllowAllAsync();
        using var away = await JoinAsync("away");
        using var leaving = await JoinAsync("leaving");
        var (exit, output, _) = await _controller.RunAsync(["node", "revoke", "leaving"]);
        Assert.Equal(0, exit);
        Assert.StartsWith("revoked leaving: 0 of 1 peers acknowledged", output);
        Assert.Contains("not reached: away (not attached) may talk to it until 20", output);
    }

    [Fact]
    public async Task A_certificate_is_renewed_and_the_new_one_works()
    {
        using var machine = await JoinAsync("a");
        var renewed = await RenewAsync(machine);
        Assert.NotEqual(machine.Reply!.Certificates[0], renewed.Certificates[0]);
        machine.Present(renewed.Certificates[0]);
        using var stream = await NodeStream.OpenAsync(machine);
    }

    [Fact]
    public async Task A_node_that_was_away_for_longer_than_its_certificate_lasts_renews_it_and_nothing_else()
    {
        using var machine = await JoinAsync("a");
        _controller.Clock.Offset = CertificateAuthority.NodeLifetime + TimeSpan.FromHours(1);
        machine.Present(machine.Reply!.Certificates[0]);
        using (var response = await machine.PostAsync("/v1/stream", []))
            Assert.Equal((401, "certificate-expired"), ((int)response.StatusCode, (await Machine.ProblemOfAsync(response))!.Code));
        var renewed = await RenewAsync(machine);
        machine.Present(renewed.Certificates[0]);
        using var stream = await NodeStream.OpenAsync(machine);
    }

    [Fact]
    public async Task A_node_that_logs_out_is_gone()
    {
        using var machine = await JoinAsync("a");
        using (var response = await machine.PostAsync("/v1/logout", []))
            Assert.Equal(204, (int)response.StatusCode);
        using (var again = await machine.PostAsync("/v1/logout", []))
            Assert.Equal(403, (int)again.StatusCode);
        Assert.Contains("logged-out", (await _controller.RunAsync(["node", "list"])).Out);
    }

    [Fact]
    public async Task A_line_that_is_too_long_or_not_readable_ends_the_stream()
    {
        using var machine = await JoinAsync("a");
        using (var stream = await NodeStream.OpenAsync(machine))
        {
            await stream.AttachAsync();
            await stream.SendAsync("this is not json\n"u8.ToArray());
            Assert.Equal("malformed", await stream.ReadCloseAsync());
        }
        using (var stream = await NodeStream.OpenAsync(machine))
        {
            await stream.AttachAsync();
            await stream.SendAsync(Enumerable.Repeat((byte)'x', StreamEndpoint.MaximumLine + 1).ToArray());
            Assert.Equal("malformed", await stream.ReadCloseAsync());
        }
    }

    [Fact]
    public async Task A_second_stream_replaces_the_first_and_a_stop_is_told()
    {
        using var machine = await JoinAsync("a");
        using var first = await NodeStream.OpenAsync(machine);
        await first.AttachAsync();
        await first.ReadAsync(frame => frame.Map is not null);
        using var second = await NodeStream.OpenAsync(machine);
        await second.AttachAsync();
        Assert.Equal("replaced", await first.ReadCloseAsync());
        await second.ReadAsync(frame => frame.Map is not null);
        var closed = second.ReadCloseAsync();
        await _controller.RestartAsync();
        Assert.Equal("stopping", await closed);
        machine.Present(machine.Reply!.Certificates[0]);
        using var third = await NodeStream.OpenAsync(machine);
        await third.AttachAsync();
        await third.ReadAsync(frame => frame.Map is not null);
    }

    async Task<Machine> JoinAsync(string name)
    {
        var machine = new Machine(_controller, await _controller.CreateCredentialAsync(), name);
        Assert.Null(await machine.EnrollAsync());
        return machine;
    }

    static async Task<CertificateReply> RenewAsync(Machine machine)
    {
        using var response = await machine.PostAsync(
            "/v1/certificate",
            ProtocolJson.Encode(new CertificateRequestMessage(machine.CertificateRequest), ProtocolJson.Default.CertificateRequestMessage));
        Assert.Null(await Machine.ProblemOfAsync(response));
        Assert.True(ProtocolJson.TryDecode(
            await response.Content.ReadAsByteArrayAsync(), ProtocolJson.Default.CertificateReply, out var reply));
        return reply;
    }

    static Task<HttpResponseMessage> RequestAsync(Machine machine, CertificateProof? proof) => machine.PostAsync(
        "/v1/certificate", ProtocolJson.Encode(
            new CertificateRequestMessage(machine.CertificateRequest, proof), ProtocolJson.Default.CertificateRequestMessage));

    static CertificateProof Prove(Machine machine, WallTime time, SigningPrivateKey key, byte[] request)
    {
        var signature = new byte[Ed25519.SignatureSize];
        Ed25519.Sign(key.Span, CertificateProof.Bytes(machine.Reply!.Network, machine.Reply.Node, time, request), signature);
        return new CertificateProof(machine.Reply.Node, time, signature);
    }

    static MapTrust Trust(Machine machine) =>
        new() { Network = machine.Reply!.Network, Node = machine.Reply.Node, Root = machine.Reply.RootKey };

    MapTrust Accept(MapTrust trust, DownFrame frame)
    {
        Assert.Equal(TrustRefusal.None, trust.TryAccept(frame.Map!, _controller.Clock.Now, out var next));
        return next;
    }

    static Task AckAsync(NodeStream stream, MapTrust trust) =>
        stream.SendAsync(new UpFrame(Ack: new AckFrame(trust.Epoch, trust.Revision, MapChange.Hash(trust.Body!))));

    static MapLeaf ReadLeaf(DownFrame frame) =>
        ProtocolJson.TryDecode(frame.Map!.Leaf, ProtocolJson.Default.MapLeaf, out var leaf) ? leaf : throw new InvalidDataException();
}
