using Mesh.Actors.Engine.Configuration;

namespace Mesh.Tests.Engine.Configuration;

public class HoconTests
{
    private static Config Parse(string hocon, params (string Name, string Value)[] environment) =>
        ConfigurationFactory.ParseString(hocon, name => environment.FirstOrDefault(pair => pair.Name == name).Value);

    [Theory]
    [InlineData("a = 1")]
    [InlineData("a : 1")]
    [InlineData("{ a = 1 }")]
    [InlineData("{\"a\":1,}")]
    [InlineData("# comment\n// another\na=1 # tail\n")]
    [InlineData("a = 2\na = 1 // the later wins")]
    public void Reads_a_value_in_every_form(string text) => Assert.Equal(1, Parse(text).GetInt("a"));

    [Fact]
    public void Dotted_keys_and_nested_objects_are_the_same()
    {
        var config = Parse("akka { persistence.journal { plugin = one } }\nakka.persistence.journal.other : two");
        Assert.Equal("one", config.GetString("akka.persistence.journal.plugin"));
        Assert.Equal("two", config.GetConfig("akka.persistence")!.GetString("journal.other"));
        Assert.Equal(["akka.persistence.journal.plugin", "akka.persistence.journal.other"], config.Keys().Select(key => key.Path));
    }

    [Fact]
    public void Quoted_keys_hold_dots() => Assert.Equal("x", Parse("a.\"b.c\".d = x").GetString("a.\"b.c\".d"));

    [Theory]
    [InlineData("a = plain words here ", "plain words here")]
    [InlineData("a = \"tab\\tquote\\\"\\u0041\"", "tab\tquote\"A")]
    [InlineData("a = \"\"\"raw \\n \"quoted\"\nsecond\"\"\"", "raw \\n \"quoted\"\nsecond")]
    [InlineData("a = /var/lib/mesh", "/var/lib/mesh")]
    [InlineData("a = http\"://\"host", "http://host")]
    [InlineData("a = \"x\" \"y\"", "x y")]
    [InlineData("a = 100.64.0.0/10", "100.64.0.0/10")]
    public void Strings(string text, string expected) => Assert.Equal(expected, Parse(text).GetString("a"));

    [Fact]
    public void Lists_by_comma_and_by_line() =>
        Assert.Equal(["x", "y z", "3", "w"], Parse("a = [x, \"y z\"\n 3\n // no\n w,]").GetStringList("a"));

    [Fact]
    public void Plus_equals_appends() => Assert.Equal(["x", "y", "z"], Parse("a = [x]\na += y\na += z").GetStringList("a"));

    [Fact]
    public void Plus_equals_starts_a_list() => Assert.Equal(["y"], Parse("a += y").GetStringList("a"));

    [Theory]
    [InlineData("10s", 10_000)]
    [InlineData("500ms", 500)]
    [InlineData("7 d", 7L * 86_400_000)]
    [InlineData("1.5 hours", 5_400_000)]
    [InlineData("250", 250)]
    [InlineData("2 minutes", 120_000)]
    public void Durations(string text, long milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), Parse($"a = {text}").GetTimeSpan("a"));

    [Fact]
    public void Infinite_duration()
    {
        var config = Parse("a = infinite");
        Assert.Equal(Timeout.InfiniteTimeSpan, config.GetTimeSpan("a"));
        Assert.Throws<ConfigurationException>(() => config.GetTimeSpan("a", null, allowInfinite: false));
    }

    [Theory]
    [InlineData("512", 512)]
    [InlineData("64 KiB", 65_536)]
    [InlineData("64k", 65_536)]
    [InlineData("10MB", 10_000_000)]
    [InlineData("1G", 1_073_741_824)]
    public void Sizes(string text, long bytes) => Assert.Equal(bytes, Parse($"a = {text}").GetByteSize("a"));

    [Theory]
    [InlineData("on", true)]
    [InlineData("yes", true)]
    [InlineData("true", true)]
    [InlineData("off", false)]
    [InlineData("no", false)]
    [InlineData("false", false)]
    public void Booleans(string text, bool expected) => Assert.Equal(expected, Parse($"a = {text}").GetBoolean("a", !expected));

    [Fact]
    public void Numbers()
    {
        var config = Parse("i = -7\nl = 9000000000\nd = 2.5e3");
        Assert.Equal(-7, config.GetInt("i"));
        Assert.Equal(9_000_000_000, config.GetLong("l"));
        Assert.Equal(2500, config.GetDouble("d"));
    }

    [Fact]
    public void Absent_values_give_the_default()
    {
        var config = Parse("a { b = null }");
        Assert.Null(config.GetString("x"));
        Assert.Equal("d", config.GetString("a.b", "d"));
        Assert.Equal(5, config.GetInt("a.c", 5));
        Assert.Equal(TimeSpan.FromSeconds(3), config.GetTimeSpan("t", TimeSpan.FromSeconds(3)));
        Assert.Empty(config.GetStringList("list"));
        Assert.Null(config.GetConfig("nothing"));
        Assert.False(config.HasPath("a.b"));
        Assert.Null(config.GetByteSize("size"));
    }

    [Fact]
    public void Substitution_sees_the_final_value() =>
        Assert.Equal("new/sub", Parse("path = ${dir}/sub\ndir = old\ndir = new").GetString("path"));

    [Fact]
    public void Substitution_of_objects_and_lists_merges()
    {
        var config = Parse("base { x = 1, y = 2 }\nd = ${base} { y = 3 }\nl = [a]\nm = ${l} [b, ${base.x}]");
        Assert.Equal(1, config.GetInt("d.x"));
        Assert.Equal(3, config.GetInt("d.y"));
        Assert.Equal(["a", "b", "1"], config.GetStringList("m"));
    }

    [Fact]
    public void Siblings_may_refer_to_each_other() => Assert.Equal("/v/log", Parse("a { dir = /v, log = ${a.dir}/log }").GetString("a.log"));

    [Fact]
    public void Self_reference_means_the_value_before() => Assert.Equal("x-y", Parse("a = x\na = ${a}-y").GetString("a"));

    [Fact]
    public void Environment_fills_in_and_optional_may_be_absent()
    {
        var config = Parse("a = ${HOME_DIR}\nb = default\nb = ${?NOPE}\nc = ${?ALSO_NOPE}", ("HOME_DIR", "/h"));
        Assert.Equal("/h", config.GetString("a"));
        Assert.Equal("default", config.GetString("b"));
        Assert.False(config.HasPath("c"));
    }

    [Fact]
    public void Optional_environment_wins_over_the_default_when_set() =>
        Assert.Equal("set", Parse("b = default\nb = ${?B}", ("B", "set")).GetString("b"));

    [Fact]
    public void Fallback_merges_objects_and_keeps_what_is_here()
    {
        var config = Parse("a { x = 1 }\nl = [one]").WithFallback(Parse("a { x = 0, y = 2 }\nl = [two, three]\nz = 9"));
        Assert.Equal((1, 2, 9), (config.GetInt("a.x"), config.GetInt("a.y"), config.GetInt("z")));
        Assert.Equal(["one"], config.GetStringList("l"));
    }

    [Theory]
    [InlineData("a = ", "line 1, column 5: expected a value for `a`")]
    [InlineData("a = 1\nb {\n  c = 2", "line 2, column 3: this '{' is never closed")]
    [InlineData("a = [1, 2", "line 1, column 5: this '[' is never closed")]
    [InlineData("x = 1\n a = \"open", "line 2, column 6: this string is never closed")]
    [InlineData("a = 1 }", "line 1, column 7: this '}' closes nothing")]
    [InlineData("a 1", "line 1, column 3: expected '=', ':' or '{' after the key `a`")]
    [InlineData("listen = 127.0.0.1:8443", "line 1, column 19: ':' must stand inside quotes")]
    [InlineData("a = ${b}", "line 1, column 5: ${b} is neither set in this text nor in the environment; write ${?b} if it may be absent")]
    [InlineData("a = ${b}\nb = ${a}", "line 2, column 5: ${a} refers to itself")]
    [InlineData("a = \"\\q\"", "line 1, column 6: '\\q' is not an escape; write '\\\\' for a backslash")]
    [InlineData("include \"other\"", "line 1, column 1: include is not supported: write the settings into this file")]
    [InlineData("a = x {b = 1}", "line 1, column 7: an object cannot be joined with a value of another kind")]
    [InlineData("a = 1\na += 2", "line 2, column 6: '+=' appends to a list, but the value so far is not a list")]
    public void Errors_name_line_and_column(string text, string expected) =>
        Assert.Equal(expected, Assert.Throws<ConfigurationException>(() => Parse(text)).Message);

    [Fact]
    public void Wrong_kinds_name_the_place()
    {
        var config = Parse("a {\n  n = many\n  l = [1]\n}");
        Assert.Equal(
            "line 2, column 7: `a.n` must be a whole number between -2147483648 and 2147483647, but is \"many\"",
            Assert.Throws<ConfigurationException>(() => config.GetInt("a.n")).Message);
        Assert.Equal(
            "line 3, column 7: `a.l` must be a single value, not a list", Assert.Throws<ConfigurationException>(() => config.GetString("a.l")).Message);
        Assert.Equal(
            "line 2, column 7: `a.n` must be a duration such as 500ms, 10s or 7d, but is \"many\"",
            Assert.Throws<ConfigurationException>(() => config.GetTimeSpan("a.n")).Message);
    }

    [Fact]
    public void Unknown_keys_are_named_with_their_line()
    {
        var config = Parse("a = 1\n\nmesh.lisen = 2\nakka.x = 3");
        config.RefuseUnknown(["a", "mesh.lisen", "akka.*"]);
        Assert.Equal(
            "unknown key mesh.lisen at line 3",
            Assert.Throws<ConfigurationException>(() => config.RefuseUnknown(["a", "mesh.listen", "akka.*"])).Message);
    }

    [Fact]
    public void Hostile_nesting_is_refused() => Assert.Throws<ConfigurationException>(() => Parse(new string('[', 100_000)));

    [Fact]
    public void Any_cut_of_a_text_reads_or_is_refused_in_one_sentence()
    {
        const string whole = "a { b = [1, \"x\\n\", ${?q}] // c\n d += \"\"\"r\"\"\" }\ne = ${a} { f : 10 s }\n";
        for (var length = 0; length <= whole.Length; length++)
        {
            try
            {
                Parse(whole[..length]);
            }
            catch (ConfigurationException refusal)
            {
                Assert.Matches("^line [0-9]+, column [0-9]+: [^\n]+$", refusal.Message);
            }
        }
    }
}
