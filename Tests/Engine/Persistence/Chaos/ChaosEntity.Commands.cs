namespace Mesh.Tests.Engine.Persistence.Chaos;

internal sealed partial class ChaosEntity
{
    private async Task TakeAsync(ChaosCommand command)
    {
        NoteTaken(command);
        await Task.Yield();
        Carry(command);
    }

    private void Take(ChaosCommand command)
    {
        NoteTaken(command);
        if (command.Shape == ChaosShape.Later && _setAside.Add(command.Id))
            Stash.Stash();
        else
            Carry(command);
    }

    private void NoteTaken(ChaosCommand command)
    {
        _world.History.Add(new Taken(PersistenceId, _incarnation, command.Client, command.Id, command.Number));
        MaybeSaveSnapshot();
    }

    private void MaybeSaveSnapshot()
    {
        if (!_isTorn && _dice.Rolls(_world.Odds.Snapshot))
            SaveSnapshot(_state);
    }

    private void Carry(ChaosCommand command)
    {
        if (command.IsCareful && IsKnown(command))
            return;
        if (command.IsCareful)
            _underWay.Add(command.Id);
        PersistFor(command);
        if (command.Mishap == ChaosMishap.AfterCalls)
            throw new MishapException("after the calls", command.Directive);
    }

    private bool IsKnown(ChaosCommand command)
    {
        if (_state.Find(each => each.Command == command.Id) is { } known)
            Sender.Tell(new StoredReply(command.Id, known.Token, 0, Again: true));
        else if (!_underWay.Contains(command.Id))
            return false;
        return true;
    }

    private void PersistFor(ChaosCommand command)
    {
        void Reply(ChaosEvent stored) => OnStored(command, stored);
        switch (command.Shape)
        {
            case ChaosShape.One or ChaosShape.Later or ChaosShape.Awaiting:
                PersistOne(command.Id, 0, true, Reply, command.IsUnfit);
                break;
            case ChaosShape.OneAsync:
                PersistOne(command.Id, 0, false, Reply, command.IsUnfit);
                break;
            case ChaosShape.Several:
                for (var part = 0; part < command.Size; part++)
                    PersistOne(command.Id, part, true, Reply, command.IsUnfit && part == 0);
                break;
            case ChaosShape.All or ChaosShape.AllAsync:
                PersistTogether(command.Id, 0, command.Size, command.Shape == ChaosShape.All, Reply, command.IsUnfit);
                break;
            case ChaosShape.Nested or ChaosShape.NestedInAsync:
                PersistOne(command.Id, 0, command.Shape == ChaosShape.Nested, stored =>
                {
                    // First, for the reply may throw.
                    PersistOne(command.Id, 1, true, Reply, command.IsUnfit);
                    Reply(stored);
                });
                break;
            case ChaosShape.Deferring:
                PersistOne(command.Id, 0, _dice.Rolls(0.5), Reply, command.IsUnfit);
                Defer();
                break;
            case ChaosShape.Mixed:
                PersistOne(command.Id, 0, false, Reply);
                PersistOne(command.Id, 1, true, Reply, command.IsUnfit);
                Defer();
                PersistTogether(command.Id, 2, command.Size, _dice.Rolls(0.5), Reply);
                break;
        }
    }

    private void PersistOne(string command, int part, bool commandsWait, Action<ChaosEvent> handler, bool isUnfit = false) =>
        PersistTogether(command, part, 0, commandsWait, handler, isUnfit);

    /// <summary>Persists one event when <paramref name="size"/> is 0, else that many, all or none.</summary>
    private void PersistTogether(string command, int part, int size, bool commandsWait, Action<ChaosEvent> handler, bool isUnfit = false)
    {
        var batch = $"{_incarnation}.{_calls + 1}";
        var events = Enumerable.Range(part, Math.Max(size, 1))
            .Select(each => new ChaosEvent($"{_incarnation}.{++_calls}", command, each, batch, Math.Max(size, 1)))
            .ToList();
        foreach (var each in events)
            _world.History.Add(new Called(PersistenceId, _incarnation, each, commandsWait));

        // What is unfit never reaches its handler.
        var payloads = events.Select((each, index) => isUnfit && index == events.Count - 1 ? (object)new UnfitEvent(each) : each).ToList();
        void Handle(object stored) => handler(Unwrap(stored));
        switch (size, commandsWait)
        {
            case (0, true):
                Persist(payloads[0], Handle);
                break;
            case (0, false):
                PersistAsync(payloads[0], Handle);
                break;
            case (_, true):
                PersistAll(payloads, Handle);
                break;
            default:
                PersistAllAsync(payloads, Handle);
                break;
        }
    }

    private void Defer()
    {
        var token = $"{_incarnation}.{++_calls}";
        _world.History.Add(new DeferCalled(PersistenceId, _incarnation, token));
        DeferAsync(token, deferred => _world.History.Add(new DeferHandled(PersistenceId, _incarnation, deferred)));
    }

    private void OnStored(ChaosCommand command, ChaosEvent stored)
    {
        NoteHandled(stored);
        if (command.Mishap == ChaosMishap.BeforeApplying && stored.Part == 0)
        {
            // Resumed, this instance goes on without the event; what it then took for a snapshot would lack it for ever.
            _isTorn = true;
            throw new MishapException("before applying", command.Directive);
        }

        _state = _state.Add(stored);
        _underWay.Remove(command.Id);
        Sender.Tell(new StoredReply(command.Id, stored.Token, LastSequenceNr, Again: false));
        if (command.TakesBack)
            Stash.UnstashAll();
        MaybeSaveSnapshot();
        if (command.Mishap == ChaosMishap.AfterReply && stored.Part == 0)
            throw new MishapException("after the reply", command.Directive);
    }
}
