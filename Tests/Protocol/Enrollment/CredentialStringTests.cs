using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;

namespace Mesh.Tests.Protocol.Enrollment;

public sealed class CredentialStringTests
{
    static CredentialString Example(params string[] controllers) => CredentialString.Create(
        new CredentialId(new EntityId([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])),
        Enumerable.Range(0, 32).Select(i => (byte)(0xa0 + i)).ToArray(),
        new Digest256(Enumerable.Range(0, 32).Select(i => (byte)(0x40 + i)).ToArray()),
        controllers);

    [Fact]
    public void Text_form_is_stable() => Assert.Equal(
        "mk1_AQECAwQFBgcICQqgoaKjpKWmp6ipqqusra6vsLGys7S1tre4ubq7vL2-v0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f"
        + "Ag4xMC45OC4wLjE6ODQ0Mw5bZmQwMDo6MV06ODQ0M1gpTBY",
        Example("10.98.0.1:8443", "[fd00::1]:8443").Export());

    [Fact]
    public void Round_trip()
    {
        var credential = Example("controller.example.org:8443", "10.98.0.1:8443", "[fd00::1]:8443");
        Assert.True(CredentialString.TryParse($"  {credential.Export()}\n", out var parsed));
        Assert.Equal(credential.Id, parsed.Id);
        Assert.True(credential.Secret.SequenceEqual(parsed.Secret));
        Assert.Equal(credential.RootHash, parsed.RootHash);
        Assert.Equal(credential.Controllers, parsed.Controllers);
        Assert.True(credential.Export().Length <= CredentialString.MaximumLength);
    }

    [Fact]
    public void Every_changed_character_is_noticed()
    {
        var text = Example("10.98.0.1:8443").Export();
        for (var i = 0; i < text.Length; i++)
        {
            var changed = text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..];
            Assert.False(CredentialString.TryParse(changed, out _), $"character {i}");
            Assert.False(CredentialString.TryParse(text[..i], out _), $"cut at {i}");
        }
        Assert.False(CredentialString.TryParse(text + "A", out _));
        Assert.False(CredentialString.TryParse(text.Insert(20, "\n"), out _));
    }

    [Fact]
    public void Addresses_that_do_not_fit_are_refused()
    {
        Assert.Throws<ArgumentException>(() => Example());
        Assert.Throws<ArgumentException>(() => Example("a:1", "b:1", "c:1", "d:1"));
        var error = Assert.Throws<ArgumentException>(() => Example(new string('a', 50) + ".example.org:8443", new string('b', 50) + ".example.org:8443"));
        Assert.Contains("255 are allowed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("example.org:8443", true)]
    [InlineData("10.0.0.1:1", true)]
    [InlineData("[fd00::1]:65535", true)]
    [InlineData("fd00::1:8443", false)]
    [InlineData("example.org", false)]
    [InlineData("example.org:0", false)]
    [InlineData("example.org:65536", false)]
    [InlineData("example.org:+1", false)]
    [InlineData("exa mple.org:1", false)]
    [InlineData("[10.0.0.1]:1", false)]
    [InlineData(":8443", false)]
    [InlineData("exämple.org:1", false)]
    public void Controller_addresses(string address, bool valid) => Assert.Equal(valid, CredentialString.IsControllerAddress(address));

    [Fact]
    public void Printing_one_does_not_print_its_secret() => Assert.Equal("mk1_(aebagbafaydqqcik)", Example("a:1").ToString());
}
