namespace Mesh.Tests.Engine.Model;

/// <summary>What a script may do on its actor's turn. Actors are known by number, in both worlds the same.</summary>
interface IStage
{
    int Self { get; }

    int Depth { get; }

    /// <summary>True if the incarnation that the script belongs to has had its last hook.</summary>
    bool IsOver { get; }

    int Sender { get; }

    int Parent { get; }

    IReadOnlyList<int> Children { get; }

    int Child(string name);

    void Tell(int to, Errand errand, bool anonymous);

    void Forward(int to, Errand errand);

    void Send(int to, Signal signal);

    /// <summary>Starts a child and returns its number.</summary>
    int Spawn(ActorSpec spec, string? name);

    void Stop(int actor);

    void Watch(int actor, Errand? with);

    void Unwatch(int actor);

    void Become(int behaviour, bool stacked);

    void Unbecome();

    void Stash();

    void Unstash();

    void UnstashAll(int? colour);

    /// <summary>Empties the stash and returns how many messages were in it.</summary>
    int ClearStash();

    void StartTimer(string key, object payload, TimeSpan initial, TimeSpan? interval);

    void CancelTimer(string? key);

    void SetReceiveTimeout(TimeSpan? timeout);

    void Subscribe(Channel channel, bool on);

    void Publish(Announcement announcement);

    /// <summary>Stash, timers and receive timeout, as the actor sees them.</summary>
    string Inspect();

    void Throw(FailureKind kind, int number);

    /// <summary>Says in the words of both worlds what an exception is.</summary>
    string Describe(Exception failure);
}

/// <summary>What scripts share beyond their own actor.</summary>
interface IWorld
{
    /// <summary>How many actors were ever started.</summary>
    int Spawned { get; }

    /// <summary>How many actors have not ended.</summary>
    int Alive { get; }

    bool IsAlive(int actor);

    /// <summary>The path of an actor, from the root.</summary>
    string PathOf(int actor);

    /// <summary>Adds a line to the trace.</summary>
    void Write(string line);
}

/// <summary>The numbers of those who are no actors.</summary>
static class Nobodies
{
    public const int Guardian = 0;
    public const int DeadLetters = -1;
    public const int Nobody = -2;
    public const int Engine = -3;
}
