namespace Mesh.Bench.Report;

/// <summary>A table with a row for each figure and a column for each contender, and the ratio of the first to the last. Not safe for concurrent use.</summary>
sealed class SideBySide
{
    readonly List<(string Text, string Unit, int Decimals)> _rows = [];
    readonly List<string> _contenders = [];
    readonly Dictionary<(string Row, string Contender), Series> _values = [];

    /// <summary>Adds a value; rows and columns come in the order in which they are first seen, several values of one cell make a median.</summary>
    public void Add(string contender, string text, string unit, int decimals, double value)
    {
        if (!_contenders.Contains(contender))
            _contenders.Add(contender);
        if (!_rows.Contains((text, unit, decimals)))
            _rows.Add((text, unit, decimals));
        if (!_values.TryGetValue((text, contender), out var series))
            _values[(text, contender)] = series = new Series();
        series.Add(value);
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        var compares = _contenders.Count > 1;
        TextTable table = new(2, ["figure", "unit", .. _contenders, .. compares ? ["ratio"] : Array.Empty<string>()]);
        foreach (var (text, unit, decimals) in _rows)
        {
            var cells = _contenders.Select(c => _values.GetValueOrDefault((text, c))).ToArray();
            string[] ratio = compares
                ? [cells[0] is { } first && cells[^1] is { Median: > 0 } last ? Series.Number(first.Median / last.Median, 2) + "x" : "-"]
                : [];
            table.Add([text, unit, .. cells.Select(c => c?.Format(decimals) ?? "-"), .. ratio]);
        }

        return table.ToString();
    }

    /// <summary>All values for a file: contender, figure with its unit, values.</summary>
    public Dictionary<string, Dictionary<string, IReadOnlyList<double>>> ToDocument() => _contenders.ToDictionary(c => c, c => _rows
        .Where(r => _values.ContainsKey((r.Text, c))).ToDictionary(r => r.Unit.Length > 0 ? $"{r.Text} [{r.Unit}]" : r.Text, r => _values[(r.Text, c)].Values));
}
