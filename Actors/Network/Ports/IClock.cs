using Mesh.Protocol.Time;

namespace Mesh.Actors.Ports;

/// <summary>
/// Gives the time that decisions are made at: the database's clock where several controllers share one, else the machine's. Maps, hints,
/// certificates and delegations carry it too, so that all controllers say one time; nodes judge it by their own clocks and their floor.
/// Safe for concurrent use.
/// </summary>
public interface IClock
{
    /// <summary>Gets the wall-clock time now.</summary>
    WallTime Now { get; }
}

/// <summary>Is the machine's own clock.</summary>
public sealed class MachineClock : IClock
{
    /// <inheritdoc/>
    public WallTime Now => WallTime.From(DateTimeOffset.UtcNow);
}
