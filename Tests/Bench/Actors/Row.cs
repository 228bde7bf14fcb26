using System.Globalization;
using Mesh.Bench.Report;

namespace Mesh.Bench.Actors;

/// <summary>One line of the table.</summary>
/// <param name="Figure">Its name, unit and decimals.</param>
/// <param name="Published">What Akka.NET does, if that is known.</param>
/// <param name="Goal">What Mesh sets itself, if that is not Akka.NET's lower end.</param>
sealed record Row(Figure Figure, Ends? Published = null, double? Goal = null)
{
    /// <summary>True of what is counted per second; of times and sizes less is better.</summary>
    public bool MoreIsBetter => Figure.Unit.EndsWith("/s", StringComparison.Ordinal);

    /// <summary>The bound that the median is judged by, or null.</summary>
    public double? Target => Goal ?? Published?.Lower;

    /// <summary>What Akka.NET does, in print.</summary>
    public string PublishedText => Published switch
    {
        null => "-",
        { } ends when ends.Lower == ends.Upper => Text(ends.Lower),
        { } ends => $"{Text(ends.Lower)}..{Text(ends.Upper)}",
    };

    /// <summary>The bound in print.</summary>
    public string TargetText => Target is { } target ? $"{(MoreIsBetter ? ">=" : "<=")} {Text(target)}" : "";

    /// <summary>Judges a value as it is printed; null where there is no target.</summary>
    public bool? Holds(double value) => Target is not { } target ? null
        : MoreIsBetter ? Math.Round(value, Figure.Decimals) >= target : Math.Round(value, Figure.Decimals) <= target;

    static string Text(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
