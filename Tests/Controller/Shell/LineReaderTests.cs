using Mesh.Controller.Shell;

namespace Mesh.Tests.Controller.Shell;

public sealed class LineReaderTests
{
    [Fact]
    public void A_line_of_any_length_is_shown_whole_with_the_cursor_where_it_is()
    {
        const int seed = 20260302;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var width = random.Next(3, 20);
            var prompt = new string('>', random.Next(0, 8));
            var terminal = new FakeTerminal(width);
            var screen = new LineScreen(prompt);
            var line = EditedLine.Empty;
            for (var step = 0; step < 60; step++)
            {
                line = random.Next(4) switch
                {
                    0 => line with { Cursor = random.Next(line.Text.Length + 1) },
                    1 when line.Text.Length > 0 => line.Press(Keys.Of("<Backspace>").Single()).Line,
                    _ => line.Insert(new string((char)('a' + random.Next(26)), random.Next(1, 5))),
                };
                terminal.Write(screen.Draw(line, width));
                var what = $"seed {seed}, round {round}, step {step}, width {width}";
                Assert.True(prompt + line.Text == terminal.Screen.Replace("\n", "", StringComparison.Ordinal), what);
                var at = prompt.Length + line.Cursor;
                Assert.True((at / width, at % width) == terminal.Cursor, what);
            }
            terminal.Write(screen.Leave(line, width) + "!");
            Assert.EndsWith("\n!", terminal.Screen);
        }
    }

    [Fact]
    public void Wide_and_combining_characters_take_the_columns_they_take()
    {
        Assert.Equal(3, LineScreen.Columns("abc"));
        Assert.Equal(4, LineScreen.Columns("網路"));
        Assert.Equal(1, LineScreen.Columns("e\u0301"));
        Assert.Equal(2, LineScreen.Columns("\ud83d\ude00"));
    }

    [Fact]
    public void Lines_come_until_the_end_and_those_given_up_are_empty()
    {
        var terminal = new FakeTerminal();
        terminal.Type("one<Enter>tw<C-c>three<Enter><C-d>");
        var reader = new LineReader(terminal, new ShellHistory(null), _ => Completion.None);
        Assert.Equal(["one", "", "three", null], Enumerable.Range(0, 4).Select(_ => reader.Read("> ")));
        Assert.Equal("> one\n> tw^C\n> three\n>\n", terminal.Screen);
        // The terminal is gone.
        Assert.Null(reader.Read("> "));
    }

    [Fact]
    public void History_goes_back_and_forth_and_keeps_what_was_being_typed()
    {
        var terminal = new FakeTerminal();
        var reader = new LineReader(terminal, new ShellHistory(null), _ => Completion.None);
        terminal.Type("first<Enter>second<Enter>third<Up><Up><Up><Down><Down>!<Enter><Up><Up><Enter>");
        Assert.Equal(["first", "second", "third!", "second"], Enumerable.Range(0, 4).Select(_ => reader.Read("> ")));
    }

    [Fact]
    public void Tab_goes_as_far_as_it_is_certain_then_lists()
    {
        var terminal = new FakeTerminal(20);
        string[] words = ["laptop", "laplace", "server"];
        var reader = new LineReader(terminal, new ShellHistory(null), line =>
        {
            var start = line.LastIndexOf(' ') + 1;
            return new Completion(start, [.. words.Where(word => word.StartsWith(line[start..], StringComparison.Ordinal))]);
        });
        terminal.Type("show l<Tab><Tab>t<Tab>x<Tab><Enter>");
        Assert.Equal("show laptop x", reader.Read("> "));
        Assert.Equal("> show lap\nlaptop   laplace\n> show laptop x\n", terminal.Screen);
    }

    [Fact]
    public void The_history_file_is_the_admins_alone_and_holds_no_secret()
    {
        using var directory = new TemporaryDirectory();
        var path = directory.File("history");
        var history = new ShellHistory(path);
        foreach (var line in (string[])["node list", "node list", " policy get", "x mk1_AQECAwQ", "x mt1_AQECAwQ", "", "audit list"])
            history.Add(line);
        Assert.Equal("node list\naudit list\n", File.ReadAllText(path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(["node list", "audit list"], new ShellHistory(path).Lines);

        for (var i = 0; i < 3 * ShellHistory.Capacity; i++)
            history.Add($"node show n{i}");
        Assert.True(File.ReadAllLines(path).Length <= 2 * ShellHistory.Capacity);
        Assert.Equal("node show n2999", new ShellHistory(path).Lines[^1]);
        Assert.Equal(ShellHistory.Capacity, new ShellHistory(path).Lines.Count);
    }
}
