using System.Text;
using Mesh.Actors.Events;
using Mesh.Actors.Policy;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Actors.Events;

/// <summary>Holds every event that was ever written: these lines only ever grow in number.</summary>
public sealed class EventStabilityTests
{
    static readonly WallTime At = new(1_767_268_800_123);
    static readonly NetworkId Network = new(Id(1));
    static readonly NodeId Node = new(Id(2));
    static readonly ControllerId Controller = new(Id(3));
    static readonly CredentialId Credential = new(Id(4));

    static readonly EnrolledNode Laptop = new(
        Node, "laptop", new SigningPublicKey(Bytes(5)), new TunnelPublicKey(Bytes(6)), "100.64.0.1", "fd12:3456:789a::1", "alice", [],
        "Laptop", "linux", "1.0");

    const string Head = """{"command_id":"c1","by":"admin:root","at":"2026-01-01T12:00:00.123Z",""";
    const string LaptopJson =
        """{"id":"aaaaaaaaaaaaaaac","name":"laptop","signing_key":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=","tunnel_key":"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=","ipv4":"100.64.0.1","ipv6":"fd12:3456:789a::1","owner":"alice","tags":[],"hostname":"Laptop","os":"linux","version":"1.0"}""";

    public static TheoryData<string, string> Written => new()
    {
        { "network.created.v1", Head + """ "network":"aaaaaaaaaaaaaaab","root_key":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=","zone":"mesh.internal","ipv4":"100.64.0.0/10","ipv6":"fd12:3456:789a::/48"}""".TrimStart() },
        { "network.restored.v1", Head + """ "epoch":2,"controller":"aaaaaaaaaaaaaaad","backup":"CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=","revision":42,"taken_at":"2026-01-01T12:00:00.123Z","taken_by":"aaaaaaaaaaaaaaah"}""".TrimStart() },
        { "controller.delegated.v1", Head + """ "controller":"aaaaaaaaaaaaaaad","delegation":{"payloadType":"application/vnd.mesh.delegation.v1\u002Bjson","payload":"e30=","signatures":[{"keyid":"root","sig":"BwcH"}]},"addresses":["a.test:8443"]}""".TrimStart() },
        { "controller.delegated.v2", Head + """ "controller":"aaaaaaaaaaaaaaad","delegation":{"payloadType":"application/vnd.mesh.delegation.v1\u002Bjson","payload":"e30=","signatures":[{"keyid":"root","sig":"BwcH"}]},"authority":"CQkJ","addresses":["a.test:8443"]}""".TrimStart() },
        { "controller.withdrawn.v1", Head + """ "controller":"aaaaaaaaaaaaaaad"}""".TrimStart() },
        { "history.pruned.v1", Head + """ "before":"2026-01-01T12:00:00.123Z"}""".TrimStart() },
        { "user.created.v1", Head + """ "name":"alice"}""".TrimStart() },
        { "credential.created.v1", Head + """ "credential":"aaaaaaaaaaaaaaae","secret_hash":"CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=","tags":["ci","server"],"expires_at":"2026-01-01T12:00:00.123Z"}""".TrimStart() },
        { "credential.created.v2", Head + """ "credential":"aaaaaaaaaaaaaaae","secret_hash":"CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=","owner":"alice","tags":[],"expires_at":"2026-01-01T12:00:00.123Z","uses":25,"ephemeral":true,"approved":false}""".TrimStart() },
        { "credential.used.v1", Head + """ "credential":"aaaaaaaaaaaaaaae","node":""".TrimStart() + LaptopJson + "}" },
        { "credential.expired.v1", Head + """ "credential":"aaaaaaaaaaaaaaae"}""".TrimStart() },
        { "credential.revoked.v1", Head + """ "credential":"aaaaaaaaaaaaaaae"}""".TrimStart() },
        { "allocation.reserved.v1", Head + """ "credential":"aaaaaaaaaaaaaaae","node":"aaaaaaaaaaaaaaac","name":"laptop","ipv4":"100.64.0.1","ipv6":"fd12:3456:789a::1","signing_key":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=","tunnel_key":"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=","owner":"alice","tags":[]}""".TrimStart() },
        { "allocation.released.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "node.registered.v1", Head + """ "credential":"aaaaaaaaaaaaaaae","node":""".TrimStart() + LaptopJson + "}" },
        { "node.announced.v1", Head + """ "node":"aaaaaaaaaaaaaaac","suites":["aes-256-gcm"]}""".TrimStart() },
        { "node.revoked.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "node.logged-out.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "node.approved.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "node.renamed.v1", Head + """ "node":"aaaaaaaaaaaaaaac","name":"db"}""".TrimStart() },
        { "node.rotated.v1", Head + """ "node":"aaaaaaaaaaaaaaac","signing_key":"BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU=","former_key":"BgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgYGBgY=","tunnel_key":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="}""".TrimStart() },
        { "node.tagged.v1", Head + """ "node":"aaaaaaaaaaaaaaac","tags":["ci","server"]}""".TrimStart() },
        { "node.expiry-set.v1", Head + """ "node":"aaaaaaaaaaaaaaac","expires_at":"2026-01-01T12:00:00.123Z"}""".TrimStart() },
        { "node.expired.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "node.deleted.v1", Head + """ "node":"aaaaaaaaaaaaaaac"}""".TrimStart() },
        { "policy.set.v1", Head + """ "text":"version: 1\n","document":{"version":1,"groups":[{"name":"admins","members":["alice"]}],"tags":[{"name":"server","owners":["group:admins"]}],"allow":[{"from":["*"],"to":["tag:server"]}]}}""".TrimStart() },
        { "policy.set.v2", Head + """ "text":"version: 1\n","document":{"version":1,"groups":[],"tags":[],"allow":[],"approval":{"automatic":["ephemeral","tag:ci"]}}}""".TrimStart() },
        { "token.created.v1", Head + """ "token":"aaaaaaaaaaaaaaaf","name":"ci","secret_hash":"CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=","scopes":["credentials:write","nodes:read"],"expires_at":"2026-01-01T12:00:00.123Z","parent":"aaaaaaaaaaaaaaag"}""".TrimStart() },
        { "token.revoked.v1", Head + """ "token":"aaaaaaaaaaaaaaaf"}""".TrimStart() },
    };

    static readonly Dictionary<string, INetworkEvent> Meant = new()
    {
        ["network.created.v1"] = new NetworkCreated("c1", "admin:root", At, Network, new SigningPublicKey(Bytes(1)), "mesh.internal", "100.64.0.0/10", "fd12:3456:789a::/48"),
        ["network.restored.v1"] = new NetworkRestored("c1", "admin:root", At, 2, Controller, new Digest256(Bytes(9)), 42, At, new ControllerId(Id(7))),
        ["controller.delegated.v1"] = new ControllerDelegated("c1", "admin:root", At, Controller, new DsseEnvelope(PayloadTypes.Delegation, "{}"u8.ToArray(), [new DsseSignature("root", [7, 7, 7])]), ["a.test:8443"]),
        ["controller.delegated.v2"] = new ControllerDelegatedV2("c1", "admin:root", At, Controller, new DsseEnvelope(PayloadTypes.Delegation, "{}"u8.ToArray(), [new DsseSignature("root", [7, 7, 7])]), [9, 9, 9], ["a.test:8443"]),
        ["controller.withdrawn.v1"] = new ControllerWithdrawn("c1", "admin:root", At, Controller),
        ["history.pruned.v1"] = new HistoryPruned("c1", "admin:root", At, At),
        ["user.created.v1"] = new UserCreated("c1", "admin:root", At, "alice"),
        ["credential.created.v1"] = new CredentialCreated("c1", "admin:root", At, Credential, new Digest256(Bytes(8)), null, ["ci", "server"], At),
        ["credential.created.v2"] = new CredentialCreatedV2("c1", "admin:root", At, Credential, new Digest256(Bytes(8)), "alice", [], At, 25, true, false),
        ["credential.used.v1"] = new CredentialUsed("c1", "admin:root", At, Credential, Laptop),
        ["credential.expired.v1"] = new CredentialExpired("c1", "admin:root", At, Credential),
        ["credential.revoked.v1"] = new CredentialRevoked("c1", "admin:root", At, Credential),
        ["allocation.reserved.v1"] = new AllocationReserved("c1", "admin:root", At, Credential, Node, "laptop", "100.64.0.1", "fd12:3456:789a::1", Laptop.SigningKey, Laptop.TunnelKey, "alice", []),
        ["allocation.released.v1"] = new AllocationReleased("c1", "admin:root", At, Node),
        ["node.registered.v1"] = new NodeRegistered("c1", "admin:root", At, Credential, Laptop),
        ["node.announced.v1"] = new NodeAnnounced("c1", "admin:root", At, Node, ["aes-256-gcm"]),
        ["node.revoked.v1"] = new NodeRevoked("c1", "admin:root", At, Node),
        ["node.logged-out.v1"] = new NodeLoggedOut("c1", "admin:root", At, Node),
        ["node.approved.v1"] = new NodeApproved("c1", "admin:root", At, Node),
        ["node.renamed.v1"] = new NodeRenamed("c1", "admin:root", At, Node, "db"),
        ["node.rotated.v1"] = new NodeRotated("c1", "admin:root", At, Node, Laptop.SigningKey, Laptop.TunnelKey, new TunnelPublicKey(Bytes(7))),
        ["node.tagged.v1"] = new NodeTagged("c1", "admin:root", At, Node, null, ["ci", "server"]),
        ["node.expiry-set.v1"] = new NodeExpirySet("c1", "admin:root", At, Node, At),
        ["node.expired.v1"] = new NodeExpired("c1", "admin:root", At, Node),
        ["node.deleted.v1"] = new NodeDeleted("c1", "admin:root", At, Node),
        ["policy.set.v1"] = new PolicySet("c1", "admin:root", At, "version: 1\n", new PolicyDocument(1, [new("admins", ["alice"])], [new("server", ["group:admins"])], [new(["*"], ["tag:server"])])),
        ["policy.set.v2"] = new PolicySetV2("c1", "admin:root", At, "version: 1\n", new PolicyDocument(1, [], [], [], new PolicyApproval(["ephemeral", "tag:ci"]))),
        ["token.created.v1"] = new TokenCreated("c1", "admin:root", At, new TokenId(Id(5)), "ci", new Digest256(Bytes(8)), ["credentials:write", "nodes:read"], At, new TokenId(Id(6))),
        ["token.revoked.v1"] = new TokenRevoked("c1", "admin:root", At, new TokenId(Id(5))),
    };

    [Theory, MemberData(nameof(Written))]
    public void What_was_written_once_is_read_and_written_the_same(string manifest, string json)
    {
        Assert.Equal(json, Encoding.UTF8.GetString(NetworkEvents.Manifests.Encode(Meant[manifest])));
        var read = NetworkEvents.Manifests.Decode(Encoding.UTF8.GetBytes(json), manifest);
        Assert.IsType(Meant[manifest].GetType(), read);
        Assert.Equal(json, Encoding.UTF8.GetString(NetworkEvents.Manifests.Encode(read)));
    }

    [Fact]
    public void Every_event_is_held_by_a_line_here() =>
        Assert.Equal(NetworkEvents.Manifests.All.Select(manifest => manifest.Name), Written.Select(row => (string)row[0]).Order(StringComparer.Ordinal));

    static EntityId Id(byte number) => new([0, 0, 0, 0, 0, 0, 0, 0, 0, (byte)(number)]);

    static byte[] Bytes(byte value) => [.. Enumerable.Repeat(value, 32)];
}
