namespace Mesh.Tests.Engine;

/// <summary>What survives a restart and what does not, and in which order things happen.</summary>
public sealed class RestartSpec : TestKit
{
    static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task The_mailbox_survives_and_what_was_stashed_comes_first()
    {
        var restarted = false;
        using var queued = new ManualResetEventSlim();
        var actor = Sys.ActorOf(Scripted.Props(script =>
        {
            script.OnPostRestart = _ => restarted = true;
            script.On("fail", () =>
            {
                Assert.True(queued.Wait(TimeSpan.FromSeconds(5)));
                throw new ExpectedException();
            });
            script.OnAny(message =>
            {
                if (restarted)
                    TestActor.Tell(message);
                else
                    script.Stash.Stash();
            });
        }));
        foreach (var message in new[] { "stashed 1", "stashed 2", "fail", "queued 1", "queued 2" })
            actor.Tell(message);
        queued.Set();
        foreach (var expected in new[] { "stashed 1", "stashed 2", "queued 1", "queued 2" })
            await ExpectMsgAsync(expected);
        // The failing message is not tried again.
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task The_reference_stays_and_so_does_who_watches()
    {
        var actor = await StartAsync(Scripted.Props(script =>
        {
            script.On("fail", () => throw new ExpectedException());
            script.OnAny(_ => script.Sender.Tell(script.Self));
        }));
        await WatchAsync(actor);
        var uid = actor.Path.Uid;
        actor.Tell("fail");
        Assert.Equal(actor, await actor.Ask<IActorRef>("who?", Patience));
        Assert.Equal(uid, (await actor.Ask<IActorRef>("who?", Patience)).Path.Uid);
        Sys.Stop(actor);
        await ExpectTerminatedAsync(actor);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task What_the_old_instance_watched_the_new_one_is_told_of()
    {
        var subject = Sys.ActorOf(Props.Empty);
        var watches = true;
        var actor = await StartAsync(Scripted.Props(script =>
        {
            script.OnPreStart = () =>
            {
                if (watches)
                    script.Context.Watch(subject);
                watches = false;
            };
            script.On("fail", () => throw new ExpectedException());
            script.On("ping", () => script.Sender.Tell("pong"));
            script.On<Terminated>(terminated => TestActor.Tell(terminated.ActorRef));
        }));
        actor.Tell("fail");
        actor.Tell("ping");
        await ExpectMsgAsync("pong");
        Sys.Stop(subject);
        await ExpectMsgAsync(subject);
    }

    [Fact]
    public async Task PreRestart_by_default_takes_back_the_watches_on_the_children_that_it_stops()
    {
        var actor = await StartAsync(Scripted.Props(script =>
        {
            var child = script.Context.Watch(script.Context.ActorOf(Props.Empty, "child"));
            script.On("fail", () => throw new ExpectedException());
            script.On("child", () => script.Sender.Tell(child));
            script.On<Terminated>(terminated => TestActor.Tell($"terminated {terminated.ActorRef.Path.Name}"));
        }));
        var first = await actor.Ask<IActorRef>("child", Patience);
        await WatchAsync(first);
        actor.Tell("fail");
        await ExpectTerminatedAsync(first);
        Assert.NotEqual(first, await actor.Ask<IActorRef>("child", Patience));
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task Children_that_PreRestart_keeps_are_restarted_after_their_parent()
    {
        var actor = await StartAsync(Scripted.Props(script =>
        {
            if (script.Context.Child("child").IsNobody())
            {
                script.Context.ActorOf(
                    Scripted.Props(child =>
                    {
                        child.OnPreRestart = (reason, _) => TestActor.Tell($"child preRestart: {reason.Message}");
                        child.OnPostRestart = _ => TestActor.Tell("child postRestart");
                    }),
                    "child");
            }
            script.OnPreRestart = (_, _) => TestActor.Tell("parent preRestart");
            script.OnPostRestart = _ => TestActor.Tell("parent postRestart");
            script.On("fail", () => throw new ExpectedException("the cause"));
        }));
        actor.Tell("fail");
        foreach (var expected in new[] { "parent preRestart", "parent postRestart", "child preRestart: the cause", "child postRestart" })
            await ExpectMsgAsync(expected);
    }

    [Fact]
    public async Task A_resumed_actor_is_the_same_with_the_same_state_and_without_the_message()
    {
        var instances = 0;
        var supervisor = Sys.ActorOf(Props.Create(() => new Supervisor(new OneForOneStrategy(_ => Directive.Resume))));
        var actor = await supervisor.Ask<IActorRef>(
            Scripted.Props(script =>
            {
                instances++;
                var count = 0;
                script.OnPreRestart = (_, _) => TestActor.Tell("restarting");
                script.On("count", () => script.Sender.Tell(count));
                script.On<int>(number =>
                {
                    count += number;
                    if (number == 10)
                        throw new ExpectedException();
                });
            }),
            Patience);
        foreach (var number in new[] { 1, 10, 100 })
            actor.Tell(number);
        Assert.Equal(111, await actor.Ask<int>("count", Patience));
        Assert.Equal(1, instances);
        Assert.False(HasMessages);
    }

    [Theory]
    [InlineData("by the context")]
    [InlineData("by the system")]
    [InlineData("by a pill")]
    public async Task A_stop_ends_the_children_first_then_the_actor_then_tells_who_watches(string how)
    {
        var order = CreateTestProbe();
        var actor = await StartAsync(Scripted.Props(script =>
        {
            script.Context.ActorOf(Scripted.Props(child =>
            {
                child.Context.ActorOf(Scripted.Props(last => last.OnPostStop = () => order.Ref.Tell("grandchild")));
                child.OnPostStop = () => order.Ref.Tell("child");
            }));
            script.OnPostStop = () => order.Ref.Tell("actor");
            script.On("stop", () => script.Context.Stop(script.Self));
            script.On("started?", () => script.Sender.Tell("started"));
        }));
        Assert.Equal("started", await actor.Ask<string>("started?", Patience));
        await order.WatchAsync(actor);
        switch (how)
        {
            case "by the context":
                actor.Tell("stop");
                break;
            case "by the system":
                Sys.Stop(actor);
                break;
            default:
                actor.Tell(PoisonPill.Instance);
                break;
        }
        foreach (var expected in new[] { "grandchild", "child", "actor" })
            await order.ExpectMsgAsync(expected);
        await order.ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task ShouldReceiveSysMsgBeforeUserMsg()
    {
        var actor = await StartAsync(Scripted.Props(script =>
        {
            script.On("stop", () =>
            {
                script.Self.Tell("too late");
                script.Context.Stop(script.Self);
                TestActor.Tell("stopping");
            });
            script.OnAny(message => TestActor.Tell(message));
        }));
        await WatchAsync(actor);
        actor.Tell("stop");
        await ExpectMsgAsync("stopping");
        await ExpectTerminatedAsync(actor);
        await ExpectNoMsgAsync(50);
    }

    [Fact]
    public async Task What_PreStart_throws_is_a_failure_to_start()
    {
        var causes = CreateTestProbe();
        var supervisor = Sys.ActorOf(Supervisor.Deciding(cause =>
        {
            causes.Ref.Tell(cause);
            return Directive.Stop;
        }));
        var actor = await supervisor.Ask<IActorRef>(
            Scripted.Props(script => script.OnPreStart = () => throw new ExpectedException("in preStart")), Patience);
        await WatchAsync(actor);
        await causes.ExpectMsgAsync<ActorInitializationException>(cause =>
        {
            Assert.Equal(actor, cause.Actor);
            Assert.Equal("in preStart", cause.InnerException!.Message);
        });
        await ExpectTerminatedAsync(actor);
    }

    [Fact]
    public async Task TimerActor_should_not_crash_on_startup()
    {
        // Ticks of a timer that never ends may come before PreStart has returned.
        var actors = Enumerable.Range(0, 20).Select(_ => Sys.ActorOf(Scripted.Props(script =>
        {
            var ticks = 0;
            script.OnPreStart = () => script.Timers.StartPeriodicTimer("key", "tick", TimeSpan.FromMilliseconds(1));
            script.On("tick", () => ticks++);
            script.On("ticks", () => script.Sender.Tell(ticks));
        }))).ToList();
        foreach (var actor in actors)
        {
            await WatchAsync(actor);
            await AwaitAssertAsync(async () => Assert.True(await actor.Ask<int>("ticks", Patience) > 0));
        }
        Assert.False(HasMessages);
    }

    Task<IActorRef> StartAsync(Props props) => Sys.ActorOf(Props.Create(() => new Supervisor(
        new OneForOneStrategy(_ => Directive.Restart)))).Ask<IActorRef>(props, Patience);
}
