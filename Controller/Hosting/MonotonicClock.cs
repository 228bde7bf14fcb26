using System.Diagnostics;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Hosting;

/// <summary>Reads the machine's monotonic clock. Safe for concurrent use.</summary>
static class MonotonicClock
{
    /// <summary>Gets the moment.</summary>
    public static Instant Now => new(Stopwatch.GetElapsedTime(0).Ticks);
}
