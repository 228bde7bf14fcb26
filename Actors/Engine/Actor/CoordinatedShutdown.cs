using Mesh.Actors.Engine.Event;

namespace Mesh.Actors.Engine.Actor;

/// <summary>
/// Runs tasks phase by phase on the way down; the last phase stops the actors. Tasks of one phase run together. A task that fails or is
/// late is logged and passed. Safe for concurrent use.
/// </summary>
public sealed class CoordinatedShutdown : IExtension
{
    public const string PhaseBeforeServiceUnbind = "before-service-unbind";
    public const string PhaseServiceUnbind = "service-unbind";
    public const string PhaseServiceRequestsDone = "service-requests-done";
    public const string PhaseServiceStop = "service-stop";
    public const string PhaseBeforeClusterShutdown = "before-cluster-shutdown";
    public const string PhaseClusterShardingShutdownRegion = "cluster-sharding-shutdown-region";
    public const string PhaseClusterLeave = "cluster-leave";
    public const string PhaseClusterExiting = "cluster-exiting";
    public const string PhaseClusterExitingDone = "cluster-exiting-done";
    public const string PhaseClusterShutdown = "cluster-shutdown";
    public const string PhaseBeforeActorSystemTerminate = "before-actor-system-terminate";
    public const string PhaseActorSystemTerminate = "actor-system-terminate";

    static readonly string[] InOrder =
    [
        PhaseBeforeServiceUnbind, PhaseServiceUnbind, PhaseServiceRequestsDone, PhaseServiceStop, PhaseBeforeClusterShutdown,
        PhaseClusterShardingShutdownRegion, PhaseClusterLeave, PhaseClusterExiting, PhaseClusterExitingDone, PhaseClusterShutdown,
        PhaseBeforeActorSystemTerminate, PhaseActorSystemTerminate,
    ];

    readonly ActorSystemImpl _system;
    readonly Dictionary<string, List<(string Name, Func<Task<Done>> Run)>> _tasks = [];
    readonly Lock _lock = new();
    Task<Done>? _running;
    Reason? _reason;

    internal CoordinatedShutdown(ActorSystemImpl system)
    {
        _system = system;
        if (system.Settings.RunShutdownOnExit)
        {
            AppDomain.CurrentDomain.ProcessExit += (_, _) =>
            {
                Run(ClrExitReason.Instance).Wait(TotalTimeout);
            };
        }
    }

    public ExtendedActorSystem System => _system;

    /// <summary>Why the shutdown runs; null before.</summary>
    public Reason? ShutdownReason => _reason;

    /// <summary>Sum over all phases, whether they have tasks or not.</summary>
    public TimeSpan TotalTimeout => InOrder.Aggregate(TimeSpan.Zero, (sum, phase) => sum + Timeout(phase));

    /// <summary>Returns the shutdown of a system.</summary>
    public static CoordinatedShutdown Get(ActorSystem sys) => ((ActorSystemImpl)sys).Shutdown;

    /// <summary>Adds a task to a phase; also while earlier phases run.</summary>
    /// <exception cref="ArgumentException">There is no such phase.</exception>
    public void AddTask(string phase, string taskName, Func<Task<Done>> task)
    {
        ArgumentException.ThrowIfNullOrEmpty(taskName);
        ArgumentNullException.ThrowIfNull(task);
        RefuseUnknown(phase, nameof(phase));
        lock (_lock)
        {
            if (!_tasks.TryGetValue(phase, out var tasks))
                _tasks[phase] = tasks = [];
            tasks.Add((taskName, task));
        }
    }

    /// <summary>How long a phase may take: 5 s, and 10 s for the last, unless configured.</summary>
    public TimeSpan Timeout(string phase) => _system.Settings.Config.GetTimeSpan(
        $"akka.coordinated-shutdown.phases.{phase}.timeout",
        phase == PhaseActorSystemTerminate ? TimeSpan.FromSeconds(10) : _system.Settings.ShutdownPhaseTimeout);

    /// <summary>Runs all phases, or those from <paramref name="fromPhase"/> on. Only the first call counts.</summary>
    /// <exception cref="ArgumentException">There is no such phase; nothing has begun.</exception>
    public Task<Done> Run(Reason reason, string? fromPhase = null)
    {
        ArgumentNullException.ThrowIfNull(reason);
        if (fromPhase is not null)
            RefuseUnknown(fromPhase, nameof(fromPhase));
        lock (_lock)
        {
            if (_running is null)
            {
                _reason = reason;
                _running = Task.Run(() => RunPhasesAsync(fromPhase));
            }
            return _running;
        }
    }

    static void RefuseUnknown(string phase, string parameter)
    {
        if (!InOrder.Contains(phase))
            throw new ArgumentException($"Unknown phase [{phase}], known phases [{string.Join(", ", InOrder)}].", parameter);
    }

    async Task<Done> RunPhasesAsync(string? fromPhase)
    {
        var first = fromPhase is null ? 0 : Array.IndexOf(InOrder, fromPhase);
        foreach (var phase in InOrder.AsMemory(first).ToArray())
        {
            (string Name, Func<Task<Done>> Run)[] tasks;
            lock (_lock)
                tasks = _tasks.TryGetValue(phase, out var found) ? [.. found] : [];
            var timeout = Timeout(phase);
            await Task.WhenAll(tasks.Select(task => RunTaskAsync(phase, task.Name, task.Run, timeout))).ConfigureAwait(false);
        }
        await RunTaskAsync(PhaseActorSystemTerminate, "terminate-system", TerminateAsync, Timeout(PhaseActorSystemTerminate))
            .ConfigureAwait(false);
        return Done.Instance;
    }

    async Task<Done> TerminateAsync()
    {
        _system.FinalTerminate();
        await _system.WhenTerminated.ConfigureAwait(false);
        return Done.Instance;
    }

    async Task RunTaskAsync(string phase, string name, Func<Task<Done>> run, TimeSpan timeout)
    {
        try
        {
            // Off this thread: a task that blocks before its first await is late like any other.
            await Task.Run(run).WaitAsync(timeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _system.Log.Warning("Task [{0}] of shutdown phase [{1}] is not done after {2}; going on.", name, phase, timeout);
        }
        catch (Exception failure)
        {
            _system.Log.Warning(failure, "Task [{0}] of shutdown phase [{1}] failed; going on.", name, phase);
        }
    }

    /// <summary>Why the shutdown runs.</summary>
    public class Reason
    {
        protected Reason() { }
    }

    /// <summary>Nobody said.</summary>
    public sealed class UnknownReason : Reason
    {
        public static readonly Reason Instance = new UnknownReason();

        UnknownReason() { }
    }

    /// <summary><see cref="ActorSystem.Terminate"/> was called.</summary>
    public sealed class ActorSystemTerminateReason : Reason
    {
        public static readonly Reason Instance = new ActorSystemTerminateReason();

        ActorSystemTerminateReason() { }
    }

    /// <summary>The process exits.</summary>
    public sealed class ClrExitReason : Reason
    {
        public static readonly Reason Instance = new ClrExitReason();

        ClrExitReason() { }
    }
}
