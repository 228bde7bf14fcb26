using System.Collections.Immutable;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Sessions;

/// <summary>
/// Tells two machines with one identity from one machine that comes again. A program draws a random instance at its start; one that
/// was replaced by another is gone, unless it comes back: then both live, and one is a copy. Immutable.
/// </summary>
public sealed record InstanceHistory
{
    /// <summary>How long two instances that replace each other are remembered.</summary>
    public static readonly TimeSpan Remembered = TimeSpan.FromHours(1);

    const int Maximum = 4;

    ImmutableList<(string Instance, WallTime At)> _replaced = [];

    InstanceHistory() { }

    /// <summary>Is the history before anything happened.</summary>
    public static InstanceHistory Empty { get; } = new();

    /// <summary>Gets when two machines were last known to live with the identity; null: never.</summary>
    public WallTime? CopiedAt { get; private init; }

    /// <summary>Gets when a stream was last replaced by another instance's.</summary>
    public WallTime At { get; private init; }

    /// <summary>Takes in that a stream of one instance was replaced by one of another, and says whether that shows a copy.</summary>
    /// <param name="former">The instance whose stream was open.</param>
    /// <param name="instance">The instance that opened one.</param>
    /// <param name="now">The time.</param>
    /// <param name="next">The history from here on.</param>
    public bool Replace(string former, string instance, WallTime now, out InstanceHistory next)
    {
        next = this;
        if (string.Equals(former, instance, StringComparison.Ordinal))
            return false;
        var replaced = _replaced.RemoveAll(one => now - one.At > Remembered || string.Equals(one.Instance, former, StringComparison.Ordinal));
        var isBack = replaced.Exists(one => string.Equals(one.Instance, instance, StringComparison.Ordinal));
        replaced = replaced.Add((former, now));
        next = this with { _replaced = replaced.Count > Maximum ? replaced.RemoveAt(0) : replaced, At = now, CopiedAt = isBack ? now : CopiedAt };
        return isBack;
    }
}
