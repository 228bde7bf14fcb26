using System.Globalization;
using System.Text;

namespace Mesh.Tests.Kit;

/// <summary>
/// Is the screen of a terminal with as many rows as it needs: it understands what line editors write (ECMA-48 cursor movement and erasure,
/// with the late wrap of xterm) and takes colours off. Not safe for concurrent use.
/// </summary>
/// <param name="width">How many columns it has.</param>
public sealed class TerminalScreen(int width)
{
    readonly List<StringBuilder> _rows = [new()];
    string _pending = "";
    int _row;
    int _column;

    /// <summary>Gets or sets how many columns it has; rows that are there already stay as they are.</summary>
    public int Width { get; set; } = width;

    /// <summary>Gets whether anything was painted so far.</summary>
    public bool IsPainted { get; private set; }

    /// <summary>Gets where the next character goes.</summary>
    public (int Row, int Column) Cursor => (_row, _column);

    /// <summary>Gets what stands there, row by row without blanks at the end.</summary>
    public string Text => string.Join('\n', _rows.Select(row => row.ToString().TrimEnd()));

    /// <summary>Takes in what a program writes; a sequence may be cut anywhere and go on in the next call.</summary>
    /// <exception cref="NotSupportedException">It writes a sequence that is none of a line editor's.</exception>
    public void Write(string text)
    {
        text = _pending + text;
        _pending = "";
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\r':
                    _column = 0;
                    break;
                case '\n':
                    GoTo(_row + 1);
                    break;
                case '\b':
                    _column = Math.Max(0, _column - 1);
                    break;
                case '\a':
                    break;
                case '\e':
                    var end = EndOfSequence(text, i);
                    if (end < 0)
                    {
                        _pending = text[i..];
                        return;
                    }
                    if (text[i + 1] == '[')
                        Control(text[end], text[(i + 2)..end]);
                    i = end;
                    break;
                default:
                    Put(text[i]);
                    break;
            }
        }
    }

    // Where its last character is; -1 where that is still to come.
    static int EndOfSequence(string text, int start)
    {
        if (start + 1 >= text.Length)
            return -1;
        if (text[start + 1] != '[')
            return start + 1;
        var end = text.AsSpan(start + 2).IndexOfAnyInRange('@', '~');
        return end < 0 ? -1 : start + 2 + end;
    }

    void Put(char c)
    {
        if (_column >= Width)
        {
            GoTo(_row + 1);
            _column = 0;
        }
        var row = _rows[_row];
        row.Append(' ', Math.Max(0, _column + 1 - row.Length));
        row[_column++] = c;
    }

    void Control(char command, string argument)
    {
        // Modes of the keyboard and of the screen change nothing of what stands there.
        if (argument.StartsWith('?'))
            return;
        var number = int.TryParse(argument, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? given : 1;
        switch (command)
        {
            case 'A' when _row >= number:
                _row -= number;
                break;
            case 'C':
                _column = Math.Min(Width - 1, _column + number);
                break;
            case 'D':
                _column = Math.Max(0, _column - number);
                break;
            case 'H' when argument.Length == 0:
                (_row, _column) = (0, 0);
                break;
            case 'J' when argument is "" or "0":
                _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                EraseToTheEnd();
                break;
            case 'J' when argument == "2":
                _rows.ForEach(row => row.Clear());
                break;
            case 'K' when argument is "" or "0":
                EraseToTheEnd();
                break;
            case 'm':
                IsPainted |= argument is not ("" or "0");
                break;
            default:
                throw new NotSupportedException($"no line editor writes ESC[{argument}{command} in row {_row}");
        }
    }

    void EraseToTheEnd()
    {
        if (_rows[_row].Length > _column)
            _rows[_row].Length = _column;
    }

    void GoTo(int row)
    {
        _row = row;
        while (_rows.Count <= _row)
            _rows.Add(new());
    }
}
