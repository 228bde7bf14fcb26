namespace Mesh.Controller.Shell;

/// <summary>Is what completes the word before the cursor.</summary>
/// <param name="Start">Where in the line that word begins.</param>
/// <param name="Words">What it may become, sorted; each begins with it.</param>
/// <param name="Ends">Whether a word is done once it is the only one: a directory is not.</param>
sealed record Completion(int Start, IReadOnlyList<string> Words, bool Ends = true)
{
    /// <summary>Completes nothing.</summary>
    public static Completion None { get; } = new(0, []);
}

/// <summary>Reads lines from a terminal: keys to <see cref="EditedLine"/>, and what they ask for to history and completion.</summary>
sealed class LineReader(ILineTerminal terminal, ShellHistory history, Func<string, Completion> complete)
{
    /// <summary>Reads a line; null at the end, an empty one where it was given up.</summary>
    public string? Read(string prompt)
    {
        var screen = new LineScreen(prompt);
        var line = EditedLine.Empty;
        history.Begin();
        terminal.Write(screen.Draw(line, terminal.Width));
        while (terminal.ReadKey() is { } key)
        {
            (line, var request) = line.Press(key);
            switch (request)
            {
                case LineRequest.Submit:
                    terminal.Write(screen.Leave(line, terminal.Width));
                    history.Add(line.Text);
                    return line.Text;
                case LineRequest.Abandon:
                    terminal.Write(screen.Leave(line with { Text = line.Text + "^C" }, terminal.Width));
                    return "";
                case LineRequest.End:
                    terminal.Write(screen.Leave(line, terminal.Width));
                    return null;
                case LineRequest.Older:
                    line = history.Older(line.Text) is { } older ? line.Replace(older) : line;
                    break;
                case LineRequest.Newer:
                    line = history.Newer() is { } newer ? line.Replace(newer) : line;
                    break;
                case LineRequest.Clear:
                    terminal.Write(screen.Clear());
                    break;
                case LineRequest.Complete:
                    line = Complete(line, screen);
                    break;
            }
            terminal.Write(screen.Draw(line, terminal.Width));
        }
        return null;
    }

    EditedLine Complete(EditedLine line, LineScreen screen)
    {
        var found = complete(line.Text[..line.Cursor]);
        if (found.Words.Count == 0)
            return line;
        var have = line.Cursor - found.Start;
        var common = found.Words[0].Length;
        foreach (var word in found.Words)
            common = Math.Min(common, word.AsSpan().CommonPrefixLength(found.Words[0]));
        if (found.Words.Count == 1)
            return line.Insert(found.Words[0][have..] + (found.Ends ? " " : ""));
        if (common > have)
            return line.Insert(found.Words[0][have..common]);
        terminal.Write(screen.Leave(line, terminal.Width) + InColumns(found.Words, terminal.Width));
        return line;
    }

    // As ls does: down the columns first.
    static string InColumns(IReadOnlyList<string> words, int width)
    {
        var cell = words.Max(word => LineScreen.Columns(word)) + 2;
        var rows = (words.Count + Math.Max(1, width / cell) - 1) / Math.Max(1, width / cell);
        return string.Concat(Enumerable.Range(0, rows).Select(row =>
            string.Concat(words.Where((_, i) => i % rows == row).Select(word => word + new string(' ', cell - LineScreen.Columns(word)))).TrimEnd() + "\r\n"));
    }
}
