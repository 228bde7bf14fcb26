namespace Mesh.Actors.Engine.Diagnostics;

/// <summary>What an actor is doing.</summary>
public enum ActorActivity
{
    /// <summary>It has nothing to do.</summary>
    Idle,

    /// <summary>It runs, or its turn is next.</summary>
    Busy,

    /// <summary>Its constructor has not run yet, or is to be tried again.</summary>
    Starting,

    /// <summary>The task of an asynchronous handler has not ended.</summary>
    Awaiting,

    /// <summary>It has failed, or one above it has, and the supervisor has not decided yet.</summary>
    Suspended,

    /// <summary>Its restart waits for children that stop.</summary>
    Restarting,

    /// <summary>It waits for its children to stop, and then stops itself.</summary>
    Stopping,
}

/// <summary>One actor of the living tree. The numbers are of one moment each, not all of the same one.</summary>
/// <param name="Name">The last element of its path.</param>
/// <param name="Type">The class, without its namespace.</param>
/// <param name="Activity">What it is doing.</param>
/// <param name="Messages">User messages handled so far.</param>
/// <param name="Restarts">How often its instance was replaced.</param>
/// <param name="Depth">User messages that wait.</param>
/// <param name="Deepest">The most user messages that waited when a turn began.</param>
/// <param name="Stashed">Messages set aside.</param>
/// <param name="Children">Those below it, by name.</param>
public sealed record ActorEntry(
    string Name, string Type, ActorActivity Activity, long Messages, int Restarts, int Depth, int Deepest, int Stashed,
    IReadOnlyList<ActorEntry> Children);

/// <summary>All actors of one class together, the stopped ones included.</summary>
/// <param name="Type">The class, without its namespace.</param>
/// <param name="Alive">Actors that live.</param>
/// <param name="Started">Actors that were ever started.</param>
/// <param name="Messages">User messages handled.</param>
/// <param name="Restarts">Instances replaced.</param>
/// <param name="Stashed">Messages ever set aside.</param>
/// <param name="Deepest">The most user messages that waited in one mailbox when a turn began.</param>
public sealed record ActorTypeEntry(string Type, int Alive, long Started, long Messages, long Restarts, long Stashed, int Deepest);

/// <summary>The actors of one system.</summary>
/// <param name="System">The system's name.</param>
/// <param name="Root">The actor at the top.</param>
/// <param name="Types">The counters of each class, by name.</param>
public sealed record ActorReport(string System, ActorEntry Root, IReadOnlyList<ActorTypeEntry> Types);
