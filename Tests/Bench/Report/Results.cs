namespace Mesh.Bench.Report;

/// <summary>The figures of one setting, by contender. Not safe for concurrent use.</summary>
sealed class Results
{
    readonly Dictionary<(string Contender, string Figure), Series> _series = [];

    /// <summary>Adds what a repetition measured.</summary>
    public void Add(string contender, string test, string key, double value)
    {
        if (!_series.TryGetValue((contender, $"{test}.{key}"), out var series))
            _series[(contender, $"{test}.{key}")] = series = new Series();
        series.Add(value);
    }

    /// <summary>What was measured, or null.</summary>
    public Series? Of(string contender, string figure) => _series.GetValueOrDefault((contender, figure));

    /// <summary>Makes the table of contenders side by side, with ratio and verdict where there is a peer to compare with.</summary>
    /// <param name="contender">Whose figures these are.</param>
    /// <param name="peer">The other, or null.</param>
    /// <param name="thresholds">What the first one's must be.</param>
    /// <param name="missed">How many of them do not hold.</param>
    public string Table(string contender, string? peer, IReadOnlyCollection<Threshold> thresholds, out int missed)
    {
        missed = 0;
        TextTable table = peer is null
            ? new(2, "figure", "unit", contender, "wanted", "verdict")
            : new(2, "figure", "unit", contender, peer, "ratio", "wanted", "verdict");
        foreach (var figure in Figure.All)
        {
            if (Of(contender, figure.Id) is not { } own)
                continue;
            var other = peer is null ? null : Of(peer, figure.Id);
            double? ratio = other is { Median: > 0 } ? own.Median / other.Median : null;
            var threshold = thresholds.LastOrDefault(t => t.Figure == figure.Id);
            var judged = threshold is null ? null : threshold.IsAbsolute ? own.Greatest : ratio;
            var (wanted, verdict) = ("", "");
            if (threshold is not null && judged is { } value)
            {
                wanted = threshold.ToString();
                verdict = threshold.Holds(value) ? "holds" : "does not hold";
                missed += threshold.Holds(value) ? 0 : 1;
            }

            string[] cells = peer is null
                ? [figure.Text, figure.Unit, own.Format(figure.Decimals), wanted, verdict]
                : [figure.Text, figure.Unit, own.Format(figure.Decimals), other?.Format(figure.Decimals) ?? "-",
                    ratio is { } r ? Series.Number(r, 2) + "x" : "-", wanted, verdict];
            table.Add(cells);
        }

        return table.ToString();
    }

    /// <summary>All values for a file: contender, figure, values in the order of the repetitions.</summary>
    public Dictionary<string, Dictionary<string, IReadOnlyList<double>>> ToDocument() => _series
        .GroupBy(s => s.Key.Contender)
        .ToDictionary(g => g.Key, g => g.ToDictionary(s => s.Key.Figure, s => s.Value.Values));
}
