using Mesh.Protocol.Admin;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Protocol.Admin;

public sealed class TokenStringTests
{
    static TokenString Example { get; } = TokenString.Create(
        new TokenId(new EntityId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])),
        Enumerable.Range(0, 32).Select(i => (byte)(0xa0 + i)).ToArray(),
        new Digest256(Enumerable.Range(0, 32).Select(i => (byte)(0x40 + i)).ToArray()));

    [Fact]
    public void Text_form_is_stable() => Assert.Equal(
        "mt1_AQIDBAUGBwgJCqChoqOkpaanqKmqq6ytrq-wsbKztLW2t7i5uru8vb6_QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl-xlm0d",
        Example.Export());

    [Fact]
    public void Round_trip()
    {
        Assert.Equal(TokenString.Length, Example.Export().Length);
        Assert.True(TokenString.TryParse($"  {Example.Export()}\n", out var parsed));
        Assert.Equal(Example.Id, parsed.Id);
        Assert.True(Example.Secret.SequenceEqual(parsed.Secret));
        Assert.Equal(Example.RootHash, parsed.RootHash);
    }

    [Fact]
    public void Every_changed_character_is_noticed()
    {
        var text = Example.Export();
        for (var i = 0; i < text.Length; i++)
        {
            foreach (var other in "AB =\n")
            {
                if (text[i] != other)
                    Assert.False(TokenString.TryParse(text[..i] + other + text[(i + 1)..], out _), $"character {i}");
            }
            Assert.False(TokenString.TryParse(text[..i], out _), $"cut at {i}");
        }
        Assert.False(TokenString.TryParse(text + "A", out _));
        Assert.False(TokenString.TryParse(null, out _));
    }

    [Fact]
    public void Printing_one_does_not_print_its_secret() => Assert.Equal("mt1_(aebagbafaydqqcik)", Example.ToString());
}
