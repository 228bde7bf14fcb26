using Mesh.Bench.Report;

namespace Mesh.Bench.Actors;

/// <summary>Runs scenarios with actors and with channels in turn, and makes the table of both.</summary>
sealed class ActorComparison(IReadOnlyList<Scenario> scenarios, Effort effort, int repetitions)
{
    const string Actors = "actors";
    const string Channels = "channel";

    readonly Results _results = new();

    /// <summary>All values for a file.</summary>
    public Dictionary<string, Dictionary<string, IReadOnlyList<double>>> ToDocument() => _results.ToDocument();

    public async Task RunAsync(CancellationToken cancel)
    {
        // Twice: what is new in the first pass keeps the compiler busy into the next scenarios.
        for (var pass = 1; pass <= 2; pass++)
        {
            Progress.Say($"warming up, pass {pass} of 2");
            foreach (var scenario in scenarios)
            {
                await scenario.ActorsAsync(effort.WarmUp, cancel);
                await scenario.ChannelsAsync(effort.WarmUp, cancel);
            }
        }

        for (var repetition = 1; repetition <= repetitions; repetition++)
        {
            foreach (var scenario in scenarios)
            {
                foreach (var contender in repetition % 2 == 1 ? [Actors, Channels] : new[] { Channels, Actors })
                {
                    var values = contender == Actors
                        ? await scenario.ActorsAsync(effort, cancel)
                        : await scenario.ChannelsAsync(effort, cancel);
                    foreach (var (row, value) in scenario.Rows.Zip(values))
                        _results.Add(contender, row.Figure.Test, row.Figure.Key, value);
                }

                Progress.Say($"repetition {repetition}/{repetitions}: {string.Join("; ", scenario.Rows.Select(Latest))}");
            }
        }
    }

    /// <summary>Makes the table.</summary>
    /// <param name="missed">How many targets do not hold.</param>
    public string Table(out int missed)
    {
        missed = 0;
        TextTable table = new(2, "row", "unit", Actors, Channels, "ratio", AkkaNet.Name, "target", "verdict");
        foreach (var row in scenarios.SelectMany(s => s.Rows))
        {
            var (own, other) = (_results.Of(Actors, row.Figure.Id)!, _results.Of(Channels, row.Figure.Id));
            var holds = row.Holds(own.Median);
            missed += holds is false ? 1 : 0;
            table.Add(
                row.Figure.Text,
                row.Figure.Unit,
                own.Format(row.Figure.Decimals),
                other?.Format(row.Figure.Decimals) ?? "-",
                // Of what is printed as nothing there are no multiples.
                other is not null && Math.Round(other.Median, row.Figure.Decimals) > 0
                    ? Series.Number(own.Median / other.Median, 2) + "x"
                    : "-",
                row.PublishedText,
                row.TargetText,
                holds switch { null => "", true => "holds", false => "does not hold" });
        }

        return table.ToString();
    }

    string Latest(Row row)
    {
        var values = new[] { Actors, Channels }.Select(contender => _results.Of(contender, row.Figure.Id)).OfType<Series>()
            .Select(series => Series.Number(series.Values[^1], row.Figure.Decimals));
        return $"{row.Figure.Text} {string.Join(" / ", values)} {row.Figure.Unit}";
    }
}
