using System.Globalization;

namespace Mesh.Controller.Shell;

/// <summary>Says what a key asks of whoever edits a line, beside the change of the line itself.</summary>
enum LineRequest
{
    /// <summary>Nothing: the line is to be shown as it is now.</summary>
    Show,

    /// <summary>The line is done.</summary>
    Submit,

    /// <summary>The line is given up.</summary>
    Abandon,

    /// <summary>There will be no more lines.</summary>
    End,

    /// <summary>The word at the cursor is to be completed.</summary>
    Complete,

    /// <summary>The line before this one is wanted.</summary>
    Older,

    /// <summary>The line after this one is wanted.</summary>
    Newer,

    /// <summary>The screen is to be cleared.</summary>
    Clear,
}

/// <summary>
/// Is a line that is being typed, with the keys of readline's emacs mode: a key in, the next line and a request out. The cursor goes by
/// what people see as one character. Immutable.
/// </summary>
/// <param name="Text">The text.</param>
/// <param name="Cursor">Where the next character goes, from 0 to the length of <paramref name="Text"/>.</param>
/// <param name="Killed">What was cut last, for Ctrl-Y.</param>
readonly record struct EditedLine(string Text, int Cursor, string Killed)
{
    /// <summary>Is a line on which nothing was typed yet.</summary>
    public static EditedLine Empty { get; } = new("", 0, "");

    /// <summary>Takes a key.</summary>
    public (EditedLine Line, LineRequest Request) Press(ConsoleKeyInfo key)
    {
        if (key.Modifiers.HasFlag(ConsoleModifiers.Control))
            return PressControl(key.Key);
        if (key.Modifiers.HasFlag(ConsoleModifiers.Alt))
        {
            return (key.Key switch
            {
                ConsoleKey.B or ConsoleKey.LeftArrow => this with { Cursor = WordStart },
                ConsoleKey.F or ConsoleKey.RightArrow => this with { Cursor = WordEnd },
                ConsoleKey.Backspace => Cut(WordStart, Cursor),
                ConsoleKey.D => Cut(Cursor, WordEnd),
                _ => this,
            }, LineRequest.Show);
        }
        return key.Key switch
        {
            ConsoleKey.Enter => (this, LineRequest.Submit),
            ConsoleKey.Tab => (this, LineRequest.Complete),
            ConsoleKey.UpArrow => (this, LineRequest.Older),
            ConsoleKey.DownArrow => (this, LineRequest.Newer),
            ConsoleKey.LeftArrow => (this with { Cursor = Before }, LineRequest.Show),
            ConsoleKey.RightArrow => (this with { Cursor = After }, LineRequest.Show),
            ConsoleKey.Home => (this with { Cursor = 0 }, LineRequest.Show),
            ConsoleKey.End => (this with { Cursor = Text.Length }, LineRequest.Show),
            ConsoleKey.Backspace => (Remove(Before, Cursor), LineRequest.Show),
            ConsoleKey.Delete => (Remove(Cursor, After), LineRequest.Show),
            _ => (char.IsControl(key.KeyChar) ? this : Insert(key.KeyChar.ToString()), LineRequest.Show),
        };
    }

    /// <summary>Puts a text where the cursor is.</summary>
    public EditedLine Insert(string text) => this with { Text = Text.Insert(Cursor, text), Cursor = Cursor + text.Length };

    /// <summary>Takes another text, the cursor at its end.</summary>
    public EditedLine Replace(string text) => this with { Text = text, Cursor = text.Length };

    (EditedLine, LineRequest) PressControl(ConsoleKey key) => key switch
    {
        ConsoleKey.C => (this, LineRequest.Abandon),
        ConsoleKey.D when Text.Length == 0 => (this, LineRequest.End),
        ConsoleKey.D => (Remove(Cursor, After), LineRequest.Show),
        ConsoleKey.L => (this, LineRequest.Clear),
        ConsoleKey.P => (this, LineRequest.Older),
        ConsoleKey.N => (this, LineRequest.Newer),
        ConsoleKey.J or ConsoleKey.M or ConsoleKey.Enter => (this, LineRequest.Submit),
        ConsoleKey.I => (this, LineRequest.Complete),
        _ => (key switch
        {
            ConsoleKey.A => this with { Cursor = 0 },
            ConsoleKey.E => this with { Cursor = Text.Length },
            ConsoleKey.B => this with { Cursor = Before },
            ConsoleKey.F => this with { Cursor = After },
            ConsoleKey.LeftArrow => this with { Cursor = WordStart },
            ConsoleKey.RightArrow => this with { Cursor = WordEnd },
            ConsoleKey.H or ConsoleKey.Backspace => Remove(Before, Cursor),
            ConsoleKey.K => Cut(Cursor, Text.Length),
            ConsoleKey.U => Cut(0, Cursor),
            ConsoleKey.W => Cut(WordStart, Cursor),
            ConsoleKey.Y => Insert(Killed),
            _ => this,
        }, LineRequest.Show),
    };

    EditedLine Cut(int from, int to) => Remove(from, to) with { Killed = from < to ? Text[from..to] : Killed };

    EditedLine Remove(int from, int to) => this with { Text = Text.Remove(from, to - from), Cursor = from };

    int After => Cursor + StringInfo.GetNextTextElementLength(Text, Cursor);

    int Before
    {
        get
        {
            // Only from the front is it known what belongs together.
            var before = 0;
            for (var at = 0; at < Cursor; at += StringInfo.GetNextTextElementLength(Text, at))
                before = at;
            return before;
        }
    }

    int WordStart
    {
        get
        {
            var at = Cursor;
            while (at > 0 && char.IsWhiteSpace(Text[at - 1]))
                at--;
            while (at > 0 && !char.IsWhiteSpace(Text[at - 1]))
                at--;
            return at;
        }
    }

    int WordEnd
    {
        get
        {
            var at = Cursor;
            while (at < Text.Length && char.IsWhiteSpace(Text[at]))
                at++;
            while (at < Text.Length && !char.IsWhiteSpace(Text[at]))
                at++;
            return at;
        }
    }
}
