using System.Text;
using Mesh.Protocol;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Control;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;
using Mesh.Tests.Protocol.Trust;

namespace Mesh.Tests.Protocol.Map;

/// <summary>Holds the bytes of what leaves a process. A test that fails here is a change that older programs cannot read.</summary>
public sealed class FormatStabilityTests
{
    readonly TrustExample _example = new();

    [Fact]
    public void Map_body() => Same("""
        {"network":"aaaaaaaaaaaaaaab","self":{"id":"aaaaaaaaaaaaaaac","name":"laptop","addresses":["100.64.0.2","fd00::2"],"tags":[],"owner":"alice"},"zone":"mesh.internal","prefixes":["100.64.0.0/10","fd00::/48"],"peers":[{"id":"aaaaaaaaaaaaaaad","name":"server-3","tunnel_key":"AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=","signing_key":"Z2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2dnZ2c=","addresses":["100.64.0.3","fd00::3"],"tags":["server"],"accept":[],"send":[{}],"os":"linux"}],"controllers":[{"id":"aaaaaaaaaaaaaaae","addresses":["10.0.0.1:8443"]}],"withdrawn":[]}
        """, ProtocolJson.Encode(TrustExample.Body(TrustExample.Peer()), ProtocolJson.Default.MapBody));

    [Fact]
    public void Map_head() => Same("""
        {"network":"aaaaaaaaaaaaaaab","epoch":1,"revision":10,"issued":"2027-01-15T08:00:00.000Z","accept_until":"2027-01-15T08:10:00.000Z","valid_until":"2027-01-22T08:00:00.000Z","leaf_count":3,"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}
        """, _example.Frame(new MapLeaf(TrustExample.Laptop), change: head => head with { Root = new Digest256(new byte[32]) }).Head.Payload);

    [Fact]
    public void Audit_statements()
    {
        var from = new AuditHead(1, 1, new Digest256(new byte[32]));
        var to = new AuditHead(9, 5, new Digest256(new byte[32]));
        Same("""
            {"network":"aaaaaaaaaaaaaaab","epoch":1,"revision":10,"issued":"2027-01-15T08:00:00.000Z","accept_until":"2027-01-15T08:10:00.000Z","valid_until":"2027-01-22T08:00:00.000Z","leaf_count":3,"root":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","audit":{"ordering":9,"count":5,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}
            """, _example.Frame(new MapLeaf(TrustExample.Laptop), change: head => head with { Root = new Digest256(new byte[32]), Audit = to }).Head.Payload);
        Same("""
            {"attach":{"version":"0.1.0","os":"linux","hostname":"laptop","epoch":1,"revision":10,"audit":{"ordering":9,"count":5,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}}
            """, ProtocolJson.Encode(new UpFrame(new AttachFrame("0.1.0", "linux", "laptop", 1, 10, Audit: to)), ProtocolJson.Default.UpFrame));
        Same("""
            {"audit":{"answer":{"payloadType":"a","payload":"AQI=","signatures":[]},"delegation":{"payloadType":"b","payload":"AQI=","signatures":[]}}}
            """, ProtocolJson.Encode(new DownFrame(Audit: new AuditFrame(new DsseEnvelope("a", [1, 2], []), new DsseEnvelope("b", [1, 2], []))), ProtocolJson.Default.DownFrame));
        Same("""
            {"network":"aaaaaaaaaaaaaaab","epoch":1,"ordering":9,"at":{"ordering":1,"count":1,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"tip":{"ordering":9,"count":5,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"issued":"2027-01-15T08:00:00.000Z"}
            """, ProtocolJson.Encode(new AuditAnswer(TrustExample.Network, 1, 9, from, to, TrustExample.Now), ProtocolJson.Default.AuditAnswer));
        Same("""
            {"network":"aaaaaaaaaaaaaaab","epoch":1,"from":{"ordering":1,"count":1,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"to":{"ordering":9,"count":5,"digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},"file_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","issued":"2027-01-15T08:00:00.000Z"}
            """, ProtocolJson.Encode(new AuditStretch(TrustExample.Network, 1, from, to, new Digest256(new byte[32]), TrustExample.Now), ProtocolJson.Default.AuditStretch));
    }

    [Fact]
    public void Delegation() => Same("""
        {"network":"aaaaaaaaaaaaaaab","epoch":1,"controller":"aaaaaaaaaaaaaaae","signing_key":"gTl3Dqh9F19Wo1Rmw0x+zMuNipG07jeiXfYPW4/Js5Q=","authority_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","rights":["issue-certificates","sign-maps"],"not_before":"2027-01-15T07:00:00.000Z","not_after":"2028-01-15T08:00:00.000Z"}
        """, ProtocolJson.Encode(_example.Delegation(), ProtocolJson.Default.Delegation));

    [Fact]
    public void Map_delta() => Same("""
        {"node":"aaaaaaaaaaaaaaac","delta":{"base_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","result_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","removed":["aaaaaaaaaaaaaaad"]}}
        """, ProtocolJson.Encode(
        new MapLeaf(TrustExample.Laptop, Delta: new MapDelta(new Digest256(new byte[32]), new Digest256(new byte[32]), Removed: [TrustExample.Server])),
        ProtocolJson.Default.MapLeaf));

    [Fact]
    public void Grants() => Same("""
        [{},{"protocol":6,"ports":[{"first":22,"last":23}],"destinations":["10.0.0.0/8"]}]
        """, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(
        [Grant.Everything, new Grant(6, [new PortRange(22, 23)], ["10.0.0.0/8"])], ProtocolJson.Default.IReadOnlyListGrant));

    [Fact]
    public void Control_frames()
    {
        Same("""
            {"attach":{"version":"0.1.0","os":"linux","hostname":"laptop","epoch":1,"revision":10,"body_hash":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}
            """, ProtocolJson.Encode(new UpFrame(new AttachFrame("0.1.0", "linux", "laptop", 1, 10, new Digest256(new byte[32]))), ProtocolJson.Default.UpFrame));
        Same("""{"pong":7}""", ProtocolJson.Encode(new UpFrame(Pong: 7), ProtocolJson.Default.UpFrame));
        Same("""{"close":"revoked"}""", ProtocolJson.Encode(new DownFrame(Close: "revoked"), ProtocolJson.Default.DownFrame));
        Same("""
            {"hint":{"payloadType":"a","payload":"AQI=","signatures":[{"keyid":"k","sig":"Aw=="}]}}
            """, ProtocolJson.Encode(new DownFrame(Hint: new DsseEnvelope("a", [1, 2], [new DsseSignature("k", [3])])), ProtocolJson.Default.DownFrame));
        Same("""
            {"hints":[{"payloadType":"a","payload":"AQI=","signatures":[]},{"payloadType":"b","payload":"Aw==","signatures":[]}]}
            """, ProtocolJson.Encode(new DownFrame(Hints: [new("a", [1, 2], []), new("b", [3], [])]), ProtocolJson.Default.DownFrame));
    }

    [Fact]
    public void Hints() => Same("""
        {"network":"aaaaaaaaaaaaaaab","node":"aaaaaaaaaaaaaaac","endpoints":["10.0.0.2:51820"],"issued":"2027-01-15T08:00:00.000Z","expires":"2027-01-15T08:02:00.000Z"}
        """, ProtocolJson.Encode(
        new EndpointHint(TrustExample.Network, TrustExample.Laptop, ["10.0.0.2:51820"], TrustExample.Now, TrustExample.Now + TimeSpan.FromMinutes(2)),
        ProtocolJson.Default.EndpointHint));

    [Fact]
    public void Enrollment_proof() => Assert.Equal(
        "8AE80DEA",
        Convert.ToHexString(Sha256.Hash(EnrollProof.Bytes(new CredentialId(TrustExample.Id(5)), new Digest256(new byte[32]),
            TrustExample.Public(_example.RootKey), new TunnelPublicKey(new byte[32]), [1, 2, 3])).Value.Span[..4]));

    [Fact]
    public void Refusal_names_are_stable() => Assert.Equal(
        ["None", "Malformed", "ForeignDelegation", "DelegationNotValid", "DelegationWithdrawn", "BadSignature", "NotForThisNode", "OlderEpoch",
            "UnopenedEpoch", "OlderRevision", "Expired", "FromTheFuture", "WrongPath", "WrongBase"],
        Enum.GetNames<TrustRefusal>());

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{\"attach\":{\"version\":\"1\"}}")]
    [InlineData("{\"attach\":{\"version\":null,\"os\":\"\",\"hostname\":\"\",\"epoch\":0,\"revision\":0}}")]
    [InlineData("{\"hint\":{\"payloadType\":\"a\",\"payload\":\"!\",\"signatures\":[]}}")]
    [InlineData("{\"attach\":")]
    public void What_is_not_a_frame_is_not_read(string text) =>
        Assert.False(ProtocolJson.TryDecode(Encoding.UTF8.GetBytes(text), ProtocolJson.Default.UpFrame, out _));

    static void Same(string expected, byte[] actual) => Assert.Equal(expected, Encoding.UTF8.GetString(actual));
}
