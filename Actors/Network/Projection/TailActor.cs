using Mesh.Actors.Audit;
using Mesh.Actors.Events;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Protocol.Audit;
using Mesh.Protocol.Identity;

namespace Mesh.Actors.Projection;

/// <summary>Brings a new view to whoever tells nodes of it.</summary>
/// <param name="Before">The view that the last one brought.</param>
/// <param name="View">The new one.</param>
/// <param name="Affected">The nodes whose body differs.</param>
/// <param name="Removals">The nodes that were taken out, and by which event.</param>
sealed record ViewCommitted(NetworkView Before, NetworkView View, IReadOnlySet<NodeId> Affected, IReadOnlyDictionary<NodeId, long> Removals);

/// <summary>Says whom the tail drives.</summary>
sealed record TailServices(
    IJournalTail Journal, NetworkViewFeed Feed, IClock Clock, ControllerOptions Options, IActorRef Credentials, IActorRef Nodes, IActorRef Users,
    IActorRef Tokens, IActorRef Singletons, IActorRef Sessions, AuditTrail Trail);

/// <summary>
/// Follows the journal into the projection and hands out each new view, revisions only ever growing. It also sees to what follows
/// from an event on another entity: a committed enrollment registers its node, a removed node frees its name. Supervises nothing;
/// after a failure it goes on from the last view handed out.
/// </summary>
sealed class TailActor : ReceiveActor, IWithTimers, IDisposable
{
    static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);
    static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(10);

    readonly TailServices _services;
    readonly CancellationTokenSource _stopping = new();
    readonly ILoggingAdapter _log = Context.GetLogger();
    readonly Dictionary<string, long> _driven = new(StringComparer.Ordinal);
    NetworkView _view;

    public TailActor(TailServices services)
    {
        _services = services;
        _view = services.Feed.Current;
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
        if (events.Count > 0 && !TryFold(events))
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
        var (before, view) = (_view, _view);
        var affected = new HashSet<NodeId>();
        var heads = new List<AuditHead>(events.Count);
        var removals = new Dictionary<NodeId, long>();
        try
        {
            foreach (var journaled in events)
            {
                if (NetworkEvents.Manifests.Decode(journaled.Payload.Span, journaled.Manifest) is not INetworkEvent happened)
                    throw new InvalidDataException($"'{journaled.Manifest}' at {journaled.Ordering} is no event of a network");
                var change = view.Apply(journaled.Ordering, happened);
                foreach (var node in change.Affected)
                {
                    if (change.View.Nodes[node].Removed is not null && view.Nodes.GetValueOrDefault(node) is { IsPresent: true })
                        removals[node] = journaled.Ordering;
                }
                view = change.View.Chain(journaled);
                heads.Add(view.Audit);
                affected.UnionWith(change.Affected);
            }
        }
        catch (Exception cause) when (cause is Persistence.UnknownEventException or InvalidDataException)
        {
            // Going on without an event would show nodes and admins a network that does not exist.
            Self.Tell(new ReadFailed(cause));
            return false;
        }
        _view = view;
        foreach (var head in heads)
            _services.Trail.Add(head);
        // In this order: whoever waits for the view and then asks the sessions finds them as far.
        _services.Sessions.Tell(new ViewCommitted(before, view, affected, removals));
        _services.Feed.Publish(view);
        foreach (var journaled in events)
            TellEntity(journaled);
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

    void DriveWhatFollows()
    {
        if (_view.PendingRegistrations.IsEmpty && _view.PendingReleases.IsEmpty)
        {
            _driven.Clear();
            return;
        }
        foreach (var (credential, used) in _view.PendingRegistrations)
        {
            var command = $"register-{credential}";
            if (IsDue(command))
                _services.Nodes.Tell(new EntityRequest(
                    used.Node.Id.ToString(), new RegisterNode(new Cause(used.By, command), credential, used.Node)));
        }
        foreach (var node in _view.PendingReleases)
        {
            var credential = _view.Nodes[node].Credential;
            var command = $"release-{credential}";
            if (IsDue(command))
                _services.Singletons.Tell(new EntityRequest(
                    "allocations", new Enrollment.ReleaseAllocation(new Cause(Cause.System, command), node, credential)));
        }
    }

    bool IsDue(string command)
    {
        var now = _services.Clock.Now.UnixMilliseconds;
        if (_driven.TryGetValue(command, out var last) && Math.Abs(now - last) < RepeatAfter.TotalMilliseconds)
            return false;
        _driven[command] = now;
        return true;
    }

    sealed record Read;

    sealed record Batch(IReadOnlyList<JournalEvent> Events);

    sealed record ReadFailed(Exception Cause);
}
