namespace Mesh.Tests.Engine;

public sealed class CoordinatedShutdownSpec
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task CoordinatedShutdown_must_predefined_phases_from_config_and_run_ordered_phases()
    {
        var system = Create();
        var order = new List<string>();
        string[] phases =
        [
            CoordinatedShutdown.PhaseBeforeServiceUnbind, CoordinatedShutdown.PhaseServiceUnbind,
            CoordinatedShutdown.PhaseServiceRequestsDone, CoordinatedShutdown.PhaseServiceStop,
            CoordinatedShutdown.PhaseBeforeClusterShutdown, CoordinatedShutdown.PhaseClusterShardingShutdownRegion,
            CoordinatedShutdown.PhaseClusterLeave, CoordinatedShutdown.PhaseClusterExiting,
            CoordinatedShutdown.PhaseClusterExitingDone, CoordinatedShutdown.PhaseClusterShutdown,
            CoordinatedShutdown.PhaseBeforeActorSystemTerminate, CoordinatedShutdown.PhaseActorSystemTerminate,
        ];
        var shutdown = CoordinatedShutdown.Get(system);
        Assert.Null(shutdown.ShutdownReason);
        foreach (var phase in phases.Reverse())
        {
            shutdown.AddTask(phase, "record", () =>
            {
                order.Add(phase);
                return Task.FromResult(Done.Instance);
            });
        }
        await shutdown.Run(CoordinatedShutdown.ClrExitReason.Instance).WaitAsync(Patience);
        Assert.Equal(phases, order);
        Assert.True(system.WhenTerminated.IsCompleted);
        Assert.Same(CoordinatedShutdown.ClrExitReason.Instance, shutdown.ShutdownReason);
    }

    [Fact]
    public async Task Tasks_of_one_phase_run_together_and_the_next_phase_waits_for_all()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        var (first, second) = (new TaskCompletionSource(), new TaskCompletionSource());
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "waits for the second", async () =>
        {
            first.SetResult();
            await second.Task;
            lock (order)
                order.Add("unbind");
            return Done.Instance;
        });
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "waits for the first", async () =>
        {
            second.SetResult();
            await first.Task;
            lock (order)
                order.Add("unbind");
            return Done.Instance;
        });
        Record(shutdown, CoordinatedShutdown.PhaseServiceRequestsDone, "requests", order);
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        Assert.Equal(["unbind", "unbind", "requests"], order);
    }

    [Fact]
    public async Task Tasks_of_one_name_are_two_tasks()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "same", order);
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "same", order);
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        Assert.Equal(["same", "same"], order);
    }

    [Fact]
    public async Task A_task_for_a_phase_that_is_over_is_not_run_and_holds_nothing_up()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceStop, "adds", () =>
        {
            Record(shutdown, CoordinatedShutdown.PhaseServiceUnbind, "too late", order);
            Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "too late as well", order);
            return Task.FromResult(Done.Instance);
        });
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        Assert.Empty(order);
    }

    [Fact]
    public async Task A_task_that_blocks_is_late_like_any_other()
    {
        var system = Create("akka.coordinated-shutdown.default-phase-timeout = 20ms");
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        using var go = new ManualResetEventSlim();
        var blocked = new TaskCompletionSource();
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "blocks", () =>
        {
            blocked.SetResult();
            go.Wait(Patience);
            return Task.FromResult(Done.Instance);
        });
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "stop", order);
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        go.Set();
        await blocked.Task.WaitAsync(Patience);
        Assert.Equal(["stop"], order);
    }

    [Fact]
    public async Task Failing_and_late_tasks_are_named_in_the_log()
    {
        using var kit = new TestKit("akka.coordinated-shutdown.phases.service-unbind.timeout = 20ms");
        var shutdown = CoordinatedShutdown.Get(kit.Sys);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "failing one", () => throw new ExpectedException());
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "late one", () => new TaskCompletionSource<Done>().Task);
        var texts = new List<string>();
        await kit.EventFilter.Custom<LogEvent>(log => IsWarning(log, texts)).ExpectAsync(
            2, () => shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience));
        Assert.Contains("[failing one] of shutdown phase [before-service-unbind] failed", texts[0], StringComparison.Ordinal);
        Assert.Contains("[late one] of shutdown phase [service-unbind] is not done", texts[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_phase_to_start_from_is_refused_and_the_shutdown_has_not_begun()
    {
        var system = Create();
        var shutdown = CoordinatedShutdown.Get(system);
        Assert.Throws<ArgumentException>(() => { _ = shutdown.Run(CoordinatedShutdown.UnknownReason.Instance, "no-such-phase"); });
        Assert.Null(shutdown.ShutdownReason);
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_run_from_given_phase()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        Record(shutdown, CoordinatedShutdown.PhaseServiceUnbind, "unbind", order);
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "stop", order);
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance, CoordinatedShutdown.PhaseServiceStop).WaitAsync(Patience);
        Assert.Equal(["stop"], order);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_only_run_once()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "stop", order);
        var first = shutdown.Run(CoordinatedShutdown.ClrExitReason.Instance);
        var second = shutdown.Run(CoordinatedShutdown.UnknownReason.Instance);
        await Task.WhenAll(first, second).WaitAsync(Patience);
        Assert.Equal(["stop"], order);
        Assert.Same(CoordinatedShutdown.ClrExitReason.Instance, shutdown.ShutdownReason);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_continue_after_timeout_or_failure()
    {
        var system = Create("akka.coordinated-shutdown.phases.service-unbind.timeout = 20ms");
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "fails", () => throw new ExpectedException());
        shutdown.AddTask(
            CoordinatedShutdown.PhaseServiceUnbind, "never ends", () => new TaskCompletionSource<Done>().Task);
        Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "stop", order);
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        Assert.Equal(["stop"], order);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_be_possible_to_add_tasks_in_later_phase_from_earlier_phase()
    {
        var system = Create();
        var order = new List<string>();
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "adds", () =>
        {
            Record(shutdown, CoordinatedShutdown.PhaseServiceStop, "added", order);
            return Task.FromResult(Done.Instance);
        });
        await shutdown.Run(CoordinatedShutdown.UnknownReason.Instance).WaitAsync(Patience);
        Assert.Equal(["added"], order);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_be_run_by_ActorSystem_Terminate()
    {
        var system = Create();
        var order = new List<string>();
        Record(CoordinatedShutdown.Get(system), CoordinatedShutdown.PhaseServiceStop, "stop", order);
        await system.Terminate().WaitAsync(Patience);
        Assert.Equal(["stop"], order);
        Assert.Same(
            CoordinatedShutdown.ActorSystemTerminateReason.Instance, CoordinatedShutdown.Get(system).ShutdownReason);
    }

    [Fact]
    public async Task CoordinatedShutdown_must_not_be_run_by_ActorSystem_Terminate_when_run_by_actor_system_terminate_is_off()
    {
        var system = Create("akka.coordinated-shutdown.run-by-actor-system-terminate = off");
        var order = new List<string>();
        Record(CoordinatedShutdown.Get(system), CoordinatedShutdown.PhaseServiceStop, "stop", order);
        await system.Terminate().WaitAsync(Patience);
        Assert.Empty(order);
    }

    [Fact]
    public async Task An_unknown_phase_is_refused()
    {
        var system = Create();
        Assert.Throws<ArgumentException>(() =>
            CoordinatedShutdown.Get(system).AddTask("no-such-phase", "task", () => Task.FromResult(Done.Instance)));
        Assert.Throws<ArgumentException>(() =>
            CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseServiceStop, "", () => Task.FromResult(Done.Instance)));
        Assert.Throws<ArgumentNullException>(() =>
            CoordinatedShutdown.Get(system).AddTask(CoordinatedShutdown.PhaseServiceStop, "task", null!));
        Assert.Equal(TimeSpan.FromSeconds(5), CoordinatedShutdown.Get(system).Timeout(CoordinatedShutdown.PhaseServiceStop));
        Assert.Equal(TimeSpan.FromSeconds(10), CoordinatedShutdown.Get(system).Timeout(CoordinatedShutdown.PhaseActorSystemTerminate));
        await system.Terminate().WaitAsync(Patience);
    }

    [Fact]
    public async Task Timeouts_come_from_the_configuration()
    {
        var system = Create("""
            akka.coordinated-shutdown {
              default-phase-timeout = 7s
              phases { service-stop.timeout = 1s, actor-system-terminate.timeout = 20s }
            }
            """);
        var shutdown = CoordinatedShutdown.Get(system);
        Assert.Equal(TimeSpan.FromSeconds(7), shutdown.Timeout(CoordinatedShutdown.PhaseServiceUnbind));
        Assert.Equal(TimeSpan.FromSeconds(1), shutdown.Timeout(CoordinatedShutdown.PhaseServiceStop));
        Assert.Equal(TimeSpan.FromSeconds(20), shutdown.Timeout(CoordinatedShutdown.PhaseActorSystemTerminate));
        // Ten phases of the default, and the two others.
        Assert.Equal(TimeSpan.FromSeconds(91), shutdown.TotalTimeout);
        await system.Terminate().WaitAsync(Patience);
    }

    static bool IsWarning(LogEvent log, List<string> texts)
    {
        var text = log.ToString();
        if (!text.Contains("of shutdown phase", StringComparison.Ordinal))
            return false;
        texts.Add(text);
        return true;
    }

    static void Record(CoordinatedShutdown shutdown, string phase, string what, List<string> order) =>
        shutdown.AddTask(phase, what, () =>
        {
            lock (order)
                order.Add(what);
            return Task.FromResult(Done.Instance);
        });

    static ActorSystem Create(string config = "") =>
        ActorSystem.Create("shutdown", ConfigurationFactory.ParseString($"akka.stdout-loglevel = OFF\n{config}"));
}
