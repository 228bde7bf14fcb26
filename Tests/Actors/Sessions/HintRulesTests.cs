using Mesh.Actors.Sessions;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;
using Mesh.Protocol.Trust;
using Mesh.Tests.Actors.Registry;

namespace Mesh.Tests.Actors.Sessions;

public sealed class HintRulesTests
{
    static readonly WallTime Now = new(1_700_000_000_000);
    static readonly IEntropy Entropy = new SeededEntropy(5);
    static readonly SigningPrivateKey Key = new(Entropy);
    static readonly NetworkId Network = TypedId.Create<NetworkId>(Entropy);
    static readonly NodeId Node = TypedId.Create<NodeId>(Entropy);
    static readonly EndpointHint Good = new(Network, Node, ["192.0.2.1:51820", "[2001:db8::1]:51820"], Now, Now + TimeSpan.FromMinutes(10));

    public static TheoryData<string?, EndpointHint> Hints => new()
    {
        { null, Good },
        { null, Good with { Endpoints = [] } },
        { "of another node", Good with { Node = TypedId.Create<NodeId>(Entropy) } },
        { "of another node", Good with { Network = TypedId.Create<NetworkId>(Entropy) } },
        { "from the future", Good with { Issued = Now + TimeSpan.FromSeconds(91), Expires = Now + TimeSpan.FromMinutes(5) } },
        { "not newer", Good with { Issued = Now - TimeSpan.FromHours(1) } },
        { "out of its time", Good with { Expires = Now } },
        { "out of its time", Good with { Expires = Now + TimeSpan.FromDays(2) } },
        { "not endpoints", Good with { Endpoints = [.. Enumerable.Repeat("192.0.2.1:1", 9)] } },
        { "not endpoints", Good with { Endpoints = ["example.test:51820"] } },
        { "not endpoints", Good with { Endpoints = ["192.0.2.1"] } },
        { "not endpoints", Good with { Endpoints = ["192.0.2.1:0"] } },
        { "not endpoints", Good with { Endpoints = ["0.0.0.0:51820"] } },
        { "not endpoints", Good with { Endpoints = ["224.0.0.1:51820"] } },
        { "not endpoints", Good with { Endpoints = ["[ff02::1]:51820"] } },
        { "too long", Good with { Endpoints = [new string('x', 3000)] } },
    };

    [Theory, MemberData(nameof(Hints))]
    public void Carries_only_fresh_hints_of_the_node_itself(string? problem, EndpointHint hint) =>
        Assert.Equal(problem, Check(Sign(hint, Key)));

    [Fact]
    public void Carries_nothing_that_the_node_did_not_sign()
    {
        Assert.Equal("not signed by the node", Check(Sign(Good, new SigningPrivateKey(Entropy))));
        Assert.Equal("not readable", Check(DsseEnvelope.Sign(PayloadTypes.EndpointHint, "{}"u8, Key, "")));
    }

    static DsseEnvelope Sign(EndpointHint hint, SigningPrivateKey key) =>
        DsseEnvelope.Sign(PayloadTypes.EndpointHint, ProtocolJson.Encode(hint, ProtocolJson.Default.EndpointHint), key, "");

    static string? Check(DsseEnvelope envelope) =>
        HintRules.Check(envelope, Network, Node, Ed25519.ComputePublicKey(Key), Now - TimeSpan.FromMinutes(1), Now, out _);
}
