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
            CoordinatedShutdown.PhaseBeforeClusterShutdown, CoordinatedShutdown.PhaseBeforeActorSystemTerminate,
            CoordinatedShutdown.PhaseActorSystemTerminate,
        ];
        var shutdown = CoordinatedShutdown.Get(system);
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
        Assert.Equal(TimeSpan.FromSeconds(5), CoordinatedShutdown.Get(system).Timeout(CoordinatedShutdown.PhaseServiceStop));
        Assert.Equal(TimeSpan.FromSeconds(10), CoordinatedShutdown.Get(system).Timeout(CoordinatedShutdown.PhaseActorSystemTerminate));
        await system.Terminate().WaitAsync(Patience);
    }

    static void Record(CoordinatedShutdown shutdown, string phase, string what, List<string> order) =>
        shutdown.AddTask(phase, what, () =>
        {
            order.Add(what);
            return Task.FromResult(Done.Instance);
        });

    static ActorSystem Create(string config = "") =>
        ActorSystem.Create("shutdown", ConfigurationFactory.ParseString($"akka.stdout-loglevel = OFF\n{config}"));
}
