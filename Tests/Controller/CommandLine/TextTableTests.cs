using Mesh.Controller.CommandLine;

namespace Mesh.Tests.Controller.CommandLine;

public sealed class TextTableTests
{
    [Fact]
    public void Where_nobody_looks_a_line_is_as_long_as_it_is() => AssertWritten(
        """
        TIME   WHAT      DETAIL
        14:00  joined    a machine with a rather long explanation of what came of it
        14:05  approved  -

        """, null);

    [Fact]
    public void The_last_cell_goes_on_below_itself() => AssertWritten(
        """
        TIME   WHAT      DETAIL
        14:00  joined    a machine with a rather
                         long explanation of what
                         came of it
        14:05  approved  -

        """, 41);

    [Fact]
    public void A_row_goes_on_below_where_it_does_not_fit_and_anything_is_left() => AssertWritten(
        """
        TIME   WHAT
            DETAIL
        14:00  joined
            a machine with a rather long
            explanation of what came of it
        14:05  approved

        """, 34);

    [Fact]
    public void A_column_wider_than_everything_and_a_word_without_an_end_are_written_nevertheless() => AssertWritten(
        """
        TIME
            WHAT
            DETAIL
        14:00
            joined
            a machine with a rather
            long explanation of what
            came of it
        14:05
            approved

        """, 9);

    [Fact]
    public void Colours_take_no_room() => AssertWritten(
        """
        TIME   WHAT      DETAIL
        14:00  \e[32mjoined\e[0m    a machine with a rather
                         long explanation of what
                         came of it
        14:05  \e[32mapproved\e[0m  -

        """.Replace("\\e", "\e", StringComparison.Ordinal), 41, colours: true);

    static void AssertWritten(string expected, int? width, bool colours = false)
    {
        var table = new TextTable("TIME", "WHAT", "DETAIL");
        foreach (var (time, what, detail) in new[] { ("14:00", "joined", "a machine with a rather long explanation of what came of it"), ("14:05", "approved", "") })
            table.Add((time, CellStyle.Plain), (what, CellStyle.Good), (detail, CellStyle.Plain));
        using var output = new StringWriter();
        table.WriteTo(new Terminal
        {
            Out = output, Error = TextWriter.Null, In = TextReader.Null, Environment = _ => null, Colours = colours, Width = width is { } columns ? () => columns : null,
        });
        Assert.Equal(expected.ReplaceLineEndings("\n"), output.ToString());
    }
}
