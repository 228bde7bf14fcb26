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

/// <summary>
/// Prints rows whose columns line up: two spaces between columns, none at the end of a line. Where a person sees too few columns for that, the
/// words of the last cell go on below it, and if that does not do, every row is cut between two columns and goes on below, indented, if anything is left of it.
/// </summary>
sealed class TextTable(params string[] headings)
{
    const int Gap = 2;
    const int Indentation = 4;

    // A last column that is squeezed further than to this, and to a third of the width, is not read any more, but deciphered.
    const int LeastLast = 24;

    const string Nothing = "-";

    readonly List<(string Text, CellStyle Style)[]> _rows = [];

    /// <summary>Adds a row; an empty cell is printed as a dash.</summary>
    public void Add(params (string? Text, CellStyle Style)[] cells) =>
        _rows.Add([.. cells.Select(cell => (Printable(cell.Text), cell.Style))]);

    /// <summary>Adds a row without styles.</summary>
    public void Add(params string?[] cells) => Add([.. cells.Select(cell => (cell, CellStyle.Plain))]);

    /// <summary>Writes headings and rows.</summary>
    public void WriteTo(Terminal to)
    {
        var widths = headings.Select((heading, column) =>
            _rows.Select(row => row[column].Text.Length).Append(heading.Length).Max()).ToArray();
        var width = to.Width?.Invoke() ?? int.MaxValue;
        var cuts = Cuts(widths, width);
        // What the last column may take in its line.
        var last = Math.Max(Least(width), width - Before(widths, cuts[^1]));
        WriteRow(to, [.. headings.Select(heading => (heading, CellStyle.Plain))], widths, cuts, last);
        foreach (var row in _rows)
            WriteRow(to, row, widths, cuts, last);
    }

    /// <summary>Puts a style around a text.</summary>
    public static string Paint(string text, CellStyle style, bool colours) => (colours, style) switch
    {
        (true, CellStyle.Good) => $"\e[32m{text}\e[0m",
        (true, CellStyle.Faint) => $"\e[2m{text}\e[0m",
        (true, CellStyle.Bad) => $"\e[31m{text}\e[0m",
        _ => text,
    };

    // At which columns a line begins: the first, and others where the width does not do.
    static List<int> Cuts(int[] widths, int width)
    {
        List<int> cuts = [0];
        var used = 0L;
        for (var i = 0; i < widths.Length; i++)
        {
            var least = i == widths.Length - 1 ? Math.Min(widths[i], Least(width)) : widths[i];
            if (used + least > width && i > cuts[^1])
            {
                cuts.Add(i);
                used = Indentation;
            }
            used += widths[i] + Gap;
        }
        return cuts;
    }

    static int Least(int width) => Math.Max(LeastLast, width / 3);

    // What stands before the last column in its line, which begins with column first.
    static int Before(int[] widths, int first) => (first == 0 ? 0 : Indentation) + widths[first..^1].Sum(width => width + Gap);

    static void WriteRow(Terminal to, (string Text, CellStyle Style)[] row, int[] widths, List<int> cuts, int last)
    {
        var line = new StringBuilder();
        for (var i = 0; i < row.Length; i++)
        {
            if (i > 0 && cuts.Contains(i))
            {
                to.Out.WriteLine(line.ToString().TrimEnd(' '));
                if (row[i..].All(cell => cell.Text == Nothing))
                    return;
                line.Clear().Append(' ', Indentation);
            }
            if (i < row.Length - 1)
            {
                line.Append(Paint(row[i].Text, row[i].Style, to.Colours)).Append(' ', widths[i] - row[i].Text.Length + Gap);
                continue;
            }
            var margin = Before(widths, cuts[^1]);
            foreach (var part in Wrapped(row[i].Text, last))
            {
                to.Out.WriteLine(line.Append(Paint(part, row[i].Style, to.Colours)).ToString());
                line.Clear().Append(' ', margin);
            }
        }
    }

    // Between words; a word that is too long by itself is left to the terminal.
    static IEnumerable<string> Wrapped(string text, int width)
    {
        while (text.Length > width)
        {
            var at = text.LastIndexOf(' ', width);
            if (at <= 0 && (at = text.IndexOf(' ', width)) < 0)
                break;
            yield return text[..at];
            text = text[(at + 1)..];
        }
        yield return text;
    }

    // Machines report some of these texts about themselves: control characters in them must not reach a terminal.
    static string Printable(string? text) =>
        string.IsNullOrEmpty(text) ? Nothing : string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
}
