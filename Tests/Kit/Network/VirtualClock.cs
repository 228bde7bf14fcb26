using Mesh.Protocol.Time;

namespace Mesh.Tests.Kit.Network;

/// <summary>Is a clock that moves only when it is told to; wall time moves along with it.</summary>
public sealed class VirtualClock
{
    static readonly WallTime Origin = WallTime.From(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    /// <summary>Gets the present moment; a clock starts an hour after its origin, so that earlier moments exist.</summary>
    public Instant Now { get; private set; } = new(TimeSpan.TicksPerHour);

    /// <summary>Gets the present wall time.</summary>
    public WallTime Wall => Origin + TimeSpan.FromTicks(Now.Ticks);

    /// <summary>Moves on.</summary>
    public void Advance(TimeSpan duration) => Now += duration;

    /// <summary>Moves on to a moment; earlier ones are ignored.</summary>
    public void AdvanceTo(Instant moment) => Now = Instant.Max(Now, moment);
}
