using System.Globalization;
using System.Text;

namespace Mesh.Actors.Diagnostics;

/// <summary>Prints the actors of a program for people: the living tree, then the counters of each class. Pure.</summary>
public static class ActorTreeText
{
    /// <summary>Prints the whole.</summary>
    public static string Print(ActorReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        List<string[]> tree = [["ACTOR", "CLASS", "STATE", "MESSAGES", "RESTARTS", "WAITING", "MOST", "STASHED"]];
        Add(tree, report.Root, "/", "");
        List<string[]> classes = [["CLASS", "ALIVE", "STARTED", "MESSAGES", "RESTARTS", "STASHED", "MOST WAITING"]];
        classes.AddRange(report.Types.Select(type => new[]
        {
            type.Type, Number(type.Alive), Number(type.Started), Number(type.Messages), Number(type.Restarts), Number(type.Stashed), Number(type.Deepest),
        }));
        var text = new StringBuilder();
        Table(text, tree, firstNumber: 3);
        text.Append('\n');
        Table(text, classes, firstNumber: 1);
        return text.ToString();
    }

    static void Add(List<string[]> rows, ActorEntry actor, string label, string indent)
    {
        rows.Add([
            label, actor.Type, actor.Activity.ToString().ToLowerInvariant(), Number(actor.Messages), Number(actor.Restarts), Number(actor.Depth),
            Number(actor.Deepest), Number(actor.Stashed)]);
        for (var index = 0; index < actor.Children.Count; index++)
        {
            var isLast = index == actor.Children.Count - 1;
            var child = actor.Children[index];
            Add(rows, child, $"{indent}{(isLast ? "└─ " : "├─ ")}{child.Name}", indent + (isLast ? "   " : "│  "));
        }
    }

    static void Table(StringBuilder text, List<string[]> rows, int firstNumber)
    {
        var widths = rows[0].Select((_, column) => rows.Max(row => row[column].Length)).ToArray();
        foreach (var row in rows)
        {
            var cells = row.Select((cell, column) => column < firstNumber ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]));
            text.Append(string.Join("  ", cells).TrimEnd()).Append('\n');
        }
    }

    static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}
