namespace Mesh.Bench.Load;

/// <summary>Is what one phase came to, at one size of the network. Times in milliseconds, absent where the phase has none.</summary>
sealed record PhaseFigures(string Phase, int Nodes)
{
    /// <summary>Gets how many changes were made.</summary>
    public int Changes { get; init; }

    /// <summary>Gets how many nodes each change affected.</summary>
    public double Affected { get; init; }

    /// <summary>Gets the median of the time to the last affected node's acknowledgement.</summary>
    public double? P50 { get; init; }

    /// <summary>Gets the 99th percentile of that; of fewer than a hundred changes, the greatest.</summary>
    public double? P99 { get; init; }

    /// <summary>Gets the bytes of map lines to each affected node, per change.</summary>
    public double? AffectedBytes { get; init; }

    /// <summary>Gets the bytes of map lines to all other nodes together, over the whole phase.</summary>
    public long? OtherBytes { get; init; }

    /// <summary>Gets the controller's processor time per change, what it uses at rest left out.</summary>
    public double? CpuPerChange { get; init; }

    /// <summary>Gets the generator's processor time per change.</summary>
    public double? GeneratorPerChange { get; init; }

    /// <summary>Gets the generator's processor time per second, in a phase without changes.</summary>
    public double? GeneratorPerSecond { get; init; }

    /// <summary>Gets the controller's processor time at rest that is left out of <see cref="CpuPerChange"/>, per second.</summary>
    public double? RestPerSecond { get; init; }

    /// <summary>Gets what the controller's processor time went into, in percent by name; null where it was not sampled.</summary>
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    /// <summary>Gets the whole time of the phase in seconds.</summary>
    public double Seconds { get; init; }

    /// <summary>Gets further figures by name, for people and programs.</summary>
    public IReadOnlyList<(string Name, double Value, string Unit)> More { get; init; } = [];
}

/// <summary>Computes percentiles.</summary>
static class Percentile
{
    /// <summary>Gives the smallest value that a share of all values does not exceed.</summary>
    public static double Of(IEnumerable<double> values, double share)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
    }
}
