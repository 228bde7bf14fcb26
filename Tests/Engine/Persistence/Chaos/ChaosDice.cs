namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// Draws that follow from a seed and the name of what they are for: what one entity draws does not depend on when others draw.
/// </summary>
internal sealed class ChaosDice(ulong state)
{
    private ulong _state = state;

    public static ChaosDice For(long seed, string purpose)
    {
        // The runtime's own string hashes differ from run to run.
        var hash = 14695981039346656037UL ^ (ulong)seed;
        foreach (var letter in purpose)
            hash = (hash ^ letter) * 1099511628211UL;
        return new ChaosDice(hash);
    }

    /// <summary>At least 0 and less than 1.</summary>
    public double Next()
    {
        _state += 0x9E3779B97F4A7C15UL;
        var mixed = _state;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9UL;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBUL;
        return ((mixed ^ (mixed >> 31)) >> 11) * (1.0 / (1UL << 53));
    }

    public bool Rolls(double odds) => Next() < odds;

    /// <summary>At least 0 and less than <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(Next() * bound);

    public TimeSpan UpTo(TimeSpan most) => most * Next();

    public T OneOf<T>(ReadOnlySpan<T> choices) => choices[Below(choices.Length)];
}
