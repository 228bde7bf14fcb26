using System.Text;

namespace Mesh.Controller.CommandLine;

/// <summary>Says how a cell looks on a terminal that shows colours.</summary>
enum CellStyle
{
    /// <summary>As it is.</summary>
    Plain,

    /// <summary>All is well.</summary>
    Good,

    /// <summary>Over, or not there.</summary>
    Faint,

    /// <summary>Worth a look.</summary>
    Bad,
}

/// <summary>Prints rows whose columns line up: two spaces between columns, none at the end of a line.</summary>
sealed class TextTable(params string[] headings)
{
    readonly List<(string Text, CellStyle Style)[]> _rows = [];

    /// <summary>Adds a row; an empty cell is printed as a dash.</summary>
    public void Add(params (string? Text, CellStyle Style)[] cells) =>
        _rows.Add([.. cells.Select(cell => (Printable(cell.Text), cell.Style))]);

    /// <summary>Adds a row without styles.</summary>
    public void Add(params string?[] cells) => Add([.. cells.Select(cell => (cell, CellStyle.Plain))]);

    /// <summary>Writes headings and rows.</summary>
    public void WriteTo(TextWriter writer, bool colours)
    {
        var widths = headings.Select((heading, column) =>
            _rows.Select(row => row[column].Text.Length).Append(heading.Length).Max()).ToArray();
        WriteRow(writer, [.. headings.Select(heading => (heading, CellStyle.Plain))], widths, colours);
        foreach (var row in _rows)
            WriteRow(writer, row, widths, colours);
    }

    /// <summary>Puts a style around a text.</summary>
    public static string Paint(string text, CellStyle style, bool colours) => (colours, style) switch
    {
        (true, CellStyle.Good) => $"\e[32m{text}\e[0m",
        (true, CellStyle.Faint) => $"\e[2m{text}\e[0m",
        (true, CellStyle.Bad) => $"\e[31m{text}\e[0m",
        _ => text,
    };

    static void WriteRow(TextWriter writer, (string Text, CellStyle Style)[] row, int[] widths, bool colours)
    {
        var line = new StringBuilder();
        for (var i = 0; i < row.Length; i++)
        {
            line.Append(Paint(row[i].Text, row[i].Style, colours));
            if (i < row.Length - 1)
                line.Append(' ', widths[i] - row[i].Text.Length + 2);
        }
        writer.WriteLine(line.ToString());
    }

    // Machines report some of these texts about themselves: control characters in them must not reach a terminal.
    static string Printable(string? text) =>
        string.IsNullOrEmpty(text) ? "-" : string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
