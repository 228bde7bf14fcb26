namespace Mesh.Actors.Engine.Actor;

/// <summary>Why a cell waits for children that were told to stop.</summary>
enum WaitReason
{
    /// <summary>The actor stopped some of its own accord; nobody waits.</summary>
    None,

    /// <summary>A failed creation is tried again once they are gone.</summary>
    Creation,

    /// <summary>A restart goes on once they are gone.</summary>
    Recreation,

    /// <summary>The cell itself ends once they are gone.</summary>
    Termination,
}

/// <summary>
/// The children of one cell by name, and which of them are about to stop. Safe for concurrent use, because the guardians' children are
/// started from any thread.
/// </summary>
sealed class ChildrenContainer
{
    readonly Dictionary<string, ChildRestartStats> _byName = new(StringComparer.Ordinal);
    readonly Lock _lock = new();
    HashSet<IActorRef>? _dying;
    WaitReason _reason;
    bool _terminated;

    /// <summary>Stands for the children of every cell that has ended without ever having had one.</summary>
    public static ChildrenContainer Terminated { get; } = new() { _terminated = true };

    /// <summary>True unless a restart, a creation or the end of the cell waits for children.</summary>
    public bool IsNormal
    {
        get
        {
            lock (_lock)
                return !_terminated && (_dying is null || _reason == WaitReason.None);
        }
    }

    public bool IsTerminating
    {
        get
        {
            lock (_lock)
                return _terminated || (_dying is not null && _reason == WaitReason.Termination);
        }
    }

    /// <summary>True while a creation or a restart waits for children.</summary>
    public bool IsWaiting
    {
        get
        {
            lock (_lock)
                return _dying is not null && _reason is WaitReason.Creation or WaitReason.Recreation;
        }
    }

    /// <summary>Adds a child under a free name.</summary>
    /// <exception cref="InvalidActorNameException">The name is taken; it is free again once the parent has processed the child's end.</exception>
    /// <exception cref="InvalidOperationException">The parent is stopping.</exception>
    public TChild Add<TChild, TState>(string name, TState state, Func<string, TState, TChild> create)
        where TChild : LocalActorRef
    {
        lock (_lock)
        {
            if (_terminated || (_dying is not null && _reason == WaitReason.Termination))
                throw new InvalidOperationException($"Cannot create child {name} while terminating or terminated.");
            if (_byName.ContainsKey(name))
                throw new InvalidActorNameException($"Actor name \"{name}\" is not unique!");
            var child = create(name, state);
            _byName.Add(name, new ChildRestartStats(child));
            return child;
        }
    }

    public ChildRestartStats? Find(string name)
    {
        lock (_lock)
            return _byName.GetValueOrDefault(name);
    }

    /// <summary>Finds a child by reference, so a namesake of another incarnation is not found.</summary>
    public ChildRestartStats? Find(IActorRef child)
    {
        lock (_lock)
            return _byName.TryGetValue(child.Path.Name, out var stats) && stats.Child.Equals(child) ? stats : null;
    }

    public ChildRestartStats[] Snapshot()
    {
        lock (_lock)
            return InOrder();
    }

    public void MarkDying(IActorRef child)
    {
        lock (_lock)
        {
            if (_terminated || !_byName.TryGetValue(child.Path.Name, out var stats) || !stats.Child.Equals(child))
                return;
            if (_dying is null)
            {
                _dying = [];
                _reason = WaitReason.None;
            }
            _dying.Add(child);
        }
    }

    /// <summary>Says what the cell waits for; false if no child is about to stop, so that there is nothing to wait for.</summary>
    public bool WaitFor(WaitReason reason)
    {
        lock (_lock)
        {
            if (_dying is null)
                return false;
            _reason = reason;
            return true;
        }
    }

    /// <summary>Removes a child that has stopped and returns what may go on because it was the last one waited for.</summary>
    public WaitReason Remove(IActorRef child)
    {
        lock (_lock)
        {
            if (_byName.TryGetValue(child.Path.Name, out var stats) && stats.Child.Equals(child))
                _byName.Remove(child.Path.Name);
            if (_dying is null || !_dying.Remove(child) || _dying.Count > 0)
                return WaitReason.None;
            var reason = _reason;
            _dying = null;
            _reason = WaitReason.None;
            if (reason == WaitReason.Termination)
                _terminated = true;
            return reason;
        }
    }

    /// <summary>
    /// Has every child be about to stop and lets none be added. Returns whom to stop and wait for; if nobody, the cell has ended.
    /// </summary>
    public ChildRestartStats[] Terminate()
    {
        lock (_lock)
        {
            if (_byName.Count == 0)
            {
                _terminated = true;
                return [];
            }
            _dying ??= [];
            foreach (var stats in _byName.Values)
                _dying.Add(stats.Child);
            _reason = WaitReason.Termination;
            return InOrder();
        }
    }

    // As they were started: a dictionary puts a newcomer where another has left.
    ChildRestartStats[] InOrder()
    {
        var children = _byName.Values.ToArray();
        Array.Sort(children, static (left, right) => left.Child.Path.Uid.CompareTo(right.Child.Path.Uid));
        return children;
    }
}
