using Mesh.Controller.Journal;

namespace Mesh.Tests.Controller.Journal;

public sealed class JournalArchiveTests
{
    private static readonly StoredRow[] Rows =
    [
        new(1, TempJournal.Row("a", 1, "{\"x\":\"ü\"}", "c-1")),
        new(2, JournalRow.Spent("a", 2, 77)),
        new(5, TempJournal.Row("b/ö \"\n", 1) with { WriterUuid = null, Manifest = "" }),
    ];

    [Fact]
    public void What_was_written_is_read()
    {
        using var text = new StringWriter();
        Assert.Equal(3, JournalArchive.Write(Rows, text));
        Assert.Equal(Rows.Select(Text), JournalArchive.Read(new StringReader(text.ToString()), "file").Select(Text));
        Assert.Equal(
            """
            {"format":"mesh-journal","version":1}
            {"ordering":1,"id":"a","number":1,"created":621355968010000000,"manifest":"test.happened.v1","serializer":100,"message":"eyJ4Ijoiw7wifQ==","writer":"writer","command":"c-1"}
            """,
            string.Join('\n', text.ToString().Split('\n')[..2]));
    }

    [Fact]
    public void An_empty_journal_is_one_too()
    {
        using var text = new StringWriter();
        Assert.Equal(0, JournalArchive.Write([], text));
        Assert.Empty(JournalArchive.Read(new StringReader(text.ToString()), "file"));
    }

    [Fact]
    public void A_line_that_is_missing_or_twice_or_elsewhere_is_noticed()
    {
        var lines = Lines();
        for (var i = 0; i < lines.Length; i++)
        {
            Refused([.. lines[..i], .. lines[(i + 1)..]]);
            Refused([.. lines[..i], lines[i], lines[i], .. lines[(i + 1)..]]);
            Refused(lines[..i]);
            if (i > 0)
                Refused([.. lines[..(i - 1)], lines[i], lines[i - 1], .. lines[(i + 1)..]]);
        }
    }

    [Fact]
    public void A_character_that_was_changed_is_noticed_wherever_it_is()
    {
        var text = string.Join('\n', Lines()) + "\n";
        for (var i = 0; i < text.Length - 1; i++)
        {
            foreach (var other in (char[])[(char)(text[i] ^ 1), '\n', '}'])
            {
                // Space around a number or a line end that is one already: the same text to whoever reads it.
                if (other == text[i])
                    continue;
                var changed = text[..i] + other + text[(i + 1)..];
                Assert.Throws<JournalArchiveException>(() => JournalArchive.Read(new StringReader(changed), "file").ToList());
            }
        }
    }

    [Theory]
    [InlineData("", "file, line 1: it is empty")]
    [InlineData("{}\n", "file, line 1: it is not what such a line must be")]
    [InlineData("{\"format\":\"other\",\"version\":1}\n", "file, line 1: it is no journal")]
    [InlineData("{\"format\":\"mesh-journal\",\"version\":2}\n", "file, line 1: it has version 2, this program knows 1")]
    [InlineData("{\"format\":\"mesh-journal\",\"version\":1}\n", "file, line 2: it is cut: its last line is missing")]
    public void What_is_wrong_is_said(string text, string said) => Assert.Equal(
        said, Assert.Throws<JournalArchiveException>(() => JournalArchive.Read(new StringReader(text), "file").ToList()).Message);

    private static string[] Lines()
    {
        using var text = new StringWriter();
        JournalArchive.Write(Rows, text);
        return text.ToString().TrimEnd('\n').Split('\n');
    }

    private static void Refused(string[] lines) => Assert.Throws<JournalArchiveException>(
        () => JournalArchive.Read(new StringReader(string.Join('\n', lines) + "\n"), "file").ToList());

    private static string Text(StoredRow row) => $"{row.Ordering} {row.Row with { Message = [] }} {Convert.ToHexString(row.Row.Message)}";
}
