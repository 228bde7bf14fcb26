using Mesh.Protocol.Identity;

namespace Mesh.Tests.Protocol.Identity;

public sealed class EntityIdTests
{
    static readonly byte[] Bytes = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x10, 0x32];

    [Fact]
    public void Text_form_is_base32_of_the_bytes()
    {
        var id = new EntityId(Bytes);
        Assert.Equal("aerukz4jvpg66ebs", id.ToString());
        Assert.True(EntityId.TryParse("AERUKZ4JVPG66EBS", out var parsed));
        Assert.Equal(id, parsed);
        var written = new byte[EntityId.Size];
        parsed.WriteTo(written);
        Assert.Equal(Bytes, written);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("aerukz4jvpg66eb")]
    [InlineData("aerukz4jvpg66ebsa")]
    [InlineData("aerukz4jvpg66eb1")]
    [InlineData("aerukz4jvpg66eb=")]
    [InlineData("aaaaaaaaaaaaaaaa")]
    public void Anything_else_is_not_an_id(string? text) => Assert.False(EntityId.TryParse(text, out _));

    [Fact]
    public void Keys_read_only_the_form_that_they_print()
    {
        var key = new TunnelPublicKey(Enumerable.Range(0, 32).Select(i => (byte)i).ToArray());
        Assert.Equal("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", key.ToString());
        Assert.True(TypedOctets.TryParse<TunnelPublicKey>(key.ToString(), out var parsed));
        Assert.Equal(key, parsed);
        // The last character carries two spare bits; a second spelling of one key must not pass.
        Assert.False(TypedOctets.TryParse<TunnelPublicKey>("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", out _));
        Assert.False(TypedOctets.TryParse<TunnelPublicKey>("AAECAwQF", out _));
    }

    [Fact]
    public void Secrets_are_zeroed_and_never_printed()
    {
        var key = new TunnelPrivateKey(Enumerable.Repeat((byte)7, 32).ToArray());
        var exported = key.ExportBase64();
        Assert.DoesNotContain(exported, key.ToString());
        Assert.True(TunnelPrivateKey.TryParse(exported + "\n", out var parsed));
        Assert.True(key.SecretEquals(parsed));
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(() => key.Span.Length);
    }
}
