namespace Mesh.Protocol.Time;

/// <summary>
/// Is a moment on a monotonic clock, in ticks of 100 ns since an origin that only the clock knows. It survives changes of the
/// wall clock and means nothing outside its process.
/// </summary>
public readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <inheritdoc/>
    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);

    /// <summary>Gives the later of two.</summary>
    public static Instant Max(Instant left, Instant right) => left.Ticks >= right.Ticks ? left : right;

    /// <summary>Gives the earlier of two.</summary>
    public static Instant Min(Instant left, Instant right) => left.Ticks <= right.Ticks ? left : right;

    /// <summary>Moves forward.</summary>
    public static Instant operator +(Instant instant, TimeSpan span) => new(instant.Ticks + span.Ticks);

    /// <summary>Moves backward.</summary>
    public static Instant operator -(Instant instant, TimeSpan span) => new(instant.Ticks - span.Ticks);

    /// <summary>Measures from the right to the left.</summary>
    public static TimeSpan operator -(Instant left, Instant right) => new(left.Ticks - right.Ticks);

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(Instant left, Instant right) => left.Ticks < right.Ticks;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(Instant left, Instant right) => left.Ticks > right.Ticks;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(Instant left, Instant right) => left.Ticks <= right.Ticks;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(Instant left, Instant right) => left.Ticks >= right.Ticks;
}
