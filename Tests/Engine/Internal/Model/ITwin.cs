namespace Mesh.Tests.Engine.Model;

/// <summary>One of the two worlds that are driven in lock step: what a step can do to it, and what can be seen of it after.</summary>
interface ITwin : IWorld
{
    /// <summary>Everything that was written down so far.</summary>
    IReadOnlyList<string> Trace { get; }

    /// <summary>Who would run if it got a turn, in order of number.</summary>
    IReadOnlyList<int> Runnable { get; }

    /// <summary>Who has not ended, in order of number.</summary>
    IReadOnlyList<int> Living { get; }

    /// <summary>How many gates errands have waited at, open ones included.</summary>
    int Gates { get; }

    void RunTurn(int actor);

    void Tell(int to, Errand errand, int from);

    void Send(int to, Signal signal);

    /// <summary>Starts an actor below the guardian.</summary>
    int Spawn(ActorSpec spec, string? name);

    void Stop(int actor);

    void Publish(Announcement announcement);

    void Advance(TimeSpan time);

    /// <summary>Lets an errand go on, or fail.</summary>
    void OpenGate(int gate, FailureKind? failure);

    /// <summary>Stops the guardian, and so everything.</summary>
    void StopAll();

    /// <summary>Names an actor that is alive and cannot go on by itself, or returns null.</summary>
    string? Stuck();
}
