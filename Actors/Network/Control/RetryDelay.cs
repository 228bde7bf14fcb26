namespace Mesh.Actors.Control;

/// <summary>
/// Gives the pauses between attempts: 250 ms, doubling up to 4 s, so that a node is back within 5 s of its controller; each shortened
/// by up to a half at random, so that not all nodes come at once. Not safe for concurrent use.
/// </summary>
public sealed class RetryDelay(Random jitter)
{
    /// <summary>The first pause, before jitter.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    TimeSpan _next = First;

    /// <summary>Gives the next pause.</summary>
    public TimeSpan Next()
    {
        var pause = _next * (1 - jitter.NextDouble() / 2);
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return pause;
    }

    /// <summary>Begins again, after a success.</summary>
    public void Reset() => _next = First;
}
