using System.Buffers.Binary;
using Mesh.Protocol.Time;

namespace Mesh.Protocol.Tunnel;

/// <summary>
/// Is a TAI64N label: 8 bytes of seconds offset by 2^62, 4 bytes of nanoseconds, both big-endian, so that later labels are greater as
/// byte strings. Here it orders initiations and says nothing of leap seconds: 10 s are added to UTC as other implementations do.
/// </summary>
public readonly record struct Tai64N(ulong Seconds, uint Nanoseconds) : IComparable<Tai64N>
{
    /// <summary>The length of the byte form.</summary>
    public const int Size = 12;

    const ulong Offset = (1UL << 62) + 10;

    /// <summary>Reads exactly 12 bytes; every value is a label, only order counts.</summary>
    public static Tai64N Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>Cuts the time down to <see cref="TunnelTuning.TimestampGrid"/> and, if that is not later than
    /// <paramref name="previous"/>, moves on from it.</summary>
    public static Tai64N After(Tai64N previous, WallTime now)
    {
        var grid = TunnelTuning.TimestampGrid.Ticks / TimeSpan.TicksPerMillisecond;
        var milliseconds = Math.Max(0, now.UnixMilliseconds) / grid * grid;
        var label = new Tai64N(Offset + (ulong)(milliseconds / 1000), (uint)(milliseconds % 1000) * 1_000_000);
        if (label.CompareTo(previous) > 0)
            return label;
        return previous.Nanoseconds < 999_999_999
            ? previous with { Nanoseconds = previous.Nanoseconds + 1 }
            : new Tai64N(previous.Seconds + 1, 0);
    }

    /// <summary>Writes 12 bytes.</summary>
    public void WriteTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, Seconds);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Nanoseconds);
    }

    /// <inheritdoc/>
    public int CompareTo(Tai64N other) =>
        Seconds != other.Seconds ? Seconds.CompareTo(other.Seconds) : Nanoseconds.CompareTo(other.Nanoseconds);

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <(Tai64N left, Tai64N right) => left.CompareTo(right) < 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >(Tai64N left, Tai64N right) => left.CompareTo(right) > 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator <=(Tai64N left, Tai64N right) => left.CompareTo(right) <= 0;

    /// <inheritdoc cref="CompareTo"/>
    public static bool operator >=(Tai64N left, Tai64N right) => left.CompareTo(right) >= 0;
}
