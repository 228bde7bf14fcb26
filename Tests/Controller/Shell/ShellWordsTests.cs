using Mesh.Controller.Shell;

namespace Mesh.Tests.Controller.Shell;

public sealed class ShellWordsTests
{
    [Theory]
    [InlineData("")]
    [InlineData("  \t ")]
    [InlineData("# nothing")]
    [InlineData("node list", "node", "list")]
    [InlineData("  node\t list  ", "node", "list")]
    [InlineData("node list # all of them", "node", "list")]
    [InlineData("a#b", "a#b")]
    [InlineData("'a b' \"c d\"", "a b", "c d")]
    [InlineData("a' b 'c\" d \"e", "a b c d e")]
    [InlineData("'' \"\" x", "", "", "x")]
    [InlineData(@"a\ b \'c \\", "a b", "'c", @"\")]
    [InlineData(@"'a\b' ""a\b""", @"a\b", @"a\b")]
    [InlineData(@"""\""\\\$\`""", "\"\\$`")]
    [InlineData(@"'it'\''s'", "it's")]
    [InlineData("$HOME | * > x", "$HOME", "|", "*", ">", "x")]
    public void Words_are_cut_as_a_shell_cuts_them(string line, params string[] words) => Assert.Equal(words, ShellWords.Split(line, out _));

    [Theory]
    [InlineData("'a", "single quote")]
    [InlineData("a \"b ' c", "double quote")]
    [InlineData("\"a\\\"", "double quote")]
    [InlineData(@"a \", "backslash")]
    public void What_is_not_finished_is_said(string line, string expected)
    {
        Assert.Null(ShellWords.Split(line, out var problem));
        Assert.Contains(expected, problem);
    }

    [Fact]
    public void A_quoted_word_comes_back_as_it_was()
    {
        var random = new Random(7);
        for (var round = 0; round < 2000; round++)
        {
            var words = Enumerable.Range(0, random.Next(1, 4))
                .Select(_ => new string([.. Enumerable.Range(0, random.Next(0, 8)).Select(_ => "ab '\"\\$#\t"[random.Next(9)])])).ToArray();
            var line = string.Join(' ', words.Select(word => "'" + word.Replace("'", @"'\''", StringComparison.Ordinal) + "'"));
            Assert.Equal(words, ShellWords.Split(line, out _));
        }
    }
}
