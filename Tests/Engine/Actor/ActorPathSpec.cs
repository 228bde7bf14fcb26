namespace Mesh.Tests.Engine;

public sealed class ActorPathSpec() : TestKit(Config.Empty, "paths")
{
    [Fact]
    public void Create_correct_ToString()
    {
        var path = Sys.ActorOf(Props.Empty, "a").Path;
        Assert.Equal("akka://paths/user/a", path.ToString());
        Assert.Equal("akka://paths/user/a/b", (path / "b").ToString());
        Assert.Equal($"akka://paths/user/a#{path.Uid}", path.ToStringWithUid());
        Assert.Equal("akka://paths/", Root(path).ToString());
    }

    [Fact]
    public void Create_correct_ToString_without_address()
    {
        var path = Sys.ActorOf(Props.Empty, "a").Path;
        Assert.Equal("/user/a", path.ToStringWithoutAddress());
        Assert.Equal("/user/a/b/c", (path / "b" / "c").ToStringWithoutAddress());
        Assert.Equal("/", Root(path).ToStringWithoutAddress());
    }

    [Fact]
    public void Have_correct_path_elements()
    {
        var path = Sys.ActorOf(Props.Empty, "a").Path / "b";
        Assert.Equal(["user", "a", "b"], path.Elements);
        Assert.Equal(3, path.Depth);
        Assert.Equal("b", path.Name);
        Assert.Equal("a", path.Parent.Name);
        Assert.Empty(Root(path).Elements);
        Assert.Equal(Root(path), Root(path).Parent);
    }

    [Fact]
    public void Supports_jumbo_actor_name_length()
    {
        var name = new string('x', 10_000);
        Assert.Equal($"akka://paths/user/{name}", Sys.ActorOf(Props.Empty, name).Path.ToString());
    }

    [Fact]
    public void Paths_with_same_addresses_and_same_elements_should_not_be_equal_to_others_only()
    {
        var path = Sys.ActorOf(Props.Empty, "a").Path;
        Assert.Equal(path / "b", path / "b");
        Assert.Equal((path / "b").GetHashCode(), (path / "b").GetHashCode());
        Assert.True(path / "b" == path.Child("b"));
        Assert.True(path / "b" != path / "c");
        Assert.NotEqual(path / "b", path / "b" / "b");
        Assert.NotEqual(path, path.Parent);
        Assert.True((path / "b").CompareTo(path / "c") < 0);
    }

    [Fact]
    public async Task Paths_with_different_addresses_and_same_elements_should_not_be_equal()
    {
        var other = ActorSystem.Create("other", "akka.stdout-loglevel = OFF");
        Assert.NotEqual(Sys.ActorOf(Props.Empty, "same").Path, other.ActorOf(Props.Empty, "same").Path);
        await other.Terminate();
    }

    [Theory]
    [InlineData("simple", true)]
    [InlineData("foo-bar", true)]
    [InlineData("with\"quotes\"", true)]
    [InlineData("a%20b", true)]
    [InlineData("dollar$inside", true)]
    [InlineData("$first", false)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a/b", false)]
    [InlineData("a#b", false)]
    [InlineData("%2", false)]
    [InlineData("ö", false)]
    public void Validate_element_parts(string element, bool valid) => Assert.Equal(valid, ActorPath.IsValidPathElement(element));

    [Fact]
    public void ValidateElementPartsComprehensive()
    {
        for (var symbol = (char)0; symbol < 256; symbol++)
        {
            var valid = char.IsAsciiLetterOrDigit(symbol) || ActorPath.ValidSymbols.Contains(symbol);
            Assert.Equal(valid, ActorPath.IsValidPathElement($"a{symbol}b"));
        }
    }

    [Fact]
    public void Validate_that_url_encoded_values_are_valid_element_parts()
    {
        for (var value = 0; value < 256; value++)
            Assert.True(ActorPath.IsValidPathElement($"%{value:X2}%{value:x2}"));
    }

    static ActorPath Root(ActorPath path)
    {
        while (path.Depth > 0)
            path = path.Parent;
        return path;
    }
}
