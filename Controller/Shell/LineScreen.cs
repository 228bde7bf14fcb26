using System.Globalization;
using System.Text;

namespace Mesh.Controller.Shell;

/// <summary>
/// Draws a prompt and a line that may wrap over several rows of a terminal, anew with every change: it remembers only in which row the
/// cursor was left. Gives text with ANSI sequences (ECMA-48); whoever has the terminal writes it.
/// </summary>
sealed class LineScreen(string prompt)
{
    int _row;

    /// <summary>Draws a line over what was drawn before.</summary>
    /// <param name="line">The line.</param>
    /// <param name="width">How many columns the terminal has, at least 1.</param>
    public string Draw(EditedLine line, int width)
    {
        var text = new StringBuilder("\r");
        if (_row > 0)
            text.Append(CultureInfo.InvariantCulture, $"\e[{_row}A");
        text.Append("\e[J").Append(prompt).Append(line.Text);
        var end = Columns(prompt) + Columns(line.Text);
        // At the very edge terminals wait with the wrap until the next character comes: that one makes it certain.
        if (end > 0 && end % width == 0)
            text.Append(" \b");
        var cursor = Columns(prompt) + Columns(line.Text.AsSpan(0, line.Cursor));
        _row = cursor / width;
        if (end / width > _row)
            text.Append(CultureInfo.InvariantCulture, $"\e[{end / width - _row}A");
        text.Append('\r');
        if (cursor % width > 0)
            text.Append(CultureInfo.InvariantCulture, $"\e[{cursor % width}C");
        return text.ToString();
    }

    /// <summary>Goes below the line, which stays on the screen.</summary>
    public string Leave(EditedLine line, int width)
    {
        var text = Draw(line with { Cursor = line.Text.Length }, width);
        _row = 0;
        return text + "\r\n";
    }

    /// <summary>Clears the screen; the line is to be drawn next.</summary>
    public string Clear()
    {
        _row = 0;
        return "\e[H\e[2J";
    }

    /// <summary>Counts how many columns a text takes (Unicode Standard Annex 11, by its large ranges).</summary>
    public static int Columns(ReadOnlySpan<char> text)
    {
        var columns = 0;
        foreach (var rune in text.EnumerateRunes())
            columns += Columns(rune);
        return columns;
    }

    static int Columns(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format or UnicodeCategory.Control => 0,
        _ => rune.Value is (>= 0x1100 and <= 0x115f) or (>= 0x2e80 and <= 0xa4cf) or (>= 0xac00 and <= 0xd7a3) or (>= 0xf900 and <= 0xfaff)
            or (>= 0xfe30 and <= 0xfe6f) or (>= 0xff00 and <= 0xff60) or (>= 0xffe0 and <= 0xffe6) or (>= 0x1f300 and <= 0x1faff)
            or (>= 0x20000 and <= 0x3fffd) ? 2 : 1,
    };
}
