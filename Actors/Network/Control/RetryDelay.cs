namespace Mesh.Actors.Control;

/// <summary>
/// Gives the pauses between attempts. The first is anything up to 500 ms, so that those who lost a controller together do not come to the
/// next one together; then 500 ms, doubling up to 4 s, each shortened by up to a half at random, so that a node is back within 5 s of its
/// controller. Not safe for concurrent use.
/// </summary>
public sealed class RetryDelay(Random jitter)
{
    /// <summary>The longest first pause.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(4);

    // Null: the first.
    TimeSpan? _last;

    /// <summary>Gives the next pause.</summary>
    public TimeSpan Next()
    {
        if (_last is not { } last)
        {
            _last = First / 2;
            return First * jitter.NextDouble();
        }
        var next = last * 2 < Longest ? last * 2 : Longest;
        _last = next;
        return next * (1 - jitter.NextDouble() / 2);
    }

    /// <summary>Begins again, after a success.</summary>
    public void Reset() => _last = null;
}
