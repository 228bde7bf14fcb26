using Mesh.Actors.Cluster;
using Mesh.Actors.Ports;
using Mesh.Actors.Projection;
using Mesh.Actors.Registry;
using Mesh.Controller.Configuration;
using Mesh.Controller.Keys;
using Mesh.Protocol.Identity;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Controller.Cluster;

/// <summary>
/// Is this controller's place among those of one database: the common clock, its row on the member board, the jobs that it does. A
/// controller with a journal of its own is a cluster of one. Safe for concurrent use.
/// </summary>
sealed class ClusterMembership : IAsyncDisposable
{
    static readonly TimeSpan Farewell = TimeSpan.FromSeconds(3);
    static readonly TimeSpan FirstLinks = TimeSpan.FromSeconds(2);

    readonly ClusterDatabase? _database;
    readonly DatabaseClock? _databaseClock;
    readonly IMemberBoard _board;
    readonly ClusterTimes _times;
    readonly TaskCompletionSource<CommandException> _replaced = new(TaskCreationOptions.RunContinuationsAsynchronously);
    readonly string _place;
    volatile IReadOnlyList<string> _addresses = [];
    readonly ILogger _log;
    volatile string _internal = "";
    volatile ControllerSystem? _system;
    volatile MemberLinks? _links;
    MemberSelf _self = null!;
    long _incarnation;
    ClusterFeed? _feed;
    IActorRef? _actor;

    ClusterMembership(ClusterDatabase? database, DatabaseClock? databaseClock, IClock clock, string place, ClusterTimes times, ILogger log)
    {
        (_database, _databaseClock, Clock, _place, _times, _log) = (database, databaseClock, clock, place, times, log);
        _board = database is null ? new SoloBoard(clock) : new PostgresBoard(database, times);
    }

    /// <summary>Gets the time that decisions are made at.</summary>
    public IClock Clock { get; }

    /// <summary>Gets the controllers as they were last seen.</summary>
    public ClusterView View => _feed?.Current ?? ClusterView.Empty;

    /// <summary>Gets the jobs that this controller does; alone it does all.</summary>
    public IJobs Jobs => _database is null ? AllJobs.Instance : _feed!;

    /// <summary>Gets where it is kept when nodes were last heard of; null: in memory only.</summary>
    public ILastSeen? LastSeen => _database is null ? null : new PostgresLastSeen(_database, _self.Controller);

    /// <summary>Gets what ends this controller: another process has taken its row over.</summary>
    public Task<CommandException> Replaced => _replaced.Task;

    /// <summary>Gets by how much this machine's clock is ahead of the database's; zero without one.</summary>
    public TimeSpan MachineAhead => _databaseClock?.MachineAhead ?? TimeSpan.Zero;

    /// <summary>Gets what people should know of the clock; null: nothing.</summary>
    public string? ClockTrouble => MachineAhead.Duration() <= _times.SkewTold ? null
        : string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"this machine's clock is {MachineAhead.Duration().TotalSeconds:0} s {(MachineAhead > TimeSpan.Zero ? "ahead of" : "behind")} the database's, which counts: set it");

    /// <summary>Connects to where the controllers see each other, and takes the time from there.</summary>
    /// <exception cref="CommandException">The database does not answer.</exception>
    public static async Task<ClusterMembership> OpenAsync(
        ControllerSettings settings, string stateDirectory, IClock machine, ILogger log, CancellationToken cancellationToken)
    {
        if (settings.Database is not { } place)
            return new ClusterMembership(null, null, machine, "", new ClusterTimes(), log);
        var database = new ClusterDatabase(place);
        try
        {
            var clock = await DatabaseClock.StartAsync(database, machine, TimeProvider.System, log, cancellationToken);
            return new ClusterMembership(database, clock, clock, StatePlace.Of(stateDirectory), new ClusterTimes(), log);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            await database.DisposeAsync();
            throw Silent(database, e);
        }
    }

    /// <summary>Takes this controller's row.</summary>
    /// <exception cref="CommandException">Another process of the same controller is alive.</exception>
    public async Task JoinAsync(ControllerId controller, CancellationToken cancellationToken)
    {
        _self = new MemberSelf(controller, ProgramVersion.Text, _place);
        try
        {
            _incarnation = await _board.JoinAsync(_self, cancellationToken) ?? throw Twice(controller, "start refused");
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            throw Silent(_database!, e);
        }
        _feed = new ClusterFeed(controller, _times, TimeProvider.System);
    }

    /// <summary>Keeps the row from now on.</summary>
    public void Watch(ActorSystem actors)
    {
        var services = new ClusterServices(
            _board, _self, _incarnation, Describe, () => _system?.Queries.View.Controllers ?? Nobody, _feed!, Take,
            () => _replaced.TrySetResult(Twice(_self.Controller, "stopped")), _times, TimeProvider.System);
        _actor = actors.ActorOf(Props.Create(() => new ClusterActor(services)), "cluster");
    }

    /// <summary>Says where this controller is found, and waits a little until the others have said which nodes they have.</summary>
    public async Task ServeAsync(ControllerSystem system, ControllerKeys keys, string? internalAddress, IReadOnlyList<string> addresses)
    {
        (_system, _addresses, _internal) = (system, addresses, internalAddress ?? addresses[0]);
        _links = _database is null ? null : new MemberLinks(system, keys, Clock, _log);
        await AskAsync(new BeatNow());
        await system.WaitForLinksAsync(FirstLinks);
    }

    /// <summary>Says that this controller will end, and lets go of its jobs.</summary>
    public Task StopServingAsync() => AskAsync(new LeaveBoard(MemberPhase.Stopping));

    /// <summary>Ends the links to the others; those that they dialled end with the server.</summary>
    public async Task UnlinkAsync()
    {
        if (_links is { } links)
            await links.DisposeAsync();
        _links = null;
    }

    /// <summary>Says that this controller has ended; nobody needs to wait for it.</summary>
    public Task LeaveAsync() => AskAsync(new LeaveBoard(MemberPhase.Stopped));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_databaseClock is not null)
            await _databaseClock.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
    }

    static IReadOnlyDictionary<ControllerId, ControllerView> Nobody { get; } = new Dictionary<ControllerId, ControllerView>();

    MemberBeat Describe() => new(
        _addresses, _internal, MemberPhase.Serving, _system?.Queries.View.Revision ?? 0, _system?.Attached ?? 0, MachineAhead,
        _feed?.Wanted ?? []);

    void Take(ClusterView view)
    {
        _databaseClock?.Check(view.At);
        _system?.Take(view);
        _links?.Take(view);
    }

    async Task AskAsync(object message)
    {
        if (_actor is null)
            return;
        try
        {
            await _actor.Ask<Beaten>(message, Farewell);
        }
        catch (AskTimeoutException)
        {
            // The board does not answer: the others will see it by themselves.
        }
    }

    static CommandException Silent(ClusterDatabase database, Exception cause) => new(
        ExitCode.Unreachable, $"cannot join the controllers on {database.Place}: {cause.Message.ReplaceLineEndings(" ")}", cause);

    static CommandException Twice(ControllerId controller, string what) => new(
        ExitCode.BadConfiguration,
        $"{what}: another process runs as controller {controller}: was the state directory copied? every controller needs its own keys");
}
