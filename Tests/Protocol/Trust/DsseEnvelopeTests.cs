using System.Text;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Trust;

namespace Mesh.Tests.Protocol.Trust;

public sealed class DsseEnvelopeTests
{
    readonly TrustExample _example = new();

    [Fact]
    public void The_signature_covers_the_published_encoding()
    {
        // The example of the DSSE 1.0 protocol document.
        var envelope = DsseEnvelope.Sign("http://example.com/HelloWorld", "hello world"u8, _example.RootKey, "key");
        var encoded = Encoding.UTF8.GetBytes("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        Assert.True(Ed25519.Verify(TrustExample.Public(_example.RootKey).Value.Span, encoded, envelope.Signatures[0].Sig));
        Assert.True(envelope.Verify("http://example.com/HelloWorld", TrustExample.Public(_example.RootKey)));
    }

    [Fact]
    public void Another_type_key_or_payload_does_not_verify()
    {
        var key = TrustExample.Public(_example.RootKey);
        var envelope = DsseEnvelope.Sign("a", "payload"u8, _example.RootKey, "key");
        Assert.False(envelope.Verify("b", key));
        Assert.False((envelope with { PayloadType = "b" }).Verify("b", key));
        Assert.False((envelope with { Payload = "payloae"u8.ToArray() }).Verify("a", key));
        Assert.False(envelope.Verify("a", TrustExample.Public(_example.ControllerKey)));
        Assert.False((envelope with { Signatures = [] }).Verify("a", key));
        Assert.False((envelope with { Signatures = [null!, new("", [])] }).Verify("a", key));
    }
}
