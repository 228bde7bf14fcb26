using Mesh.Actors.Engine.Actor;

namespace Mesh.Actors.Engine.Dispatch;

/// <summary>
/// An unbounded queue for many writers and one reader: a linked list that writers extend by one exchange (D. Vyukov's intrusive MPSC
/// node-based queue), with a stack of prepended messages that only the reader touches. One node is allocated for each message.
/// </summary>
struct MessageQueue
{
    Node _newest;
    Node _read;
    Node? _prepended;

    public MessageQueue() => _newest = _read = new Node();

    /// <summary>True if a message is queued or just being queued.</summary>
    public readonly bool HasMessages =>
        Volatile.Read(in _prepended) is not null || !ReferenceEquals(Volatile.Read(in _newest), Volatile.Read(in _read));

    /// <summary>Appends a message. From any thread.</summary>
    public void Enqueue(object message, IActorRef? sender)
    {
        var node = new Node { Message = message, Sender = sender };
        var before = Interlocked.Exchange(ref _newest, node);
        Volatile.Write(ref before.Next, node);
    }

    /// <summary>Puts a message before all others. From the reader only.</summary>
    public void EnqueueFirst(object message, IActorRef? sender) =>
        _prepended = new Node { Message = message, Sender = sender, Next = _prepended };

    /// <summary>Takes the oldest message. From the reader only.</summary>
    public bool TryDequeue(out object message, out IActorRef? sender)
    {
        if (_prepended is { } first)
        {
            _prepended = first.Next;
            message = first.Message!;
            sender = first.Sender;
            return true;
        }

        var read = _read;
        if (ReferenceEquals(Volatile.Read(ref _newest), read))
        {
            message = null!;
            sender = null;
            return false;
        }

        // A writer between its exchange and its link leaves a gap for a few instructions.
        Node? next;
        var spin = default(SpinWait);
        while ((next = Volatile.Read(ref read.Next)) is null)
            spin.SpinOnce();

        message = next.Message!;
        sender = next.Sender;
        next.Message = null;
        next.Sender = null;
        // Without this an old node would keep all younger ones from the young collections.
        read.Next = null;
        Volatile.Write(ref _read, next);
        return true;
    }

    sealed class Node
    {
        public object? Message;
        public IActorRef? Sender;
        public Node? Next;
    }
}
