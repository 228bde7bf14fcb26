namespace Mesh.Bench.Actors;

/// <summary>The lower and the upper end of what has been measured, in the unit of the row.</summary>
readonly record struct Ends(double Lower, double Upper);

/// <summary>
/// What Akka.NET 1.5.31 does on a machine with two processors. Where Mesh sets itself no goal of its own, the lower end is the target.
/// </summary>
static class AkkaNet
{
    public const string Name = "Akka.NET 1.5.31";

    /// <summary>Millions of messages a second from one thread to one actor.</summary>
    public static readonly Ends TellOfOne = new(15, 23);

    /// <summary>Millions of messages a second from two threads to one actor.</summary>
    public static readonly Ends TellOfTwo = new(10, 15);

    /// <summary>Millions of messages a second between the two actors of one pair.</summary>
    public static readonly Ends PingPongOfOne = new(4, 9);

    /// <summary>Millions of messages a second within four pairs together.</summary>
    public static readonly Ends PingPongOfFour = new(7, 20);

    /// <summary>Microseconds of one ask after the other.</summary>
    public static readonly Ends Ask = new(1.6, 2.0);

    /// <summary>Microseconds of an actor from shared props.</summary>
    public static readonly Ends Spawn = new(18, 18);

    /// <summary>Bytes of heap of an actor from shared props.</summary>
    public static readonly Ends Idle = new(4300, 4300);

    /// <summary>Thousands of events a second into the memory journal.</summary>
    public static readonly Ends Persist = new(120, 195);
}

/// <summary>What Mesh's engine is to do where that is more than to keep up.</summary>
static class Goals
{
    /// <summary>Microseconds of an actor from shared props.</summary>
    public const double Spawn = 4;

    /// <summary>Bytes of heap of an idle actor.</summary>
    public const double Idle = 1500;

    /// <summary>Bytes allocated for a message.</summary>
    public const double Tell = 0;
}
