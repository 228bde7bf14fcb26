using System.Globalization;

namespace Mesh.Bench.Report;

/// <summary>What one figure was in each repetition.</summary>
sealed class Series
{
    readonly List<double> _values = [];

    public IReadOnlyList<double> Values => _values;

    public double Median
    {
        get
        {
            var sorted = _values.Order().ToArray();
            return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
        }
    }

    public double Least => _values.Min();

    public double Greatest => _values.Max();

    public void Add(double value) => _values.Add(value);

    /// <summary>Median and, of several repetitions, the spread: <c>4.82 (4.34..4.94)</c>.</summary>
    public string Format(int decimals) => _values.Count == 1
        ? Number(Median, decimals)
        : $"{Number(Median, decimals)} ({Number(Least, decimals)}..{Number(Greatest, decimals)})";

    public static string Number(double value, int decimals) => value.ToString("F" + decimals, CultureInfo.InvariantCulture);
}
