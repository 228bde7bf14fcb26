namespace Mesh.Protocol.Time;

/// <summary>
/// Is a moment on the wall clock, in milliseconds since 1970-01-01T00:00:00Z. Used only where another machine must understand it:
/// TAI64N, certificates, signed validity.
/// </summary>
public readonly record struct WallTime(long UnixMilliseconds) : IComparable<WallTime>
{
    /// <inheritdoc/>
    public int CompareTo(WallTime other) => UnixMilliseconds.CompareTo(other.UnixMilliseconds);

    /// <summary>Converts from the class library's type; what is finer than a millisecond is cut off.</summary>
    public static WallTime From(DateTimeOffset time) => new(time.ToUnixTimeMilliseconds());

    /// <summary>Converts to the class library's type, in UTC.</summary>
    public DateTimeOffset ToDateTimeOffset() => DateTimeOffset.FromUnixTimeMilliseconds(UnixMilliseconds);

    /// <summary>Prints RFC 3339 in UTC with milliseconds.</summary>
    public override string ToString() => WallTimeJsonConverter.Print(this);

    /// <summary>Moves forward; what is finer than a millisecond is cut off.</summary>
    public static WallTime operator +(WallTime time, TimeSpan span) => new(time.UnixMilliseconds + (long)span.TotalMilliseconds);

    /// <summary>Moves backward; what is finer than a millisecond is cut off.</summary>
    public static WallTime operator -(WallTime time, TimeSpan span) => new(time.UnixMilliseconds - (long)span.TotalMilliseconds);

    /// <summary>Measures from the right to the left.</summary>
    public static TimeSpan operator -(WallTime left, WallTime right) => TimeSpan.FromMilliseconds(left.UnixMilliseconds - right.UnixMilliseconds);

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(WallTime left, WallTime right) => left.UnixMilliseconds < right.UnixMilliseconds;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(WallTime left, WallTime right) => left.UnixMilliseconds > right.UnixMilliseconds;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(WallTime left, WallTime right) => left.UnixMilliseconds <= right.UnixMilliseconds;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(WallTime left, WallTime right) => left.UnixMilliseconds >= right.UnixMilliseconds;
}
