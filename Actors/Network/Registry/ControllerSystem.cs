using System.Diagnostics;
using Mesh.Actors.Audit;
using Mesh.Actors.Cluster;
using Mesh.Actors.Enrollment;
using Mesh.Actors.Policy;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Retention;
using Mesh.Actors.Sessions;
using Mesh.Actors.Tokens;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

/// <summary>
/// Is everything that a controller decides, behind one door: starts the actors in order, takes commands, opens control streams and
/// answers questions. A command that returns done is in the journal and seen by <see cref="Queries"/>. Safe for concurrent use.
/// </summary>
public sealed partial class ControllerSystem : IAsyncDisposable
{
    static readonly TimeSpan JournalPause = TimeSpan.FromMilliseconds(50);
    static readonly TimeSpan CatchUpPatience = TimeSpan.FromSeconds(1);

    readonly ActorSystem _system;
    readonly IJournalTail _journal;
    readonly ControllerOptions _options;
    readonly IClock _clock;
    readonly IEntropy _entropy;
    readonly NetworkViewFeed _feed = new();
    readonly AttachedGauge _attached = new();
    readonly Arrivals _arrivals = new();
    readonly IActorRef _singletons;
    readonly IActorRef _users;
    readonly IActorRef _tokens;
    readonly IActorRef _nodes;
    readonly IActorRef _credentials;
    readonly IActorRef? _lastSeen;
    readonly IActorRef _audit;
    readonly IActorRef _sessions;
    readonly IActorRef _sweep;
    readonly IActorRef _nodeSweep;
    readonly IActorRef? _retention;
    readonly IJournalPruning? _pruning;
    readonly IActorRef _tail;
    long _streams;

    ControllerSystem(
        ActorSystem system, IJournalTail journal, IMapSigner signer, IClock clock, IEntropy entropy, IPresence presence, IJobs jobs, ILastSeen? lastSeen,
        IJournalPruning? pruning, ControllerOptions options)
    {
        (_system, _journal, _options, _clock, _entropy, _pruning) = (system, journal, options, clock, entropy, pruning);
        Queries = new NetworkQueries(_feed, presence, journal);

        Func<string, Props> singleton = id => id switch
        {
            "allocations" => Entity("allocations", AllocationState.New, id),
            "policy" => Entity("policy", PolicyState.New, id),
            "network" => Entity("network", NetworkState.New, id),
            _ => throw new ArgumentException($"there is no entity '{id}'", nameof(id)),
        };
        _singletons = system.ActorOf(Props.Create(() => new EntityParent(singleton, options)), "singletons");
        Func<string, Props> user = id => Entity("user-" + id, UserState.New, id);
        _users = system.ActorOf(Props.Create(() => new EntityParent(user, options)), "users");
        Func<string, Props> token = id => Entity("token-" + id, TokenState.New, id);
        _tokens = system.ActorOf(Props.Create(() => new EntityParent(token, options)), "tokens");
        Func<string, Props> node = id => Entity("node-" + id, NodeState.New, id);
        _nodes = system.ActorOf(Props.Create(() => new EntityParent(node, options)), "nodes");
        var services = new CredentialServices(clock, entropy, options, _singletons, _feed);
        Func<string, Props> credential = id => Props.Create(() => new CredentialActor(id, services));
        _credentials = system.ActorOf(Props.Create(() => new EntityParent(credential, options)), "credentials");

        var audit = new AuditServices(journal, Audit, AuditDisputes, _feed, signer, clock);
        _audit = system.ActorOf(Props.Create(() => new AuditActor(audit)), "audit");
        _lastSeen = lastSeen is null ? null : system.ActorOf(Props.Create(() => new LastSeenActor(lastSeen)), "last-seen");
        var sessions = new SessionServices(_feed, signer, clock, presence, options, _nodes, entropy, _attached, _lastSeen)
        {
            Audit = _audit,
            Arrivals = _arrivals,
            Singletons = _singletons,
        };
        _sessions = system.ActorOf(Props.Create(() => new SessionsActor(sessions)), "sessions");
        var tail = new TailServices(
            journal, _feed, EntitySnapshots.Of(system), clock, options, _credentials, _nodes, _users, _tokens, _singletons, _sessions, Audit);
        _tail = system.ActorOf(Props.Create(() => new TailActor(tail)), "tail");
        _sweep = system.ActorOf(Props.Create(() => new ExpirySweep(_feed, _credentials, clock, entropy, jobs, options)), "expiry");
        _nodeSweep = system.ActorOf(
            Props.Create(() => new NodeSweep(_feed, _nodes, presence, clock, entropy, jobs, options)), "node-expiry");
        if (pruning is not null)
        {
            Func<WallTime, Task> prune = PruneAsync;
            _retention = system.ActorOf(
                Props.Create(() => new RetentionSweep(_feed, jobs, clock, options.Retention, options.RetentionInterval, prune)), "retention");
        }

        async Task PruneAsync(WallTime before)
        {
            if ((await this.PruneAsync(before, dryRun: false, Cause.Of(Cause.System, entropy))).Refusal is { } refusal)
                throw new InvalidOperationException(refusal.Message);
        }

        Props Entity<TState>(string persistenceId, TState initial, string id) where TState : IEntityState<TState> =>
            Props.Create(() => new PlainEntityActor<TState>(id, persistenceId, initial, clock, options));
    }

    /// <summary>Gets the answers to questions.</summary>
    public NetworkQueries Queries { get; }

    /// <summary>Gets how many nodes are attached to this controller.</summary>
    public int Attached => _attached.Count;

    /// <summary>Gets where the audit chain stood, as this controller followed the journal.</summary>
    public AuditTrail Audit { get; } = new();

    /// <summary>Gets the nodes that hold a head which is not in the journal's chain.</summary>
    public AuditDisputes AuditDisputes { get; } = new();

    /// <summary>Counts the actors that all of this lives in.</summary>
    public ActorReport Actors() => _system.TakeCensus();

    /// <summary>
    /// Starts the actors in an actor system whose journal is configured, and returns once the projection holds all that the journal
    /// held at the start.
    /// </summary>
    /// <param name="system">The actor system; it stays the caller's.</param>
    /// <param name="journal">Reads the same journal across entities.</param>
    /// <param name="signer">Signs maps and presence.</param>
    /// <param name="clock">The time of every decision.</param>
    /// <param name="entropy">Draws ids and secrets.</param>
    /// <param name="presence">Keeps what may be lost.</param>
    /// <param name="options">Times and bounds.</param>
    /// <param name="jobs">Says which of the jobs that only one controller need do are this one's; null: all.</param>
    /// <param name="lastSeen">Keeps what is known of nodes beyond a restart; null: nothing does.</param>
    /// <param name="pruning">Takes content out of the journal; null: it cannot be pruned.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="OperationCanceledException">Cancelled before the journal was read, for instance because it cannot be.</exception>
    public static async Task<ControllerSystem> StartAsync(
        ActorSystem system, IJournalTail journal, IMapSigner signer, IClock clock, IEntropy entropy, IPresence presence,
        ControllerOptions options, IJobs? jobs = null, ILastSeen? lastSeen = null, IJournalPruning? pruning = null,
        CancellationToken cancellationToken = default)
    {
        await RememberAsync(lastSeen, presence, cancellationToken);
        var highest = await journal.HighestOrderingAsync(cancellationToken);
        var controller = new ControllerSystem(system, journal, signer, clock, entropy, presence, jobs ?? AllJobs.Instance, lastSeen, pruning, options);
        await controller._feed.WaitAsync(view => view.Revision >= highest, Timeout.InfiniteTimeSpan, cancellationToken);
        return controller;
    }

    /// <summary>Waits until the projection satisfies a condition.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task<NetworkView> WhenAsync(Func<NetworkView, bool> condition, CancellationToken cancellationToken) =>
        (await _feed.WaitAsync(condition, Timeout.InfiniteTimeSpan, cancellationToken))!;

    /// <summary>
    /// Waits, for a second at most, until this controller knows all that the journal held when it was asked: whoever was answered by another
    /// controller finds here what was acknowledged there. A journal that is away is not waited for; then this one shows what it knows.
    /// </summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task CatchUpAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            var highest = await _journal.HighestOrderingAsync(cancellationToken).AsTask().WaitAsync(CatchUpPatience, cancellationToken);
            await _feed.WaitAsync(view => view.Revision >= highest, CatchUpPatience, cancellationToken);
        }
#pragma warning disable CA1031 // Whatever it is that a journal fails with, what is known can be shown.
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            // What writes finds out for itself.
        }
    }

    /// <summary>Attaches a control stream whose node was authenticated; a stream that the node had before is closed as replaced.</summary>
    /// <param name="node">The node.</param>
    /// <param name="stream">The way down. It is closed with <c>revoked</c>, <c>logged-out</c>, <c>replaced</c>, <c>stopping</c>,
    /// <c>unknown</c> (no such node), <c>silent</c> (no sign of life), <c>malformed</c>,
    /// <c>certificate</c> (the controller that issued the node's was withdrawn) or <c>behind</c> (the node knows more than this controller).</param>
    /// <param name="issuer">The controller whose certificate authenticated the node; the stream ends when that is withdrawn.</param>
    /// <param name="origin">Where the stream comes from; with it two machines with one identity are told from one that comes again, and
    /// the stream of the one that has to wait is closed with <c>copied</c>.</param>
    public ControlStreamHandle OpenStream(NodeId node, IControlStream stream, ControllerId? issuer = null, StreamOrigin? origin = null)
    {
        var handle = new ControlStreamHandle(node, Interlocked.Increment(ref _streams), _sessions, issuer, origin);
        _arrivals.Add(node);
        _sessions.Tell(new OpenStream(handle, stream), ActorRefs.NoSender);
        return handle;
    }

    /// <summary>
    /// Takes a link to another controller, which was authenticated, into use; one that there was before is closed as replaced. The other
    /// controller is told which nodes are attached here, and from then on what changes.
    /// </summary>
    /// <param name="member">The other controller.</param>
    /// <param name="link">The way to it. It is closed with <c>replaced</c> or <c>overrun</c> (the other does not read).</param>
    public MemberLinkHandle OpenLink(ControllerId member, IMemberLink link)
    {
        var handle = new MemberLinkHandle(member, link, _sessions);
        _sessions.Tell(new LinkOpened(handle), ActorRefs.NoSender);
        return handle;
    }

    /// <summary>Takes in which controllers there are and how they do; safe to call as often as there is something new.</summary>
    public void Take(ClusterView cluster) => _sessions.Tell(new ClusterSeen(cluster), ActorRefs.NoSender);

    /// <summary>Waits until every other controller that is up has said which nodes it has, at most for a time.</summary>
    public async Task WaitForLinksAsync(TimeSpan atMost) => await AskAsync(_sessions, new AwaitLinks(atMost));

    /// <summary>Closes every stream as <c>stopping</c> and stops the actors.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_system.WhenTerminated.IsCompleted)
            return;
        foreach (var actor in (IActorRef?[])[_sweep, _nodeSweep, _retention, _tail, _sessions, _lastSeen, _audit, _credentials, _nodes, _tokens, _users, _singletons])
        {
            if (actor is null)
                continue;
            try
            {
                await actor.GracefulStop(TimeSpan.FromSeconds(5));
            }
            catch (TaskCanceledException)
            {
                // It is told to stop and will; the program goes on ending.
            }
        }
    }

    static async Task RememberAsync(ILastSeen? lastSeen, IPresence presence, CancellationToken cancellationToken)
    {
        if (lastSeen is null)
            return;
        try
        {
            foreach (var row in await lastSeen.BeginAsync(cancellationToken))
                presence.Update(row.Node, known => known with { LastSeen = row.SeenAt, Revision = row.Revision, Os = row.Os, Version = row.Version });
        }
#pragma warning disable CA1031 // Whatever the store throws: it may be lost, and nobody waits for it.
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            // Then nodes were not seen until they are.
        }
    }

    // Has an entity decide, then waits until this controller's own projection holds all that the journal held once it was written:
    // what it shows then is this command's doing, or newer.
    async Task<Refusal?> DecideAsync(IActorRef parent, string id, IEntityCommand command)
    {
        var reply = await AskAsync(parent, new EntityRequest(id, command));
        if (reply is Refusal refusal)
            return refusal;
        return await TryHighestOrderingAsync() is not { } written
            || await _feed.WaitAsync(view => view.Revision >= written, _options.CommandTimeout) is null
            ? Refusal.Unavailable("the command is carried out, but its effect")
            : null;
    }

    // A journal that is away for a moment must not make what is carried out look as if it were not; null where it stays away.
    async Task<long?> TryHighestOrderingAsync()
    {
        var began = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await _journal.HighestOrderingAsync(CancellationToken.None);
            }
#pragma warning disable CA1031 // Whatever it is that a journal fails with, the command is carried out.
            catch (Exception)
#pragma warning restore CA1031
            {
                if (Stopwatch.GetElapsedTime(began) > _options.CommandTimeout)
                    return null;
                await Task.Delay(JournalPause);
            }
        }
    }

    async Task<object> AskAsync(IActorRef actor, object message)
    {
        try
        {
            return await actor.Ask<object>(message, _options.CommandTimeout);
        }
        catch (AskTimeoutException)
        {
            return Refusal.Unavailable("the command");
        }
    }
}
