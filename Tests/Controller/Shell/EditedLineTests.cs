using Mesh.Controller.Shell;

namespace Mesh.Tests.Controller.Shell;

public sealed class EditedLineTests
{
    // the keys, and the line with the cursor as |
    [Theory]
    [InlineData("", "|")]
    [InlineData("abc", "abc|")]
    [InlineData("abc<Left><Left>x", "ax|bc")]
    [InlineData("abc<Left><Left><Left><Left>x", "x|abc")]
    [InlineData("abc<C-a>x<C-e>y", "xabcy|")]
    [InlineData("abc<Home>x<End>y", "xabcy|")]
    [InlineData("abc<C-b><C-b><C-f>x", "abx|c")]
    [InlineData("abc<Right>", "abc|")]
    [InlineData("abc<Backspace>", "ab|")]
    [InlineData("<Backspace>", "|")]
    [InlineData("abc<Home><Backspace>", "|abc")]
    [InlineData("abc<Home><Delete>", "|bc")]
    [InlineData("abc<Delete>", "abc|")]
    [InlineData("abc<Home><C-d>", "|bc")]
    [InlineData("abc<C-h>", "ab|")]
    [InlineData("node show laptop<C-w>x", "node show x|")]
    [InlineData("node  <C-w>", "|")]
    [InlineData("abc def<Left><Left><Left><C-u>", "|def")]
    [InlineData("abc def<Left><Left><Left><C-k>", "abc |")]
    [InlineData("abc def<C-u>x<C-y>", "xabc def|")]
    [InlineData("abc<C-k><C-y>", "abc|")]
    [InlineData("a bc d<A-b><A-b>x", "a x|bc d")]
    [InlineData("a bc d<Home><A-f><A-f>x", "a bcx| d")]
    [InlineData("a bc d<C-Left><C-Left><C-Right>x", "a bcx| d")]
    [InlineData("a bc<Home><A-d>", "| bc")]
    [InlineData("a bc<A-Backspace>", "a |")]
    [InlineData("e\u0301x<Left><Backspace>", "|x")]
    [InlineData("\ud83d\ude00x<Left><Left><Delete>", "|x")]
    [InlineData("ab<Escape><F5>", "ab|")]
    public void Keys_change_the_line_as_in_readline(string keys, string expected)
    {
        var line = Type(keys, out var request);
        Assert.Equal(expected, line.Text.Insert(line.Cursor, "|"));
        Assert.Equal(LineRequest.Show, request);
    }

    [Theory]
    [InlineData("abc<Enter>", LineRequest.Submit)]
    [InlineData("abc<C-j>", LineRequest.Submit)]
    [InlineData("abc<C-c>", LineRequest.Abandon)]
    [InlineData("<C-d>", LineRequest.End)]
    [InlineData("abc<Tab>", LineRequest.Complete)]
    [InlineData("abc<Up>", LineRequest.Older)]
    [InlineData("abc<C-p>", LineRequest.Older)]
    [InlineData("abc<Down>", LineRequest.Newer)]
    [InlineData("abc<C-n>", LineRequest.Newer)]
    [InlineData("abc<C-l>", LineRequest.Clear)]
    public void Some_keys_ask_for_more_and_leave_the_line(string keys, object expected)
    {
        var line = Type(keys, out var request);
        Assert.Equal(expected, request);
        Assert.Equal(keys.StartsWith('a') ? "abc" : "", line.Text);
    }

    [Fact]
    public void Whatever_is_typed_the_cursor_stays_in_the_line()
    {
        string[] keys =
        [
            "a", " ", "\u0301", "\ud83d", "\ude00", "<Left>", "<Right>", "<Home>", "<End>", "<Backspace>", "<Delete>", "<C-w>", "<C-k>", "<C-u>", "<C-y>",
            "<A-b>", "<A-f>", "<A-d>", "<A-Backspace>", "<C-Left>", "<C-Right>",
        ];
        const int seed = 20260301;
        var random = new Random(seed);
        var line = EditedLine.Empty;
        for (var i = 0; i < 20_000; i++)
        {
            var key = keys[random.Next(keys.Length)];
            line = line.Press(Keys.Of(key).Single()).Line;
            Assert.True(line.Cursor >= 0 && line.Cursor <= line.Text.Length, $"seed {seed}, step {i}, {key}");
            if (line.Text.Length > 200)
                line = EditedLine.Empty;
        }
    }

    static EditedLine Type(string keys, out LineRequest request)
    {
        var line = EditedLine.Empty;
        request = LineRequest.Show;
        foreach (var key in Keys.Of(keys))
            (line, request) = line.Press(key);
        return line;
    }
}
