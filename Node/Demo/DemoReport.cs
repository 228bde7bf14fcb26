using System.Diagnostics;
using System.Globalization;

namespace Mesh.Node.Demo;

/// <summary>Shows the demonstration as it goes: a line for each step with what came of it, and one table at the end.</summary>
sealed class DemoReport(TextWriter output, bool colours, int steps)
{
    readonly List<(string Step, string Result, TimeSpan Took)> _rows = [];
    readonly Stopwatch _clock = new();
    string _step = "";

    /// <summary>Announces a step.</summary>
    public void Begin(string step)
    {
        _step = step;
        _clock.Restart();
        output.Write(string.Create(CultureInfo.InvariantCulture, $"{Paint("2", $"[{_rows.Count + 1}/{steps}]")} {step} ... "));
        output.Flush();
    }

    /// <summary>Says what came of the step that was announced last.</summary>
    public void End(string result)
    {
        _rows.Add((_step, result, _clock.Elapsed));
        output.WriteLine(Paint("32", result));
    }

    /// <summary>Ends the line of a step that came to nothing.</summary>
    public void Fail(string how = "failed") => output.WriteLine(Paint("31", how));

    /// <summary>Shows a block of text as it is.</summary>
    public void Show(string title, string text)
    {
        output.WriteLine();
        output.WriteLine(Paint("1", title));
        foreach (var line in text.TrimEnd().Split('\n'))
            output.WriteLine($"  {line}");
        output.WriteLine();
    }

    /// <summary>Prints the closing table.</summary>
    public void Table()
    {
        var (first, second) = (_rows.Max(row => row.Step.Length), _rows.Max(row => row.Result.Length));
        var rule = $"{new string('-', first)}  {new string('-', second)}  --------";
        output.WriteLine(Paint("1", $"{"step".PadRight(first)}  {"result".PadRight(second)}      time"));
        output.WriteLine(rule);
        foreach (var (step, result, took) in _rows)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{step.PadRight(first)}  {result.PadRight(second)}  {took.TotalSeconds,6:0.0} s"));
        output.WriteLine(rule);
    }

    string Paint(string code, string text) => colours ? $"\e[{code}m{text}\e[0m" : text;
}
