namespace Mesh.Actors.Control;

/// <summary>
/// Gives the pauses between attempts: 250 ms, doubling up to 5 s, each shortened by up to a half at random, so that the nodes of
/// a controller that comes back do not all come at once. Not safe for concurrent use.
/// </summary>
public sealed class RetryDelay(Random jitter)
{
    /// <summary>The first pause, before jitter.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

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
