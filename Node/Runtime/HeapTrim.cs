namespace Mesh.Node.Runtime;

/// <summary>
/// Gives memory back to the system after work that happens once and needs much: starting, and taking in a large table. A daemon that then does nothing
/// allocates nothing, and so would never collect what is left of it. Safe for concurrent use.
/// </summary>
static class HeapTrim
{
    // Until then what led here has let go of what it worked with; changes that follow each other are collected once.
    static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    static readonly Timer _timer = new(static _ => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true));

    /// <summary>Collects once nobody has asked for it for a second. It stops all threads for tens of milliseconds.</summary>
    public static void Soon() => _timer.Change(Settling, Timeout.InfiniteTimeSpan);
}
