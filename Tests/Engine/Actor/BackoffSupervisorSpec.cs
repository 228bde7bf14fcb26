namespace Mesh.Tests.Engine;

public sealed class BackoffSupervisorSpec() : TestKit("akka.scheduler.implementation = \"TestScheduler\"")
{
    static readonly TimeSpan Min = TimeSpan.FromSeconds(1);
    static readonly TimeSpan Max = TimeSpan.FromSeconds(8);
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    TestScheduler Time => (TestScheduler)Sys.Scheduler;

    [Fact]
    public async Task BackoffSupervisor_must_start_child_again_when_it_stops_when_using_Backoff_OnStop()
    {
        var supervisor = Start(OnStop());
        var first = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(first);
        first.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(first);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        var second = await ExpectMsgAsync<IActorRef>();
        Assert.NotEqual(first, second);
        Assert.Equal(first.Path, second.Path);
    }

    [Fact]
    public async Task BackoffSupervisor_must_forward_messages_to_the_child()
    {
        var supervisor = Start(OnStop());
        var child = await ExpectMsgAsync<IActorRef>();
        supervisor.Tell("hello");
        await ExpectMsgAsync("hello");
        Assert.Equal(child, LastSender);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task BackoffSupervisor_must_forward_messages_from_the_child_to_the_parent_of_the_supervisor(bool onFailure)
    {
        var props = BackoffSupervisor.Props(onFailure ? OnFailure() : OnStop());
        var parent = Sys.ActorOf(Scripted.Props(script =>
        {
            var supervisor = script.Context.ActorOf(props, "supervisor");
            script.On<string>(text => supervisor.Tell(text), text => text == "up");
            script.OnAny(message => TestActor.Tell((message, script.Sender)));
        }));
        var child = await ExpectMsgAsync<IActorRef>();
        parent.Tell("up");
        // The supervisor stands for its child, whichever that is when an answer comes.
        var (message, sender) = await ExpectMsgAsync<(object, IActorRef)>();
        Assert.Equal("from the child", message);
        Assert.Equal(child.Path.Parent, sender.Path);
        sender.Tell("answer");
        await ExpectMsgAsync("answer");
    }

    [Fact]
    public async Task BackoffSupervisor_must_support_custom_supervision_strategy()
    {
        var supervisor = Start(OnStop().WithSupervisorStrategy(new OneForOneStrategy(_ => Directive.Stop)));
        var child = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(child);
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(child);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        await ExpectMsgAsync<IActorRef>();
    }

    [Fact]
    public async Task The_delay_doubles_up_to_its_bound()
    {
        var supervisor = Start(OnStop().WithManualReset());
        foreach (var (count, seconds) in new[] { (1, 1), (2, 2), (3, 4), (4, 8), (5, 8) })
        {
            (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
            await ScheduledAsync(supervisor, count);
            Time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromTicks(1));
            await ExpectNoMsgAsync(20);
            Time.Advance(TimeSpan.FromTicks(1));
        }
        await ExpectMsgAsync<IActorRef>();
        supervisor.Tell(BackoffSupervisor.Reset.Instance);
        Assert.Equal(0, await CountAsync(supervisor));
    }

    [Fact]
    public async Task BackoffSupervisor_must_reset_the_count_by_itself()
    {
        var supervisor = Start(OnStop().WithAutoReset(TimeSpan.FromSeconds(5)));
        (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        await ExpectMsgAsync<IActorRef>();
        Assert.Equal(1, await CountAsync(supervisor));
        Time.Advance(TimeSpan.FromSeconds(5));
        await AwaitAssertAsync(async () => Assert.Equal(0, await CountAsync(supervisor)));
    }

    [Fact]
    public async Task BackoffSupervisor_must_reply_while_stopped()
    {
        var supervisor = Start(OnStop().WithReplyWhileStopped("gone"));
        (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
        await ScheduledAsync(supervisor, 1);
        supervisor.Tell("anyone?");
        await ExpectMsgAsync("gone");
        Assert.Null((await supervisor.Ask<BackoffSupervisor.CurrentChild>(BackoffSupervisor.GetCurrentChild.Instance, Patience)).Ref);
    }

    [Fact]
    public async Task BackoffSupervisor_must_not_reply_to_sender_if_replyWhileStopped_is_not_specified()
    {
        var letters = CreateTestProbe();
        Sys.EventStream.Subscribe(letters.Ref, typeof(DeadLetter));
        var supervisor = Start(OnStop());
        (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
        await ScheduledAsync(supervisor, 1);
        supervisor.Tell("anyone?");
        await letters.ExpectMsgAsync<DeadLetter>(letter => Assert.Equal(("anyone?", TestActor), (letter.Message, letter.Sender)));
        await ExpectNoMsgAsync(20);
    }

    [Fact]
    public async Task BackoffSupervisor_must_support_default_stopping_strategy_when_using_Backoff_OnStop()
    {
        var supervisor = Start(OnStop().WithDefaultStoppingStrategy().WithManualReset());
        var first = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(first);
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(first);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        Assert.NotEqual(first, await ExpectMsgAsync<IActorRef>());
    }

    [Fact]
    public async Task By_default_a_failing_child_is_restarted_at_once_and_nothing_is_counted()
    {
        var supervisor = Start(OnStop());
        var child = await ExpectMsgAsync<IActorRef>();
        supervisor.Tell("boom");
        Assert.Equal(child, await ExpectMsgAsync<IActorRef>());
        Assert.Equal(0, await CountAsync(supervisor));
    }

    [Fact]
    public async Task Where_the_count_resets_by_itself_a_reset_by_message_is_unhandled()
    {
        var supervisor = Start(OnStop());
        await ExpectMsgAsync<IActorRef>();
        Sys.EventStream.Subscribe(TestActor, typeof(UnhandledMessage));
        supervisor.Tell(BackoffSupervisor.Reset.Instance);
        await ExpectMsgAsync<UnhandledMessage>(unhandled => Assert.Equal(supervisor, unhandled.Recipient));
    }

    [Fact]
    public async Task BackoffSupervisor_must_use_provided_max_retries_and_stop()
    {
        var supervisor = Start(OnStop().WithManualReset().WithMaxNrOfRetries(2));
        await WatchAsync(supervisor);
        for (var count = 1; count <= 2; count++)
        {
            (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
            await ScheduledAsync(supervisor, count);
            Time.Advance(Max);
        }
        (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffSupervisor_must_stop_with_its_child_after_a_final_stop_message()
    {
        var supervisor = Start(OnStop().WithFinalStopMessage(message => message is "stop"));
        await ExpectMsgAsync<IActorRef>();
        await WatchAsync(supervisor);
        supervisor.Tell("stop");
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffSupervisor_must_stop_at_a_final_stop_message_that_comes_while_there_is_no_child()
    {
        var supervisor = Start(OnStop().WithFinalStopMessage(message => message is "stop").WithReplyWhileStopped("gone"));
        (await ExpectMsgAsync<IActorRef>()).Tell(PoisonPill.Instance);
        await ScheduledAsync(supervisor, 1);
        await WatchAsync(supervisor);
        supervisor.Tell("stop");
        await ExpectMsgAsync("gone");
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffSupervisor_must_not_stop_when_final_stop_message_has_not_been_received()
    {
        var supervisor = Start(OnStop().WithFinalStopMessage(message => message is "stop for good"));
        var child = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(child);
        supervisor.Tell("stop");
        await ExpectTerminatedAsync(child);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        await ExpectMsgAsync<IActorRef>();
    }

    [Fact]
    public async Task A_final_stop_message_also_counts_for_a_child_that_then_fails()
    {
        var supervisor = Start(OnFailure().WithFinalStopMessage(message => message is "boom"));
        await ExpectMsgAsync<IActorRef>();
        await WatchAsync(supervisor);
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffOnRestartSupervisor_must_restart_the_child_with_an_exponential_back_off()
    {
        var supervisor = Start(OnFailure().WithManualReset());
        await ExpectMsgAsync<IActorRef>();
        foreach (var (count, seconds) in new[] { (1, 1), (2, 2), (3, 4), (4, 8), (5, 8) })
        {
            supervisor.Tell("boom");
            await ScheduledAsync(supervisor, count);
            Time.Advance(TimeSpan.FromSeconds(seconds) - TimeSpan.FromTicks(1));
            await ExpectNoMsgAsync(20);
            Time.Advance(TimeSpan.FromTicks(1));
            await ExpectMsgAsync<IActorRef>();
        }
    }

    [Fact]
    public async Task BackoffOnRestartSupervisor_must_stop_on_exceptions_as_dictated_by_the_supervisor_strategy()
    {
        var supervisor = Start(OnFailure().WithSupervisorStrategy(new OneForOneStrategy(_ => Directive.Stop)));
        await ExpectMsgAsync<IActorRef>();
        await WatchAsync(supervisor);
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffOnRestartSupervisor_must_respect_maxNrOfRetries_property_of_OneForOneStrategy()
    {
        var supervisor = Start(OnFailure().WithManualReset().WithMaxNrOfRetries(4));
        await WatchAsync(supervisor);
        await ExpectMsgAsync<IActorRef>();
        for (var count = 1; count <= 4; count++)
        {
            supervisor.Tell("boom");
            await ScheduledAsync(supervisor, count);
            Time.Advance(Max);
            await ExpectMsgAsync<IActorRef>();
        }
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public async Task BackoffOnRestartSupervisor_must_accept_commands_while_child_is_terminating()
    {
        using var go = new ManualResetEventSlim();
        var slow = Scripted.Props(script =>
        {
            script.OnPreStart = () => TestActor.Tell(script.Self);
            script.OnPostStop = () =>
            {
                TestActor.Tell("ending");
                Assert.True(go.Wait(TimeSpan.FromSeconds(10)));
            };
            script.On("boom", () => throw new ExpectedException());
        });
        var supervisor = Start(Backoff.OnFailure(slow, "child", Min, Max, 0));
        var child = await ExpectMsgAsync<IActorRef>();
        supervisor.Tell("boom");
        await ExpectMsgAsync("ending");
        // Until it has ended, it is the child.
        Assert.Equal(0, await CountAsync(supervisor));
        Assert.Equal(child, (await supervisor.Ask<BackoffSupervisor.CurrentChild>(BackoffSupervisor.GetCurrentChild.Instance, Patience)).Ref);
        go.Set();
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        Assert.NotEqual(child, await ExpectMsgAsync<IActorRef>());
    }

    [Fact]
    public async Task BackoffSupervisor_must_replace_a_failing_child_when_using_Backoff_OnFailure()
    {
        var supervisor = Start(OnFailure());
        var child = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(child);
        supervisor.Tell("boom");
        await ExpectTerminatedAsync(child);
        await ScheduledAsync(supervisor, 1);
        Time.Advance(Min);
        await ExpectMsgAsync<IActorRef>();
    }

    [Fact]
    public async Task BackoffSupervisor_must_stop_when_the_child_stops_by_itself_when_using_Backoff_OnFailure()
    {
        var supervisor = Start(OnFailure());
        var child = await ExpectMsgAsync<IActorRef>();
        await WatchAsync(supervisor);
        child.Tell(PoisonPill.Instance);
        await ExpectTerminatedAsync(supervisor);
    }

    [Fact]
    public void Senseless_settings_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.OnStop(Props.Empty, "c", TimeSpan.Zero, Max, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.OnStop(Props.Empty, "c", Max, Min, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Backoff.OnStop(Props.Empty, "c", Min, Max, 1.1));
    }

    IActorRef Start(BackoffOptions options) => Sys.ActorOf(BackoffSupervisor.Props(options));

    BackoffOptions OnStop() => Backoff.OnStop(Child(), "child", Min, Max, 0);

    BackoffOptions OnFailure() => Backoff.OnFailure(Child(), "child", Min, Max, 0);

    Props Child() => Scripted.Props(script =>
    {
        script.OnPreStart = () => TestActor.Tell(script.Self);
        script.On("boom", () => throw new ExpectedException());
        script.On("stop", () => script.Context.Stop(script.Self));
        script.On("up", () => script.Context.Parent.Tell("from the child"));
        script.OnAny(message => script.Sender.Tell(message));
    });

    static async Task<int> CountAsync(IActorRef supervisor) =>
        (await supervisor.Ask<BackoffSupervisor.RestartCount>(BackoffSupervisor.GetRestartCount.Instance, Patience)).Count;

    Task ScheduledAsync(IActorRef supervisor, int count) =>
        AwaitAssertAsync(async () => Assert.Equal(count, await CountAsync(supervisor)));
}
