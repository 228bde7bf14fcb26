using Mesh.Actors.Audit;
using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Actors.Retention;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Projection;

/// <summary>Brings a new view to whoever tells nodes of it.</summary>
/// <param name="Before">The view that the last one brought.</param>
/// <param name="View">The new one.</param>
/// <param name="Changes">What led from one to the other, in order.</param>
/// <param name="Removals">The nodes that were taken out in between, those included that had come in between too.</param>
sealed record ViewCommitted(
    NetworkView Before, NetworkView View, IReadOnlyList<ViewChange> Changes, IReadOnlyDictionary<NodeId, TakenOut> Removals)
{
    /// <summary>Computes the nodes whose body may differ: some change named each of them.</summary>
    public IReadOnlySet<NodeId> Affected()
    {
        if (Changes.Count == 1)
            return Changes[0].Affected;
        var affected = new HashSet<NodeId>();
        foreach (var change in Changes)
            affected.UnionWith(change.Affected);
        return affected;
    }
}

/// <summary>Is a removal: the ordering of its event, the node's name, and the peers that it had until then.</summary>
sealed record TakenOut(long Ordering, string Name, IReadOnlyList<NodeId> Peers);

/// <summary>Says whom the tail drives.</summary>
sealed record TailServices(
    IJournalTail Journal, NetworkViewFeed Feed, EntitySnapshots Snapshots, IClock Clock, ControllerOptions Options, IActorRef Credentials,
    IActorRef Nodes, IActorRef Users, IActorRef Tokens, IActorRef Singletons, IActorRef Sessions, AuditTrail Trail);

/// <summary>
/// Follows the journal into the projection and hands out each new view, revisions only ever growing. It also sees to what follows
/// from an event on another entity: a committed enrollment registers its node, a removed node frees its name. The controller that
/// decided the event does that at once; this one only where nobody did within a moment, so that not all controllers do the same work.
/// Supervises nothing; after a failure it goes on from the last view handed out.
/// </summary>
sealed class TailActor : ReceiveActor, IWithTimers, IDisposable
{
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    static readonly TimeSpan LeaveToOthers = TimeSpan.FromSeconds(1);
    static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(10);

    readonly TailServices _services;
    readonly CancellationTokenSource _stopping = new();
    readonly ILoggingAdapter _log = Context.GetLogger();
    readonly Dictionary<string, long> _dueAt = new(StringComparer.Ordinal);
    bool _hasCaughtUp;
    NetworkView _view;
    FoldedEntities? _folded;
    PrunedEntities _pruned = PrunedEntities.None;

    public TailActor(TailServices services)
    {
        _services = services;
        _view = services.Feed.Current;
        // Of a view that did not begin with the journal's first event there is nothing to go on from: then entities replay.
        _folded = services.Snapshots.Current is var folded && folded.Revision == _view.Revision ? folded : null;
        Receive<Read>(_ => StartReading());
        Receive<Batch>(batch => Take(batch.Events));
        Receive<ReadFailed>(failed =>
        {
            _log.Error(failed.Cause, "the journal cannot be followed beyond {0}", _view.Revision);
            Timers.StartSingleTimer("read", new Read(), RetryAfter);
        });
        // Answers to what this actor drove: what failed is driven again.
        ReceiveAny(_ => { });
    }

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Self.Tell(new Read());

    protected override void PostStop() => _stopping.Cancel();

    public void Dispose() => _stopping.Dispose();

    void StartReading() => _services.Journal.ReadAsync(_view.Revision, _services.Options.TailBatch, _stopping.Token)
        .PipeTo(Self, success: events => new Batch(events), failure: cause => new ReadFailed(cause));

    void StartWaiting() => _services.Journal.WaitAsync(_view.Revision, _services.Options.TailInterval, _stopping.Token).AsTask()
        .PipeTo(Self, success: () => new Read(), failure: cause => new ReadFailed(cause));

    void Take(IReadOnlyList<JournalEvent> events)
    {
        if (!TryFold(events))
            return;
        var isCaughtUp = events.Count < _services.Options.TailBatch;
        if (!isCaughtUp)
        {
            Self.Tell(new Read());
            return;
        }
        DriveWhatFollows();
        StartWaiting();
    }

    bool TryFold(IReadOnlyList<JournalEvent> events)
    {
        var (before, view, folded, pruned) = (_view, _view, _folded, _pruned);
        var changes = new List<ViewChange>(events.Count);
        var heads = new List<AuditHead>(events.Count);
        var removals = new Dictionary<NodeId, TakenOut>();
        try
        {
            foreach (var journaled in events)
            {
                var happened = NetworkEvents.Read(journaled);
                pruned = pruned.Apply(journaled, happened, view);
                var change = view.Apply(journaled.Ordering, happened);
                if (change.Removed is { } removed)
                    removals[removed] = new TakenOut(journaled.Ordering, view.Nodes[removed].Name, [.. view.PeersOf(removed).Keys]);
                view = change.View.Chain(journaled);
                heads.Add(view.Audit);
                folded = folded?.Apply(journaled, happened);
                changes.Add(change);
            }
            if (events.Count < _services.Options.TailBatch)
                pruned.End();
        }
        catch (Exception cause) when (cause is Persistence.UnknownEventException or InvalidDataException)
        {
            // Going on without an event would show nodes and admins a network that does not exist.
            Self.Tell(new ReadFailed(cause));
            return false;
        }
        if (events.Count == 0)
            return true;
        (_view, _folded, _pruned) = (view, folded, pruned);
        foreach (var head in heads)
            _services.Trail.Add(head);
        // In this order: an entity that is told that it is behind starts again from where it is not; whoever waits for the view and then asks
        // the sessions or an entity finds them as far.
        if (folded is not null)
            _services.Snapshots.Publish(folded);
        _services.Sessions.Tell(new ViewCommitted(before, view, changes, removals));
        foreach (var journaled in events)
            TellEntity(journaled);
        _services.Feed.Publish(view);
        return true;
    }

    void TellEntity(JournalEvent journaled)
    {
        var (parent, id) = journaled.PersistenceId.Split('-', 2) switch
        {
            ["credential", var credential] => (_services.Credentials, credential),
            ["node", var node] => (_services.Nodes, node),
            ["user", var user] => (_services.Users, user),
            ["token", var token] => (_services.Tokens, token),
            _ => (_services.Singletons, journaled.PersistenceId),
        };
        parent.Tell(new JournalAdvanced(id, journaled.SequenceNr));
    }

    /// <summary>Is the command that enters the machine of a committed enrollment; the same one whoever gives it.</summary>
    public static EntityRequest Registration(CredentialId credential, EnrolledNode node, ControllerOptions options) => new(
        node.Id.ToString(),
        new RegisterNode(new Cause($"node:{node.Id}", $"register-{credential}-{node.Id}"), credential, node, options.NodeExpiry));

    /// <summary>Is the command that frees what a removed node had; the same one whoever gives it.</summary>
    public static EntityRequest Release(NodeView node) => new(
        "allocations", new Enrollment.ReleaseAllocation(new Cause(Cause.System, $"release-{node.Credential}-{node.Id}"), node.Id, node.Credential));

    void DriveWhatFollows()
    {
        if (_view.PendingRegistrations.IsEmpty && _view.PendingReleases.IsEmpty)
            _dueAt.Clear();
        foreach (var ((credential, node), used) in _view.PendingRegistrations)
        {
            if (IsDue($"register-{credential}-{node}"))
                _services.Nodes.Tell(Registration(credential, used.Node, _services.Options));
        }
        foreach (var gone in _view.PendingReleases)
        {
            if (IsDue($"release-{_view.Nodes[gone].Credential}-{gone}"))
                _services.Singletons.Tell(Release(_view.Nodes[gone]));
        }
        _hasCaughtUp = true;
    }

    // What was left undone before this controller started is nobody's in particular.
    bool IsDue(string command)
    {
        var now = Environment.TickCount64;
        var known = _dueAt.TryGetValue(command, out var dueAt);
        var isDue = known ? now >= dueAt : !_hasCaughtUp;
        if (isDue || !known)
            _dueAt[command] = now + (long)(isDue ? RepeatAfter : LeaveToOthers * (1 + Random.Shared.NextDouble())).TotalMilliseconds;
        return isDue;
    }

    sealed record Read;

    sealed record Batch(IReadOnlyList<JournalEvent> Events);

    sealed record ReadFailed(Exception Cause);
}
