using Mesh.Actors.Engine.Dispatch;

namespace Mesh.Actors.Engine.Actor;

/// <summary>Equality, order and text of references.</summary>
public abstract class ActorRefBase : IActorRef
{
    public abstract ActorPath Path { get; }

    public void Tell(object message, IActorRef? sender) => TellInternal(message, sender);

    protected abstract void TellInternal(object message, IActorRef? sender);

    public bool Equals(IActorRef? other) =>
        ReferenceEquals(this, other) || (other is not null && Path.Uid == other.Path.Uid && Path.Equals(other.Path));

    public override bool Equals(object? obj) => obj is IActorRef other && Equals(other);

    public override int GetHashCode() => Path.RefHashCode;

    public int CompareTo(IActorRef? other)
    {
        if (other is null)
            return 1;
        var byPath = Path.CompareTo(other.Path);
        return byPath != 0 ? byPath : Path.Uid.CompareTo(other.Path.Uid);
    }

    public int CompareTo(object? obj) => obj switch
    {
        null => 1,
        IActorRef other => CompareTo(other),
        _ => throw new ArgumentException("Only a reference can be compared with a reference.", nameof(obj)),
    };

    public override string ToString() => $"[{Path}#{Path.Uid}]";
}

/// <summary>A reference without a mailbox: what is told to it is handled on the teller's thread.</summary>
abstract class MinimalActorRef : ActorRefBase, IInternalActorRef
{
    public abstract ActorSystemImpl System { get; }

    public virtual IInternalActorRef Parent => Nobody.Instance;

    public virtual bool IsTerminated => false;

    protected override void TellInternal(object message, IActorRef? sender) { }

    public virtual void SendSystemMessage(SystemMessage message) { }
}
