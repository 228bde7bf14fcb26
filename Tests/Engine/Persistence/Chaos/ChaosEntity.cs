using System.Collections.Immutable;

namespace Mesh.Tests.Engine.Persistence.Chaos;

/// <summary>
/// Does with the journal what commands ask for, answers for each event, throws now and then, and writes down what it sees. Its state is
/// the list of its events. A careful command that it knows, from recovery or from a call that is not answered yet, it does not store a
/// second time.
/// </summary>
internal sealed partial class ChaosEntity : ReceivePersistentActor
{
    private readonly ChaosWorld _world;
    private readonly ChaosDice _dice;
    private readonly int _incarnation;
    private readonly HashSet<string> _setAside = new(StringComparer.Ordinal);
    private readonly HashSet<string> _underWay = new(StringComparer.Ordinal);
    private ImmutableList<ChaosEvent> _state = [];
    private int _calls;
    private bool _isTorn;

    public ChaosEntity(string id, ChaosWorld world)
    {
        PersistenceId = id;
        _world = world;
        _dice = world.Draw($"entity {id}");
        _incarnation = world.NextIncarnation(id);
        world.History.Add(new Born(id, _incarnation));
        Recover<SnapshotOffer>(OnOffer);
        Recover<ChaosEvent>(OnReplay);
        Recover<RecoveryCompleted>(_ => OnRecovered());
        CommandAsync<ChaosCommand>(TakeAsync, command => command.Shape == ChaosShape.Awaiting);
        Command<ChaosCommand>(Take);
        Command<AreYouThere>(question => Sender.Tell(question));
        Command<Stumble>(_ => throw new MishapException("stumbling", Directive.Restart));
        Command<SaveSnapshotSuccess>(_ => { });
        Command<SaveSnapshotFailure>(_ => { });
        CommandAny(message => world.History.Add(new Strange(id, $"{_incarnation} is sent {message}")));
    }

    public override string PersistenceId { get; }

    protected override void PreStart()
    {
        if (_dice.Rolls(_world.Odds.FailStart))
            throw new MishapException("starting", Directive.Stop);
    }

    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        var lost = Unwrap(@event);
        _world.History.Add(new Broken(PersistenceId, _incarnation, sequenceNr, lost));
        Sender.Tell(new UnknownReply(lost.Command));
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        var rejected = Unwrap(@event);
        _world.History.Add(new Rejected(PersistenceId, _incarnation, sequenceNr, rejected));
        _underWay.Remove(rejected.Command);
        Sender.Tell(new RejectedReply(rejected.Command));
        if (_dice.Rolls(_world.Odds.PersistRejected))
            PersistOne($"after {rejected.Token}", 0, commandsWait: _dice.Rolls(0.5), OnStored);
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        _world.Figures.RecoveryFailed();
        _world.Figures.CallEnded(reason);
        _world.History.Add(new NotRecovered(PersistenceId, _incarnation, reason.Message));
        if (!IsMeant(reason))
            _world.History.Add(new Strange(PersistenceId, $"{_incarnation} cannot recover: {reason}"));
    }

    /// <summary>True for what a run does on purpose, and what follows from that.</summary>
    private static bool IsMeant(Exception reason) => reason switch
    {
        AggregateException several => several.InnerExceptions.All(IsMeant),
        ChaosException or MishapException or TimeoutException => true,
        _ => ChaosFigures.IsOpenCircuit(reason) || reason.GetType().Name is "JournalWriteException" or "SqliteException",
    };

    private static ChaosEvent Unwrap(object payload) => payload as ChaosEvent ?? ((UnfitEvent)payload).Event;

    private void OnOffer(SnapshotOffer offer)
    {
        _state = (ImmutableList<ChaosEvent>)offer.Snapshot;
        _world.Figures.SnapshotUsed();
        _world.History.Add(new Offered(PersistenceId, _incarnation, offer.Metadata.SequenceNr, _state));
    }

    private void OnReplay(ChaosEvent replayed)
    {
        _world.History.Add(new Replayed(PersistenceId, _incarnation, LastSequenceNr, replayed));
        if (_dice.Rolls(_world.Odds.FailRecover))
            throw new MishapException("recovering", Directive.Stop);
        _state = _state.Add(replayed);
    }

    private void OnRecovered()
    {
        _world.Figures.RecoveredOnce();
        _world.History.Add(new Recovered(PersistenceId, _incarnation, LastSequenceNr, _state));
        if (_dice.Rolls(_world.Odds.PersistRecovered))
            PersistOne($"waking {_incarnation}", 0, commandsWait: _dice.Rolls(0.7), OnStored);
        if (_dice.Rolls(_world.Odds.FailRecovered))
            throw new MishapException("recovered", _dice.OneOf([Directive.Restart, Directive.Resume, Directive.Stop]));
    }

    /// <summary>Handles an event that no client waits for.</summary>
    private void OnStored(ChaosEvent stored)
    {
        NoteHandled(stored);
        _state = _state.Add(stored);
    }

    private void NoteHandled(ChaosEvent stored)
    {
        _world.Figures.EventHandled();
        _world.History.Add(new Handled(PersistenceId, _incarnation, LastSequenceNr, stored));
    }
}
