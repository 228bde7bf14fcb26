namespace Mesh.Tests.Engine.Model;

/// <summary>What happened to one sending of an errand. Counted on any thread.</summary>
sealed class Parcel(int from, int to, int sequence)
{
    int _received;
    int _stashed;
    int _thrownAway;
    int _dead;

    public int From { get; } = from;

    public int To { get; } = to;

    /// <summary>Place in the order of its sender and receiver, from 1.</summary>
    public int Sequence { get; } = sequence;

    /// <summary>Whose end it tells of; 0 if it is an ordinary errand.</summary>
    public int Subject { get; init; }

    /// <summary>Notes a receipt and says whether it was the first.</summary>
    public bool Receive() => Interlocked.Increment(ref _received) == 1;

    public void Stash() => Interlocked.Increment(ref _stashed);

    public void ThrowAway() => Interlocked.Increment(ref _thrownAway);

    public void Bury() => Interlocked.Increment(ref _dead);

    /// <summary>
    /// Each time it is stashed it comes back once more, or ends there; otherwise it ends once: handled, thrown away, or a dead letter.
    /// </summary>
    public bool IsAccountedFor => _received + _thrownAway + _dead == 1 + _stashed;

    public override string ToString() =>
        $"parcel {Sequence} from #{From} to #{To}: received {_received}, stashed {_stashed}, thrown away {_thrownAway}, dead {_dead}";
}
