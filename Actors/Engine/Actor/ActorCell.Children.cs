namespace Mesh.Actors.Engine.Actor;

sealed partial class ActorCell
{
    const string NameDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+~";

    ChildrenContainer? _children;
    long _nextRandomName = -1;

    bool IsNormal => _children is null || _children.IsNormal;

    bool IsTerminating => _children is not null && _children.IsTerminating;

    public IActorRef ActorOf(Props props, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(props);
        name = name is null ? RandomName() : CheckName(name);
        var child = Children().Add(name, (Cell: this, Props: props), static (childName, state) => new LocalActorRef(
            state.Cell.SystemImpl, state.Props, state.Cell._self.Path.Child(childName, NextUid()), state.Cell._self));
        // Below an actor that has failed everything stands still, and each of its suspensions is going to be resumed below it too.
        for (var left = SuspensionsByFailure; left > 0; left--)
            child.Cell.Mailbox.SuspendMessages();
        child.Cell.Start();
        return child;
    }

    public IActorRef Child(string name) => _children?.Find(name)?.Child ?? (IActorRef)ActorRefs.Nobody;

    public IEnumerable<IActorRef> GetChildren()
    {
        if (_children is null)
            return [];
        var children = _children.Snapshot();
        var refs = new IActorRef[children.Length];
        for (var index = 0; index < refs.Length; index++)
            refs[index] = children[index].Child;
        return refs;
    }

    /// <summary>The cells below this one. From any thread.</summary>
    public IEnumerable<ActorCell> ChildCells() => ChildStats().Select(static stats => stats.Child.Cell);

    public void Stop(IActorRef child)
    {
        ArgumentNullException.ThrowIfNull(child);
        _children?.MarkDying(child);
        ((IInternalActorRef)child).SendSystemMessage(new Dispatch.Terminate());
    }

    /// <summary>Adds the root guardians, whose names and references the system chooses.</summary>
    internal LocalActorRef AddGuardian(LocalActorRef guardian) =>
        Children().Add(guardian.Path.Name, guardian, static (_, state) => state);

    ChildrenContainer Children()
    {
        if (_children is { } children)
            return children;
        Interlocked.CompareExchange(ref _children, new ChildrenContainer(), null);
        return _children;
    }

    ChildRestartStats[] ChildStats() => _children?.Snapshot() ?? [];

    void StopChildren()
    {
        foreach (var stats in ChildStats())
            Stop(stats.Child);
    }

    void SuspendChildren(IActorRef? except, ChildRestartStats[] suspended)
    {
        foreach (var stats in ChildStats())
        {
            if (!stats.Child.Equals(except) && Array.IndexOf(suspended, stats) < 0)
                stats.Child.Suspend();
        }
    }

    void ResumeChildren(Exception? causedByFailure, IActorRef? perpetrator)
    {
        foreach (var stats in ChildStats())
            stats.Child.Resume(perpetrator is not null && stats.Child.Equals(perpetrator) ? causedByFailure : null);
    }

    string RandomName()
    {
        var number = Interlocked.Increment(ref _nextRandomName);
        // The digits go lowest first, as upstream writes them.
        Span<char> name = stackalloc char[12];
        var length = 0;
        name[length++] = '$';
        do
        {
            name[length++] = NameDigits[(int)(number & 63)];
            number >>= 6;
        }
        while (number > 0);
        return new string(name[..length]);
    }

    static string CheckName(string name)
    {
        if (name.Length == 0)
            throw new InvalidActorNameException("Actor name must not be empty.");
        if (!ActorPath.IsValidPathElement(name))
        {
            throw new InvalidActorNameException(
                $"Illegal actor name [{name}]. A name holds ASCII letters, digits and {ActorPath.ValidSymbols}, "
                + "and does not start with $.");
        }
        return name;
    }
}
