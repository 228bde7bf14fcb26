namespace Mesh.Tests.Engine;

/// <summary>Timers in virtual time: nothing here depends on how fast the machine is.</summary>
public sealed class TimerSpec() : TestKit("akka.scheduler.implementation = \"TestScheduler\"")
{
    static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task Must_schedule_non_repeated_ticks()
    {
        await StartAsync(script => script.OnPreStart = () => script.Timers.StartSingleTimer("T", "tick", Interval));
        Time.Advance(Interval - TimeSpan.FromMilliseconds(1));
        await ExpectNoMsgAsync(50);
        Time.Advance(TimeSpan.FromMilliseconds(1));
        await ExpectMsgAsync("tick");
        Time.Advance(Interval * 3);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Must_schedule_repeated_ticks()
    {
        await StartAsync(script => script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "tick", Interval));
        for (var round = 0; round < 3; round++)
        {
            Time.Advance(Interval);
            await ExpectMsgAsync("tick");
        }
    }

    [Fact]
    public async Task Must_schedule_repeated_ticks_after_an_initial_delay()
    {
        await StartAsync(script => script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "tick", TimeSpan.Zero, Interval));
        Time.Advance(TimeSpan.Zero);
        await ExpectMsgAsync("tick");
        Time.Advance(Interval);
        await ExpectMsgAsync("tick");
    }

    [Fact]
    public async Task Must_replace_timer()
    {
        var actor = await StartAsync(script => script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "first", Interval));
        // The tick is in the mailbox, behind the message that replaces its timer.
        await BlockAsync(actor, () =>
        {
            actor.Tell(new Do(script => script.Timers.StartPeriodicTimer("T", "second", Interval)));
            Time.Advance(Interval);
            return Task.CompletedTask;
        });
        await IdleAsync(actor);
        await ExpectNoMsgAsync(50);
        Time.Advance(Interval);
        await ExpectMsgAsync("second");
    }

    [Fact]
    public async Task Must_cancel_timer()
    {
        var actor = await StartAsync(script => script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "tick", Interval));
        await BlockAsync(actor, () =>
        {
            actor.Tell(new Do(script => script.Timers.Cancel("T")));
            Time.Advance(Interval);
            return Task.CompletedTask;
        });
        await IdleAsync(actor);
        Time.Advance(Interval * 3);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Must_cancel_timers_when_restarted()
    {
        var starts = 0;
        var actor = await StartAsync(script =>
        {
            script.OnPreStart = () =>
            {
                if (starts++ == 0)
                    script.Timers.StartPeriodicTimer("T", "tick", Interval);
            };
        });
        actor.Tell(new Do(_ => throw new ExpectedException()));
        await IdleAsync(actor);
        Time.Advance(Interval * 3);
        await ExpectNoMsgAsync(50);
        Assert.Equal(2, starts);
    }

    [Theory]
    [InlineData("Must_discard_timers_from_old_incarnation_after_restart_alt_1", true)]
    [InlineData("Must_discard_timers_from_old_incarnation_after_restart_alt_2", false)]
    public async Task Must_discard_timers_from_old_incarnation_after_restart(string name, bool startsAgain)
    {
        var starts = 0;
        var actor = await StartAsync(script =>
        {
            script.OnPreStart = () =>
            {
                if (++starts == 1 || startsAgain)
                    script.Timers.StartPeriodicTimer("T", $"tick{starts}", Interval);
            };
        });
        // The old instance's tick is queued behind what makes it fail.
        await BlockAsync(actor, () =>
        {
            actor.Tell(new Do(_ => throw new ExpectedException()));
            Time.Advance(Interval);
            return Task.CompletedTask;
        });
        await IdleAsync(actor);
        await ExpectNoMsgAsync(50);
        Time.Advance(Interval);
        if (startsAgain)
            await ExpectMsgAsync("tick2");
        else
            await ExpectNoMsgAsync(50);
        Assert.StartsWith("Must", name);
    }

    [Fact]
    public async Task Must_cancel_timers_when_stopped()
    {
        var probe = CreateTestProbe();
        Sys.EventStream.Subscribe(probe.Ref, typeof(AllDeadLetters));
        var actor = await StartAsync(script => script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "tick", Interval));
        await WatchAsync(actor);
        actor.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(actor);
        Time.Advance(Interval * 3);
        await probe.ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task A_timer_started_in_PreRestart_is_lost()
    {
        var actor = await StartAsync(script =>
            script.OnPreRestart = (_, _) => script.Timers.StartPeriodicTimer("T", "tick", Interval));
        actor.Tell(new Do(_ => throw new ExpectedException()));
        await IdleAsync(actor);
        Time.Advance(Interval * 3);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Must_handle_AutoReceivedMessages_automatically()
    {
        var actor = await StartAsync(script =>
            script.OnPreStart = () => script.Timers.StartSingleTimer("T", PoisonPill.Instance, Interval));
        await WatchAsync(actor);
        Time.Advance(Interval);
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task Timers_combined_with_stashing_should_work()
    {
        var actor = await StartAsync(script =>
        {
            var open = false;
            script.OnPreStart = () => script.Timers.StartSingleTimer("T", "scheduled", Interval);
            script.On<string>(
                _ =>
                {
                    script.Stash.Stash();
                    TestActor.Tell("stashed");
                },
                message => !open && message == "scheduled");
            script.On("open", () =>
            {
                open = true;
                script.Stash.UnstashAll();
            });
        });
        Time.Advance(Interval);
        await ExpectMsgAsync("stashed");
        actor.Tell("open");
        await ExpectMsgAsync("scheduled");
    }

    [Fact]
    public async Task A_timer_has_the_sender_that_it_was_given_or_the_actor_itself()
    {
        var probe = CreateTestProbe();
        await StartAsync(script =>
        {
            script.OnPreStart = () =>
            {
                script.Timers.StartSingleTimer("own", "own", Interval);
                script.Timers.StartSingleTimer("given", "given", Interval, probe);
                script.Timers.StartPeriodicTimer("periodic", "periodic", Interval, probe);
            };
            script.On<string>(text => script.Sender.Tell($"to the sender of {text}"), text => text is "own" or "given" or "periodic");
        });
        Time.Advance(Interval);
        // Its own sender is the actor, which hands on what it does not know.
        await ExpectMsgAsync("to the sender of own");
        await probe.ExpectMsgAsync("to the sender of given");
        await probe.ExpectMsgAsync("to the sender of periodic");
    }

    [Fact]
    public async Task A_failing_tick_does_not_end_a_periodic_timer_of_a_resumed_actor()
    {
        var supervisor = Sys.ActorOf(Supervisor.Deciding(_ => Directive.Resume));
        var actor = await supervisor.Ask<IActorRef>(
            Scripted.Props(script =>
            {
                script.OnPreStart = () => script.Timers.StartPeriodicTimer("T", "tick", Interval);
                script.On("idle?", () => script.Sender.Tell("idle"));
                script.On("tick", () =>
                {
                    TestActor.Tell("tick");
                    throw new ExpectedException();
                });
            }),
            TimeSpan.FromSeconds(3));
        await IdleAsync(actor);
        for (var round = 0; round < 3; round++)
        {
            Time.Advance(Interval);
            await ExpectMsgAsync("tick");
            await IdleAsync(actor);
        }
    }

    [Fact]
    public async Task Active_timers_are_known_by_key()
    {
        var actor = await StartAsync(script => script.On("keys", () =>
            script.Sender.Tell(string.Join(",", script.Timers.ActiveTimers.Select(key => $"{key}").Order()))));
        actor.Tell(new Do(script =>
        {
            script.Timers.StartSingleTimer("single", "tick", Interval);
            script.Timers.StartPeriodicTimer("periodic", "tick", Interval);
        }));
        actor.Tell("keys");
        await ExpectMsgAsync("periodic,single");
        Time.Advance(Interval);
        await ExpectMsgAsync("tick");
        await ExpectMsgAsync("tick");
        actor.Tell("keys");
        await ExpectMsgAsync("periodic");
        actor.Tell(new Do(script => TestActor.Tell((script.Timers.IsTimerActive("periodic"), script.Timers.IsTimerActive("single")))));
        await ExpectMsgAsync((true, false));
        actor.Tell(new Do(script => script.Timers.CancelAll()));
        actor.Tell("keys");
        await ExpectMsgAsync("");
    }

    async Task<IActorRef> StartAsync(Action<Scripted.Script> write)
    {
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            write(script);
            script.On<Do>(todo => todo.Action(script));
            script.On("idle?", () => script.Sender.Tell("idle"));
            script.OnAny(message => TestActor.Tell(message));
        }));
        await IdleAsync(actor);
        return actor;
    }

    static Task IdleAsync(IActorRef actor) => actor.Ask<string>("idle?", TimeSpan.FromSeconds(3));

    static async Task BlockAsync(IActorRef actor, Func<Task> meanwhile)
    {
        using var busy = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        actor.Tell(new Do(_ =>
        {
            busy.Release();
            Assert.True(go.Wait(TimeSpan.FromSeconds(5)));
        }));
        Assert.True(await busy.WaitAsync(TimeSpan.FromSeconds(5)));
        await meanwhile();
        go.Set();
        await IdleAsync(actor);
    }

    sealed record Do(Action<Scripted.Script> Action);
}
