using Mesh.Actors.Registry;

namespace Mesh.Tests.Actors.Registry;

public sealed class NamesTests
{
    [Theory]
    [InlineData("Joe's Mac mini", "joes-mac-mini")]
    [InlineData("Joe’s Mac mini", "joes-mac-mini")]
    [InlineData("Test@Host", "test-host")]
    [InlineData("mail.server", "mail-server")]
    [InlineData("My-PC!", "my-pc")]
    [InlineData("", "node")]
    [InlineData(null, "node")]
    [InlineData("東京", "node")]
    [InlineData("--a__b--", "a-b")]
    [InlineData("...", "node")]
    [InlineData("localhost", "node")]
    [InlineData("LocalHost.", "node")]
    public void Makes_a_label_of_any_hostname(string? hostname, string name)
    {
        Assert.Equal(name, Names.Sanitize(hostname));
        Assert.True(Names.IsLabel(name));
    }

    [Fact]
    public void Cuts_at_63_characters_and_never_ends_in_a_hyphen()
    {
        Assert.Equal(63, Names.Sanitize(new string('a', 200)).Length);
        Assert.Equal(new string('a', 62), Names.Sanitize(new string('a', 62) + "-b"));
        var long63 = new string('a', 63);
        var second = Names.Deconflict(long63, name => name == long63);
        Assert.Equal(new string('a', 61) + "-1", second);
    }

    [Fact]
    public void Numbers_from_one_in_the_order_of_arrival()
    {
        var taken = new HashSet<string>();
        foreach (var expected in (string[])["x", "x-1", "x-2", "x-3"])
        {
            var name = Names.Deconflict("x", taken.Contains);
            Assert.Equal(expected, name);
            taken.Add(name);
        }
    }

    [Theory]
    [InlineData("alice", true)]
    [InlineData("a.b_c-9", true)]
    [InlineData("9lives", true)]
    [InlineData("Alice", false)]
    [InlineData("-a", false)]
    [InlineData(".a", false)]
    [InlineData("", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    public void Knows_user_names(string text, bool isName) => Assert.Equal(isName, Names.IsUser(text));
}
