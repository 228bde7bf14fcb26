namespace Mesh.Tests.Engine.Model;

/// <summary>Watches what hosts do, each on its actor's turn. This one sees nothing.</summary>
class Witness
{
    public static Witness Blind { get; } = new();

    /// <summary>True once nothing new is to be started, so that the world comes to rest.</summary>
    public virtual bool IsCalm => false;

    /// <summary>Returns the errand as it is to be sent.</summary>
    public virtual Errand Sending(HostRecord from, int to, Errand errand) => errand;

    /// <summary>Returns the errand as it is to be sent when an actor has ended.</summary>
    public virtual Errand SendingAtEnd(int subject, Errand errand) => errand;

    /// <summary>Code of the actor begins to run.</summary>
    public virtual void Entering(HostRecord host) { }

    /// <summary>Code of the actor has run.</summary>
    public virtual void Leaving(HostRecord host) { }

    public virtual void Receiving(HostRecord host, object message) { }

    /// <summary>Says whether a message may be stashed.</summary>
    public virtual bool MayStash(object? message) => true;

    public virtual void Stashed(object? message) { }

    /// <summary>A stashed message was thrown away.</summary>
    public virtual void ThrownAway(object message) { }

    public virtual void Watching(HostRecord host, int subject) { }

    public virtual void Unwatching(HostRecord host, int subject) { }

    public virtual void Passing(HostRecord host, int incarnation, Passage passage) { }
}

/// <summary>The points of an instance's life.</summary>
enum Passage
{
    Made,
    Started,
    Restarted,
    Receiving,
    EndingForRestart,
    EndingForGood,
    Disposed,
}
