namespace Mesh.Actors.Engine.Actor;

/// <summary>A stash in front of a cell's mailbox.</summary>
sealed class MailboxStash(ActorCell cell, int capacity) : IStash
{
    LinkedList<Envelope>? _stashed;
    long _lastEnvelopeId = -1;

    public int Count => _stashed?.Count ?? 0;

    public bool IsEmpty => Count == 0;

    public bool NonEmpty => Count > 0;

    public bool IsFull => capacity > 0 && Count >= capacity;

    public int Capacity => capacity;

    public void Stash()
    {
        var message = cell.MessageInHand ?? throw new IllegalActorStateException("There is no message in hand to stash.");
        if (cell.CurrentEnvelopeId == _lastEnvelopeId)
            throw new IllegalActorStateException($"Can't stash the same message {message} more than once");
        if (IsFull)
            throw new StashOverflowException($"Couldn't enqueue message {message} from {cell.Sender} to stash of {cell.Self}");
        _lastEnvelopeId = cell.CurrentEnvelopeId;
        (_stashed ??= []).AddLast(new Envelope(message, cell.Sender));
        cell.Stashed++;
        cell.StashedInAll++;
    }

    public void Unstash()
    {
        if (_stashed?.First is not { } first)
            return;
        _stashed.RemoveFirst();
        cell.Stashed--;
        EnqueueFirst(first.Value);
    }

    public void UnstashAll() => UnstashAll(static _ => true);

    public void UnstashAll(Func<Envelope, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(predicate);
        if (Take() is not { } stashed)
            return;
        for (var node = stashed.Last; node is not null; node = node.Previous)
        {
            if (predicate(node.Value))
                EnqueueFirst(node.Value);
        }
    }

    public IEnumerable<Envelope> ClearStash() => Take() ?? Enumerable.Empty<Envelope>();

    public void Prepend(IEnumerable<Envelope> envelopes)
    {
        ArgumentNullException.ThrowIfNull(envelopes);
        _stashed ??= [];
        foreach (var envelope in envelopes.Distinct().Reverse())
        {
            _stashed.AddFirst(envelope);
            cell.Stashed++;
        }
    }

    LinkedList<Envelope>? Take()
    {
        var stashed = _stashed;
        _stashed = null;
        cell.Stashed -= stashed?.Count ?? 0;
        return stashed;
    }

    void EnqueueFirst(Envelope envelope)
    {
        cell.Mailbox.EnqueueFirst(envelope);
        if (envelope.Message is Terminated terminated)
            cell.TerminatedQueuedFor(terminated.ActorRef, null);
    }
}
