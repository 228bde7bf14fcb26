namespace Mesh.Tests.Engine;

/// <summary>What a supervisor writes into the log, and when the budget of restarts is spent.</summary>
public sealed class SupervisionLogSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(Directive.Restart)]
    [InlineData(Directive.Stop)]
    public async Task A_restart_and_a_stop_are_errors_of_the_child(Directive directive)
    {
        var child = await StartAsync(new OneForOneStrategy(_ => directive));
        var filter = EventFilter.Exception<ExpectedException>(message: "the cause", source: child.Path.ToString());
        await filter.ExpectOneAsync(() => Fail(child));
    }

    [Fact]
    public async Task A_resume_is_a_warning()
    {
        var child = await StartAsync(new OneForOneStrategy(_ => Directive.Resume));
        await EventFilter.Warning(message: "the cause", source: child.Path.ToString()).ExpectOneAsync(() => Fail(child));
        await EventFilter.Error().ExpectAsync(0, () => AnsweredAsync(child));
    }

    [Fact]
    public async Task An_escalation_is_nothing_until_somebody_decides()
    {
        var top = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(_ => Directive.Stop))), "top");
        var escalating = new OneForOneStrategy(_ => Directive.Escalate);
        var middle = await top.Ask<IActorRef>(new NamedProps(Props.Create(() => new Supervisor(escalating)), "middle"), Patience);
        var child = await middle.Ask<IActorRef>(Failing(), Patience);
        await WatchAsync(middle);
        // One, and it speaks of the actor that was stopped, with the exception as it was thrown.
        await EventFilter.Exception<ExpectedException>(source: middle.Path.ToString()).ExpectOneAsync(async () =>
        {
            await EventFilter.Error().ExpectOneAsync(() => Fail(child));
            await ExpectTerminatedAsync(middle);
        });
    }

    [Fact]
    public async Task A_strategy_may_keep_quiet()
    {
        var child = await StartAsync(new OneForOneStrategy(_ => Directive.Restart, loggingEnabled: false));
        await EventFilter.Error().ExpectAsync(0, async () =>
        {
            await Fail(child);
            await AnsweredAsync(child);
        });
    }

    [Fact]
    public async Task A_spent_budget_means_stop_and_not_escalate()
    {
        var top = Sys.ActorOf(Supervisor.Deciding(_ =>
        {
            TestActor.Tell("escalated");
            return Directive.Stop;
        }));
        var middle = await top.Ask<IActorRef>(
            Props.Create(() => new Supervisor(new OneForOneStrategy(2, Timeout.InfiniteTimeSpan, _ => Directive.Restart))), Patience);
        var child = await middle.Ask<IActorRef>(Failing(), Patience);
        await WatchAsync(child);
        for (var restart = 0; restart < 2; restart++)
        {
            await Fail(child);
            await AnsweredAsync(child);
        }
        await Fail(child);
        await ExpectTerminatedAsync(child);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task AllForOne_stops_all_when_the_budget_of_one_is_spent()
    {
        var strategy = new AllForOneStrategy(1, Timeout.InfiniteTimeSpan, _ => Directive.Restart);
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(strategy)));
        var first = await supervisor.Ask<IActorRef>(Failing(), Patience);
        var second = await supervisor.Ask<IActorRef>(Failing(), Patience);
        await Fail(first);
        // All are restarted, so all have spent theirs.
        await AnsweredAsync(first);
        await AnsweredAsync(second);
        var third = await supervisor.Ask<IActorRef>(Failing(), Patience);
        foreach (var child in new[] { first, second, third })
            await WatchAsync(child);
        await Fail(third);
        var ended = await ReceiveNAsync(3).Select(message => ((Terminated)message).ActorRef).ToListAsync();
        Assert.Equivalent(new[] { first, second, third }, ended);
    }

    [Fact]
    public async Task AllForOne_applies_stop_to_all_and_resume_to_one()
    {
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(new AllForOneStrategy(cause =>
            cause.Message == "stop" ? Directive.Stop : Directive.Resume))));
        var children = new List<IActorRef>();
        for (var number = 0; number < 3; number++)
            children.Add(await supervisor.Ask<IActorRef>(Failing(), Patience));
        await Fail(children[0]);
        foreach (var child in children)
        {
            await AnsweredAsync(child);
            await WatchAsync(child);
        }
        children[0].Tell(new ExpectedException("stop"));
        Assert.Equivalent(children, await ReceiveNAsync(3).Select(message => ((Terminated)message).ActorRef).ToListAsync());
    }

    [Fact]
    public async Task Supervisor_should_handle_multiple_child_failure()
    {
        // The failures of the others arrive while the parent waits for its own restart, which stops them all.
        const int Children = 10;
        var top = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(-1, -1, _ => Directive.Restart, false))));
        var starts = 0;
        var parent = await top.Ask<IActorRef>(
            Scripted.Props(script =>
            {
                starts++;
                script.Strategy = new OneForOneStrategy(_ => Directive.Escalate);
                var children = new List<IActorRef>();
                for (var number = 0; number < Children; number++)
                    children.Add(script.Context.ActorOf(Failing(), $"child-{number}"));
                script.On("fail", () => children.ForEach(child => child.Tell(new ExpectedException("the cause"))));
                script.On("ask", () => children.ForEach(child => child.Forward("ping")));
                script.On("starts", () => script.Sender.Tell(starts));
            }),
            Patience);
        for (var round = 0; round < 20; round++)
        {
            var before = await parent.Ask<int>("starts", Patience);
            parent.Tell("fail");
            await AwaitAssertAsync(async () => Assert.True(await parent.Ask<int>("starts", Patience) > before));
        }
        parent.Tell("ask");
        for (var answers = 0; answers < Children; answers++)
            await ExpectMsgAsync("pong");
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Escalated_is_the_very_exception_that_was_thrown()
    {
        var thrown = new ExpectedException("the one");
        var top = Sys.ActorOf(Supervisor.Deciding(cause =>
        {
            TestActor.Tell(cause);
            return Directive.Stop;
        }));
        var escalating = new OneForOneStrategy(_ => Directive.Escalate);
        var middle = await top.Ask<IActorRef>(Props.Create(() => new Supervisor(escalating)), Patience);
        var lower = await middle.Ask<IActorRef>(Props.Create(() => new Supervisor(escalating)), Patience);
        var child = await lower.Ask<IActorRef>(Failing(), Patience);
        child.Tell(thrown);
        Assert.Same(thrown, await ExpectMsgAsync<ExpectedException>());
    }

    [Fact]
    public async Task A_decider_that_throws_fails_the_supervisor()
    {
        var top = Sys.ActorOf(Supervisor.Deciding(cause =>
        {
            TestActor.Tell(cause.Message);
            return Directive.Stop;
        }));
        var middle = await top.Ask<IActorRef>(
            Props.Create(() => new Supervisor(new OneForOneStrategy(_ => ThrowInDecider()))), Patience);
        var child = await middle.Ask<IActorRef>(Failing(), Patience);
        await WatchAsync(child);
        await Fail(child);
        await ExpectMsgAsync("in the decider");
        await ExpectTerminatedAsync(child);
    }

    static Directive ThrowInDecider() => throw new ExpectedException("in the decider");

    static Props Failing() => Scripted.Props(script =>
    {
        script.On<Exception>(cause => throw cause);
        script.On("ping", () => script.Sender.Tell("pong"));
    });

    Task<IActorRef> StartAsync(SupervisorStrategy strategy) =>
        Sys.ActorOf(Props.Create(() => new Supervisor(strategy))).Ask<IActorRef>(Failing(), Patience);

    static Task Fail(IActorRef child)
    {
        child.Tell(new ExpectedException("the cause"));
        return Task.CompletedTask;
    }

    static Task AnsweredAsync(IActorRef child) => child.Ask<string>("ping", Patience);
}
