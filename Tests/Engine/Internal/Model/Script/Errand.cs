namespace Mesh.Tests.Engine.Model;

/// <summary>A message that carries what its receiver is to do.</summary>
class Errand(int number, int colour, IReadOnlyList<Op> ops)
{
    /// <summary>How many colours there are; behaviours take some and not others.</summary>
    public const int Colours = 3;

    public int Number { get; } = number;

    public int Colour { get; } = colour;

    public IReadOnlyList<Op> Ops { get; } = ops;

    /// <summary>True if it is handled asynchronously.</summary>
    public bool Waits { get; } = ops.Any(static op => op is AwaitOp);

    /// <summary>Tells one sending of this errand from all others, where somebody counts them.</summary>
    public Parcel? Parcel { get; private set; }

    public Errand With(Parcel? parcel)
    {
        var copy = (Errand)MemberwiseClone();
        copy.Parcel = parcel;
        return copy;
    }

    public override string ToString() => $"e{Number}";
}

/// <summary>An errand that does not push the receive timeout back.</summary>
sealed class QuietErrand(int number, int colour, IReadOnlyList<Op> ops) : Errand(number, colour, ops), INotInfluenceReceiveTimeout;

/// <summary>An errand that nobody misses if it cannot be delivered.</summary>
sealed class FaintErrand(int number, int colour, IReadOnlyList<Op> ops) : Errand(number, colour, ops), IDeadLetterSuppression;

/// <summary>The messages that mean something to the engine itself.</summary>
enum Signal
{
    Pill,
    Kill,
    Identify,
}

/// <summary>Something for the event stream.</summary>
class Announcement(int number)
{
    public int Number { get; } = number;

    public override string ToString() => $"news {Number}";
}

/// <summary>Marks announcements, so that one can subscribe by interface.</summary>
interface ILoud;

/// <summary>An announcement that can also be had by its marker.</summary>
sealed class LoudAnnouncement(int number) : Announcement(number), ILoud
{
    public override string ToString() => $"loud news {Number}";
}

/// <summary>What can be subscribed to.</summary>
enum Channel
{
    /// <summary>Every announcement, by its base class.</summary>
    All,

    /// <summary>Loud announcements, by their class.</summary>
    Loud,

    /// <summary>Loud announcements, by their interface.</summary>
    LoudByInterface,
}

/// <summary>How things fail: by what scripts throw, and by what the engine throws.</summary>
enum FailureKind
{
    Apple,
    Berry,
    Cherry,

    /// <summary>Constructor, PreStart or PostRestart threw.</summary>
    Initialization,
    Killed,
    DeathPact,

    /// <summary>A call that the engine refuses: a name that is taken, a message stashed twice.</summary>
    Complaint,
}
