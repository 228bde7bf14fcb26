using System.Text;
using Mesh.Controller.Shell;

namespace Mesh.Tests.Controller.Shell;

/// <summary>
/// Is a terminal with somebody at it who types what the test says, and a screen that understands what <see cref="LineScreen"/> writes,
/// with the late wrap of xterm. It has as many rows as it needs.
/// </summary>
sealed class FakeTerminal(int width = 80) : ILineTerminal
{
    readonly Queue<ConsoleKeyInfo> _keys = new();
    readonly List<StringBuilder> _rows = [new()];
    int _row;
    int _column;

    public int Width => width;

    /// <summary>What happens when a key is waited for and none is left; true where there are some then.</summary>
    public Func<bool>? WhenIdle { get; set; }

    public Action? Interrupted { get; private set; }

    public (int Row, int Column) Cursor => (_row, _column);

    public string Screen => string.Join('\n', _rows.Select(row => row.ToString().TrimEnd()));

    public void Type(string keys)
    {
        foreach (var key in Keys.Of(keys))
            _keys.Enqueue(key);
    }

    public ConsoleKeyInfo? ReadKey() => _keys.TryDequeue(out var key) || (WhenIdle?.Invoke() == true && _keys.TryDequeue(out key)) ? key : null;

    public IDisposable OnInterrupt(Action interrupted)
    {
        Interrupted = interrupted;
        return new StringReader("");
    }

    public void Write(string text)
    {
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
                    _column--;
                    break;
                case '\e':
                    var end = text.AsSpan(i).IndexOfAnyInRange('A', 'Z') + i;
                    Control(text[end], text[(i + 2)..end]);
                    i = end;
                    break;
                default:
                    if (_column == width)
                    {
                        GoTo(_row + 1);
                        _column = 0;
                    }
                    var row = _rows[_row];
                    row.Append(' ', Math.Max(0, _column + 1 - row.Length));
                    row[_column++] = text[i];
                    break;
            }
        }
    }

    void Control(char command, string argument)
    {
        var number = argument.Length == 0 ? 1 : int.Parse(argument, System.Globalization.CultureInfo.InvariantCulture);
        switch (command)
        {
            case 'A':
                _row -= number;
                Assert.True(_row >= 0, "above the screen");
                break;
            case 'C':
                _column = Math.Min(width - 1, _column + number);
                break;
            case 'H':
                (_row, _column) = (0, 0);
                break;
            case 'J':
                if (argument == "2")
                    _rows.ForEach(row => row.Clear());
                else
                    _rows.RemoveRange(_row + 1, _rows.Count - _row - 1);
                if (_rows[_row].Length > _column)
                    _rows[_row].Length = _column;
                break;
            default:
                Assert.Fail($"unknown sequence {command}");
                break;
        }
    }

    void GoTo(int row)
    {
        _row = row;
        while (_rows.Count <= _row)
            _rows.Add(new());
    }
}
