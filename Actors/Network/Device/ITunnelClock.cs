using System.Diagnostics;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Device;

/// <summary>The clocks of a tunnel. Safe for concurrent use; reading allocates nothing.</summary>
public interface ITunnelClock
{
    /// <summary>Monotonic time.</summary>
    Instant Now { get; }

    /// <summary>Wall-clock time, for the timestamps in handshakes and for people.</summary>
    WallTime WallNow { get; }
}

/// <summary>The machine's clocks.</summary>
public sealed class SystemTunnelClock : ITunnelClock
{
    /// <summary>The one instance.</summary>
    public static readonly SystemTunnelClock Instance = new();

    /// <inheritdoc/>
    public Instant Now => new(Stopwatch.GetElapsedTime(0).Ticks);

    /// <inheritdoc/>
    public WallTime WallNow => WallTime.From(DateTimeOffset.UtcNow);
}
