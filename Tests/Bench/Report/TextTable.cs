using System.Text;

namespace Mesh.Bench.Report;

/// <summary>A table whose columns line up: the first ones to the left, the others to the right.</summary>
sealed class TextTable(int leftColumns, params string[] header)
{
    readonly List<string[]> _rows = [];

    /// <summary>Adds a row with as many cells as the header.</summary>
    public void Add(params string[] cells) => _rows.Add(cells);

    /// <inheritdoc/>
    public override string ToString()
    {
        var widths = header.Select((name, i) => _rows.Select(r => r[i].Length).Append(name.Length).Max()).ToArray();
        StringBuilder text = new();
        foreach (var row in _rows.Prepend([.. widths.Select(w => new string('-', w))]).Prepend(header))
            text.AppendLine(string.Join("  ", row.Select((cell, i) => i < leftColumns ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).TrimEnd());
        return text.ToString();
    }
}
